// Enhanced authentication (section 4.12): CONNECT with a method, AUTH, CONNACK; again while connected.
#include "core/auth/scram.hpp"
#include "core/broker/scram_method.hpp"
#include "tests/cpp/broker/harness.hpp"

namespace mqtt_sim::broker::test {
namespace {

constexpr std::string_view kMethod = "SCRAM-SHA-256";

struct Realm {
  explicit Realm(BrokerOptions options = {}) : world(add_to(std::move(options))) {}

  BrokerOptions add_to(BrokerOptions options) {
    UserTable table;
    EXPECT_FALSE(table.add("anna", "force"));
    EXPECT_FALSE(table.add("bob", "apple"));
    users.replace(std::move(table));
    options.rules.push_back(&users);
    options.authenticators.push_back(&method);
    return options;
  }

  Users users{"secret"};
  ScramMethod method{users};
  World world;
};

// What a peer says; each gives what came back as lines, the Authentication Data aside.
struct ScramPeer {
  ScramPeer(World& world, std::string user, std::string password)
      : peer(world.open(v5)), scram(std::move(user), std::move(password), "client-nonce") {}

  Lines connect(std::string_view method = kMethod, std::optional<Will> will = std::nullopt) {
    Connect packet;
    packet.version = v5;
    packet.client_id = "c";
    packet.will = will;
    PropertyWriter properties;
    properties.text(PropertyId::authentication_method, method);
    properties.text(PropertyId::authentication_data, scram.first());
    packet.properties = properties.list();
    peer.send(packet);
    return peer.receive();
  }
  Lines auth(ReasonCode reason, std::string_view data, std::string_view method = kMethod) {
    PropertyWriter properties;
    properties.text(PropertyId::authentication_method, method);
    properties.text(PropertyId::authentication_data, data);
    peer.send(Auth{reason, properties.list()});
    return peer.receive();
  }
  Lines answer() {
    const auto answer = scram.answer(peer.auth_data());
    EXPECT_TRUE(answer);
    return auth(ReasonCode::continue_authentication, answer ? *answer : "");
  }
  Lines begin_again() { return auth(ReasonCode::reauthenticate, scram.first()); }

  Peer& peer;
  auth::ScramClient scram;
};

TEST(Auth, ScramLetsInWhoKnowsThePassword) {
  prove("X-07");
  Realm realm({.allow_anonymous = false});
  ScramPeer anna(realm.world, "anna", "force");
  EXPECT_EQ(anna.connect(), Lines{"AUTH 18 SCRAM-SHA-256"});  // [MQTT-4.12.0-2]
  EXPECT_EQ(realm.world.broker.stats().clients, 0u);
  EXPECT_EQ(anna.answer(), Lines{"CONNACK 00"});
  const PropertyList properties = anna.peer.connack_properties();
  EXPECT_EQ(properties.text(PropertyId::authentication_method), kMethod);  // [MQTT-4.12.0-5]
  EXPECT_TRUE(anna.scram.check_server(properties.text(PropertyId::authentication_data).value_or("")));
  EXPECT_EQ(realm.world.broker.stats().clients, 1u);
}

TEST(Auth, TheUserIsWhoWasProvedNotWhoWasClaimed) {
  Realm realm;
  std::vector<std::string> seen;
  struct Watch final : Rule {
    explicit Watch(std::vector<std::string>& seen_) : seen(seen_) {}
    Verdict on_event(const Event& event, Instant) override {
      seen.push_back(std::string(event.user_name.value_or("-")) + (event.is_authenticated ? "!" : ""));
      return Verdict::pass();
    }
    std::vector<std::string>& seen;
  } watch(seen);
  World world({.rules = {&realm.users, &watch}, .authenticators = {&realm.method}});
  ScramPeer anna(world, "anna", "force");
  Connect packet;
  packet.version = v5;
  packet.client_id = "c";
  packet.user_name = "dora";
  packet.password = as_bytes("x");
  PropertyWriter properties;
  properties.text(PropertyId::authentication_method, kMethod);
  properties.text(PropertyId::authentication_data, anna.scram.first());
  packet.properties = properties.list();
  anna.peer.send(packet);
  anna.peer.receive();
  EXPECT_EQ(anna.answer(), Lines{"CONNACK 00"});
  anna.peer.send(message("t", "x"));
  EXPECT_EQ(seen, (std::vector<std::string>{"anna!", "anna"}));
}

TEST(Auth, AWrongPasswordAndAnUnknownNameLookTheSame) {
  prove("X-07");
  for (const char* name : {"anna", "nobody"}) {
    Realm realm;
    ScramPeer peer(realm.world, name, "wrong");
    EXPECT_EQ(peer.connect(), Lines{"AUTH 18 SCRAM-SHA-256"});
    EXPECT_EQ(peer.answer(), (Lines{"CONNACK 87", "CLOSE"}));  // [MQTT-4.12.0-4]
    EXPECT_EQ(realm.world.broker.stats().sessions, 0u);
    EXPECT_EQ(realm.world.broker.stats().refused_connects, 1u);
  }
}

TEST(Auth, ADataThatIsNoScramIsRefused) {
  Realm realm;
  Peer& peer = realm.world.open(v5);
  Connect packet;
  packet.version = v5;
  packet.client_id = "c";
  PropertyWriter properties;
  properties.text(PropertyId::authentication_method, kMethod);
  packet.properties = properties.list();
  peer.send(packet);
  EXPECT_EQ(peer.receive(), (Lines{"CONNACK 87", "CLOSE"}));
}

TEST(Auth, AnUnknownMethodIsABadOne) {
  Realm realm;
  ScramPeer peer(realm.world, "anna", "force");
  EXPECT_EQ(peer.connect("GSSAPI"), (Lines{"CONNACK 8c", "CLOSE"}));  // [MQTT-4.12.0-1]
  realm.users.replace({});                                            // nobody is left who could
  ScramPeer second(realm.world, "anna", "force");
  EXPECT_EQ(second.connect(), (Lines{"CONNACK 8c", "CLOSE"}));
  World bare;
  ScramPeer third(bare, "anna", "force");
  EXPECT_EQ(third.connect(), (Lines{"CONNACK 8c", "CLOSE"}));
}

TEST(Auth, BeforeConnackOnlyAuthAndDisconnectMayCome) {
  const auto run = [](const std::function<Lines(ScramPeer&)>& send) {
    Realm realm;
    ScramPeer peer(realm.world, "anna", "force");
    EXPECT_EQ(peer.connect(kMethod, will("w", "x")), Lines{"AUTH 18 SCRAM-SHA-256"});
    const Lines lines = send(peer);
    EXPECT_EQ(realm.world.broker.stats().sessions, 0u);
    EXPECT_EQ(realm.world.broker.stats().wills, 0u);
    return lines;
  };
  const auto other = [&](const Packet& packet) {
    return run([&](ScramPeer& peer) {
      peer.peer.send(packet);
      return peer.peer.receive();
    });
  };
  const Lines refused{"CONNACK 82", "CLOSE"};
  EXPECT_EQ(other(Pingreq()), refused);  // [MQTT-3.1.2-30]
  EXPECT_EQ(other(message("t", "x")), refused);
  EXPECT_EQ(other(subscribe(1, "t")), refused);
  EXPECT_EQ(
      other(Connect{.version = v5, .client_id = "d", .will = {}, .user_name = {}, .password = {}, .properties = {}}),
      refused);
  EXPECT_EQ(other(Disconnect()), Lines{"CLOSE"});
  EXPECT_EQ(run([](ScramPeer& peer) { return peer.begin_again(); }), refused);
  EXPECT_EQ(run([](ScramPeer& peer) { return peer.auth(ReasonCode::success, "x"); }), refused);
  EXPECT_EQ(run([](ScramPeer& peer) { return peer.auth(ReasonCode::continue_authentication, "x", "PLAIN"); }), refused);
  EXPECT_EQ(run([](ScramPeer& peer) { return peer.auth(ReasonCode::continue_authentication, "x"); }),
            (Lines{"CONNACK 87", "CLOSE"}));
}

TEST(Auth, MustBeDoneBeforeTheConnectTimeout) {
  Realm realm({.connect_timeout = seconds(10)});
  ScramPeer peer(realm.world, "anna", "force");
  peer.connect();
  realm.world.advance(seconds(9));
  EXPECT_EQ(peer.peer.receive(), Lines());
  realm.world.advance(seconds(1));
  EXPECT_EQ(peer.peer.receive(), Lines{"CLOSE"});
  EXPECT_EQ(realm.world.broker.stats().connect_timeouts, 1u);
}

TEST(Auth, AStreamThatEndsInBetweenLeavesNothing) {
  Realm realm;
  ScramPeer peer(realm.world, "anna", "force");
  peer.connect(kMethod, will("w", "x"));
  peer.peer.drop();
  EXPECT_EQ(realm.world.broker.stats().connections, 0u);
  EXPECT_EQ(realm.world.broker.stats().sessions, 0u);
  EXPECT_EQ(realm.world.broker.stats().wills, 0u);
}

TEST(Auth, WhatTheConnectAskedForIsDoneAfterwards) {
  Realm realm;
  ScramPeer peer(realm.world, "anna", "force");
  peer.connect(kMethod, will("w", "gone"));
  EXPECT_EQ(peer.answer(), Lines{"CONNACK 00"});
  Peer& reader = realm.world.connect({.id = "r"});
  reader.send(subscribe(1, "w"));
  peer.peer.drop();
  EXPECT_EQ(reader.receive(), (Lines{"SUBACK #1 00", "PUBLISH w=gone"}));
}

TEST(Auth, AConnectTooLongToBeKeptIsRefused) {
  Realm realm;
  ScramPeer peer(realm.world, "anna", "force");
  const std::string long_text(60'000, 'x');
  Connect packet;
  packet.version = v5;
  packet.client_id = "c";
  PropertyWriter properties;
  properties.text(PropertyId::authentication_method, kMethod);
  properties.text(PropertyId::authentication_data, peer.scram.first());
  for (int i = 0; i < 5; ++i) properties.user_property("x", long_text);
  packet.properties = properties.list();
  peer.peer.send(packet);
  EXPECT_EQ(peer.peer.receive(), (Lines{"CONNACK 95", "CLOSE"}));
}

TEST(Auth, ReauthenticationGoesOnWhileMessagesFlow) {
  prove("X-07");
  Realm realm;
  ScramPeer peer(realm.world, "anna", "force");
  peer.connect();
  peer.answer();
  peer.peer.send(subscribe(1, "t"));
  peer.peer.receive();
  for (int round = 0; round < 3; ++round) {
    EXPECT_EQ(peer.begin_again(), Lines{"AUTH 18 SCRAM-SHA-256"});  // [MQTT-4.12.1-1]
    peer.peer.send(message("t", "between"));
    peer.peer.send(Pingreq());
    EXPECT_EQ(peer.peer.receive(), (Lines{"PUBLISH t=between", "PINGRESP"}));
    EXPECT_EQ(peer.answer(), Lines{"AUTH 00 SCRAM-SHA-256"});
    EXPECT_TRUE(peer.scram.check_server(peer.peer.auth_data()));
  }
}

TEST(Auth, FailedReauthenticationEndsTheConnection) {
  prove("X-07");
  const struct {
    const char* name;
    const char* password;
  } rows[] = {{"anna", "wrong"}, {"nobody", "x"}, {"bob", "apple"}};  // another user is nobody to go on as
  for (const auto& row : rows) {
    Realm realm;
    ScramPeer peer(realm.world, "anna", "force");
    peer.connect(kMethod, will("w", "gone"));
    peer.answer();
    peer.scram = auth::ScramClient(row.name, row.password, "other-nonce");
    EXPECT_EQ(peer.begin_again(), Lines{"AUTH 18 SCRAM-SHA-256"});
    EXPECT_EQ(peer.answer(), (Lines{"DISCONNECT 87", "CLOSE"})) << row.name;  // [MQTT-4.12.1-2]
    EXPECT_EQ(realm.world.broker.stats().wills, 1u);
  }
}

TEST(Auth, AUserWhoIsNoLongerThereCannotReauthenticate) {
  Realm realm;
  ScramPeer peer(realm.world, "anna", "force");
  peer.connect();
  peer.answer();
  UserTable others;
  EXPECT_FALSE(others.add("bob", "apple"));
  realm.users.replace(std::move(others));
  peer.begin_again();
  EXPECT_EQ(peer.answer(), (Lines{"DISCONNECT 87", "CLOSE"}));
  ScramPeer bob(realm.world, "bob", "apple");
  bob.connect();
  bob.answer();
  realm.users.replace({});
  EXPECT_EQ(bob.begin_again(), (Lines{"DISCONNECT 8c", "CLOSE"}));
}

TEST(Auth, WhileConnectedAnyOtherAuthIsAProtocolError) {
  const auto run = [](const std::function<Lines(ScramPeer&)>& send) {
    Realm realm;
    ScramPeer peer(realm.world, "anna", "force");
    peer.connect();
    peer.answer();
    return send(peer);
  };
  const Lines refused{"DISCONNECT 82", "CLOSE"};
  EXPECT_EQ(run([](ScramPeer& peer) { return peer.auth(ReasonCode::continue_authentication, "x"); }), refused);
  EXPECT_EQ(run([](ScramPeer& peer) { return peer.auth(ReasonCode::success, "x"); }), refused);
  EXPECT_EQ(run([](ScramPeer& peer) { return peer.auth(ReasonCode::reauthenticate, "x", "PLAIN"); }), refused);
  EXPECT_EQ(run([](ScramPeer& peer) {
              peer.begin_again();
              return peer.begin_again();
            }),
            refused);
}

TEST(Auth, ADisconnectInTheMiddleOfReauthenticationIsOne) {
  Realm realm;
  ScramPeer peer(realm.world, "anna", "force");
  peer.connect(kMethod, will("w", "gone"));
  peer.answer();
  peer.begin_again();
  peer.peer.send(Disconnect());
  EXPECT_EQ(peer.peer.receive(), Lines{"CLOSE"});
  EXPECT_EQ(realm.world.broker.stats().wills, 0u);
}

TEST(Auth, AClientThatAgreedOnNoMethodMayNotSendAuth) {
  Realm realm;
  for (const ReasonCode reason : {ReasonCode::reauthenticate, ReasonCode::continue_authentication}) {
    Peer& peer = realm.world.connect({.id = "c", .version = v5});
    EXPECT_FALSE(peer.connack_properties().text(PropertyId::authentication_method));  // [MQTT-4.12.0-6]
    PropertyWriter properties;
    properties.text(PropertyId::authentication_method, kMethod);
    peer.send(Auth{reason, properties.list()});
    EXPECT_EQ(peer.receive(), (Lines{"DISCONNECT 82", "CLOSE"}));  // [MQTT-4.12.0-7]
  }
  Peer& first = realm.world.open(v5);
  PropertyWriter properties;
  properties.text(PropertyId::authentication_method, kMethod);
  first.send(Auth{ReasonCode::reauthenticate, properties.list()});
  EXPECT_EQ(first.receive(), Lines{"CLOSE"});  // [MQTT-3.1.0-1]
}

// A method from outside, to see that the order of packets is not SCRAM's own.
struct Riddle final : Authenticator {
  struct Run final : Exchange {
    explicit Run(const Riddle& riddle_) : riddle(riddle_) {}
    AuthStep on_data(std::string_view data, Instant) override {
      if (data == "please") return {.kind = AuthStep::Kind::accept, .user_name = "polite"};
      if (data == "banned") return {.kind = AuthStep::Kind::refuse, .reason = ReasonCode::banned};
      return {.kind = AuthStep::Kind::proceed, .data = "what?"};
    }
    const Riddle& riddle;
  };
  std::string_view method() const override { return "RIDDLE"; }
  std::unique_ptr<Exchange> begin(Instant) override { return std::make_unique<Run>(*this); }
};

Lines connect_with_riddle(Peer& peer, std::string_view data) {
  Connect packet;
  packet.version = v5;
  PropertyWriter properties;
  properties.text(PropertyId::authentication_method, "RIDDLE");
  properties.text(PropertyId::authentication_data, data);
  packet.properties = properties.list();
  peer.send(packet);
  return peer.receive();
}

TEST(Auth, AnotherMethodMayAcceptAtOnceRefuseOrAskForAWhile) {
  Riddle riddle;
  World world({.authenticators = {&riddle}});
  Peer& polite = world.open(v5);
  EXPECT_EQ(connect_with_riddle(polite, "please"), Lines{"CONNACK 00"});
  EXPECT_FALSE(polite.connack_properties().text(PropertyId::authentication_data));
  EXPECT_EQ(connect_with_riddle(world.open(v5), "banned"), (Lines{"CONNACK 8a", "CLOSE"}));
  Peer& silly = world.open(v5);
  EXPECT_EQ(connect_with_riddle(silly, ""), Lines{"AUTH 18 RIDDLE"});
  Lines lines;
  int asked = 1;
  for (; asked < 100 && silly.is_open(); ++asked) {
    PropertyWriter properties;
    properties.text(PropertyId::authentication_method, "RIDDLE");
    silly.send(Auth{ReasonCode::continue_authentication, properties.list()});
    lines = silly.receive();
  }
  EXPECT_EQ(lines, (Lines{"CONNACK 87", "CLOSE"}));
  EXPECT_EQ(asked, 16);
}

}  // namespace
}  // namespace mqtt_sim::broker::test
