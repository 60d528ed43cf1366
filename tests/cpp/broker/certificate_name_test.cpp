// Listeners whose clients are named by their certificates: whatever else they say of themselves does not count.
#include "core/auth/scram.hpp"
#include "core/broker/access_list.hpp"
#include "core/broker/scram_method.hpp"
#include "tests/cpp/broker/harness.hpp"

namespace mqtt_sim::broker::test {
namespace {

struct Watch final : Rule {
  Verdict on_event(const Event& event, Instant) override {
    if (event.kind == EventKind::connect) {
      seen.push_back(std::string(event.user_name.value_or("-")) + (event.password ? ":password" : "") +
                     (event.is_authenticated ? "!" : ""));
    }
    return Verdict::pass();
  }
  std::vector<std::string> seen;
};

// One listener that takes names from certificates, beside the broker's own, which does not.
struct Named {
  explicit Named(BrokerOptions options = {}) : world(std::move(options)) {}

  Lines connect(const std::string& certificate_name, const Client& client) {
    Peer& peer = world.open(client.version, &listener, certificate_name);
    World::send_connect(peer, client);
    return peer.receive();
  }

  World world;
  Listener& listener = world.broker.add_listener({.certificate_name_as_user = true});
};

TEST(CertificateName, IsTheUserNameWhateverConnectSays) {
  prove("X-24");
  Watch watch;
  Named named({.rules = {&watch}});
  EXPECT_EQ(named.connect("anna", {.id = "a"}), Lines{"CONNACK 00"});
  EXPECT_EQ(named.connect("anna", {.id = "b", .user_name = "luke", .password = "force"}), Lines{"CONNACK 00"});
  EXPECT_EQ(named.connect("anna", {.id = "c", .version = v5, .user_name = "luke"}), Lines{"CONNACK 00"});
  EXPECT_EQ(watch.seen, (std::vector<std::string>{"anna!", "anna!", "anna!"}));
}

TEST(CertificateName, IsRefusedWhereItIsMissing) {
  Watch watch;
  Named named({.rules = {&watch}});
  EXPECT_EQ(named.connect("", {.version = v311}), (Lines{"CONNACK 04", "CLOSE"}));
  EXPECT_EQ(named.connect("", {.version = v5}), (Lines{"CONNACK 86", "CLOSE"}));
  EXPECT_EQ(named.connect("", {.version = v5, .user_name = "anna", .password = "x"}), (Lines{"CONNACK 86", "CLOSE"}));
  EXPECT_EQ(watch.seen, std::vector<std::string>()) << "nobody is asked";
  EXPECT_EQ(named.world.broker.stats().refused_connects, 3u);
  named.world.connect({.id = "d"});  // by the way that takes no names from certificates
  EXPECT_EQ(watch.seen, std::vector<std::string>{"-"});
}

TEST(CertificateName, NeedsNoRulesToBeDemanded) {
  Named named;
  EXPECT_EQ(named.connect("", {.version = v5}), (Lines{"CONNACK 86", "CLOSE"}));
  EXPECT_EQ(named.connect("anna", {.version = v5}), Lines{"CONNACK 00"});
}

TEST(CertificateName, NeedsNoPasswordAndIsNotAnonymous) {
  Users users("secret");
  UserTable table;
  ASSERT_FALSE(table.add("anna", "force"));
  users.replace(std::move(table));
  Named named({.allow_anonymous = false, .rules = {&users}});
  EXPECT_EQ(named.connect("anna", {.id = "a", .version = v5}), Lines{"CONNACK 00"});
  EXPECT_EQ(named.connect("zoe", {.id = "z", .version = v5}), Lines{"CONNACK 00"}) << "whom no file knows";
}

TEST(CertificateName, IsNotDisconnectedForAPasswordThatChanged) {
  Users users("secret");
  Named named({.rules = {&users}});
  Peer& peer = named.world.open(v5, &named.listener, "anna");
  World::send_connect(peer, {.id = "a", .version = v5});
  EXPECT_EQ(peer.receive(), Lines{"CONNACK 00"});
  named.world.broker.disconnect_users({"anna"}, ReasonCode::administrative_action, named.world.now);
  EXPECT_EQ(peer.receive(), Lines());
}

TEST(CertificateName, DecidesWhatTheAccessListGrants) {
  auto table = AccessTable::parse("pattern readwrite devices/%u/#\n");
  ASSERT_TRUE(table);
  AccessList list(std::move(*table));
  Named named({.rules = {&list}});
  Peer& peer = named.world.open(v5, &named.listener, "anna");
  World::send_connect(peer, {.id = "a", .version = v5, .user_name = "luke"});
  peer.receive();
  peer.send(subscribe(1, {{"devices/anna/x", {}}, {"devices/luke/x", {}}}));
  EXPECT_EQ(peer.receive(), Lines{"SUBACK #1 00 87"});
}

TEST(CertificateName, ComesBeforeWhatEnhancedAuthenticationProves) {
  Users users("secret");
  UserTable table;
  ASSERT_FALSE(table.add("luke", "force"));
  users.replace(std::move(table));
  ScramMethod method(users);
  Watch watch;
  Named named({.rules = {&users, &watch}, .authenticators = {&method}});
  Peer& peer = named.world.open(v5, &named.listener, "anna");
  auth::ScramClient scram("luke", "force", "client-nonce");
  Connect connect;
  connect.version = v5;
  connect.client_id = "c";
  PropertyWriter first;
  first.text(PropertyId::authentication_method, "SCRAM-SHA-256");
  first.text(PropertyId::authentication_data, scram.first());
  connect.properties = first.list();
  peer.send(connect);
  ASSERT_EQ(peer.receive(), Lines{"AUTH 18 SCRAM-SHA-256"});
  const auto answer = scram.answer(peer.auth_data());
  ASSERT_TRUE(answer);
  PropertyWriter second;
  second.text(PropertyId::authentication_method, "SCRAM-SHA-256");
  second.text(PropertyId::authentication_data, *answer);
  peer.send(Auth{ReasonCode::continue_authentication, second.list()});
  EXPECT_EQ(peer.receive(), Lines{"CONNACK 00"});
  EXPECT_EQ(watch.seen, std::vector<std::string>{"anna!"});
}

}  // namespace
}  // namespace mqtt_sim::broker::test
