// Ways in: which levels each takes, how many clients, and what one too many is told.
#include "core/broker/users.hpp"
#include "tests/cpp/broker/harness.hpp"

namespace mqtt_sim::broker::test {
namespace {

constexpr ProtocolVersion kLevels[] = {v31, v311, v5};

// What the CONNECT of a new client is answered with.
Lines answer(World& world, const Client& client) {
  Peer& peer = world.open(client.version, client.by);
  EXPECT_TRUE(peer.is_open());
  World::send_connect(peer, client);
  return peer.receive();
}

TEST(Listener, TakesAllLevelsUnlessTold) {
  prove("X-01");
  World world;
  for (Service* by : {static_cast<Service*>(nullptr), static_cast<Service*>(&world.broker.add_listener({}))}) {
    for (const ProtocolVersion version : kLevels) {
      EXPECT_EQ(answer(world, {.id = "c", .version = version, .by = by}), Lines{"CONNACK 00"});
    }
  }
}

struct LevelCase {
  const char* name;
  ListenerOptions options;
  ProtocolVersion refused;
  Lines answer;
};

class ListenerLevel : public testing::TestWithParam<LevelCase> {};

// [MQTT-3.1.2-2], also of 3.1.1
TEST_P(ListenerLevel, RefusesAnotherOneInItsOwnForm) {
  prove("X-01");
  World world;
  Listener& listener = world.broker.add_listener(GetParam().options);
  for (const ProtocolVersion version : kLevels) {
    const bool is_refused = version == GetParam().refused;
    EXPECT_EQ(answer(world, {.id = "c", .version = version, .by = &listener}),
              is_refused ? GetParam().answer : Lines{"CONNACK 00"});
    EXPECT_EQ(answer(world, {.id = "d", .version = version}), Lines{"CONNACK 00"});  // the default way takes it
  }
  EXPECT_EQ(world.broker.stats().refused_levels, 1u);
  EXPECT_EQ(world.broker.stats().refused_connects, 1u);
}

INSTANTIATE_TEST_SUITE_P(Levels, ListenerLevel,
                         testing::Values(LevelCase{"v31", {.accepts_v3_1 = false}, v31, {"CONNACK 01", "CLOSE"}},
                                         LevelCase{"v311", {.accepts_v3_1_1 = false}, v311, {"CONNACK 01", "CLOSE"}},
                                         LevelCase{"v5", {.accepts_v5_0 = false}, v5, {"CONNACK 84", "CLOSE"}}),
                         [](const auto& level) { return level.param.name; });

TEST(Listener, MayWantAUserNameOfItsOwn) {
  UserTable table;
  ASSERT_FALSE(table.add("u", "p"));
  Users users("secret", std::move(table));
  World world({.rules = {&users}});
  Listener& strict = world.broker.add_listener({.allow_anonymous = false});
  EXPECT_EQ(answer(world, {.id = "a", .version = v5, .by = &strict}), (Lines{"CONNACK 87", "CLOSE"}));
  EXPECT_EQ(answer(world, {.id = "a", .version = v5, .user_name = "u", .password = "p", .by = &strict}),
            Lines{"CONNACK 00"});
  EXPECT_EQ(answer(world, {.id = "b", .version = v5}), Lines{"CONNACK 00"});
}

TEST(Listener, ClientsOfDifferentWaysMeetAtOneBroker) {
  World world;
  Listener& other = world.broker.add_listener({.name = "other"});
  Peer& subscriber = world.connect({.id = "s", .by = &other});
  subscriber.send(subscribe(1, "t"));
  world.connect({.id = "p"}).send(message("t", "x"));
  EXPECT_EQ(subscriber.receive(), (Lines{"SUBACK #1 00", "PUBLISH t=x"}));
}

TEST(Listener, KeepsTheBrokersTime) {
  World world;
  Listener& listener = world.broker.add_listener({});
  EXPECT_EQ(listener.deadline(), std::nullopt);
  world.connect({.id = "c", .version = v5, .session_expiry_s = 10}).drop();
  ASSERT_EQ(listener.deadline(), world.now + seconds(10));
  world.now += seconds(10);
  listener.on_deadline(world.now);
  EXPECT_EQ(world.broker.stats().sessions, 0u);
}

TEST(ConnectionLimit, TheConnectOfOneTooManyIsAnswered) {
  prove("X-32");
  World world({.max_connections = 2});
  world.connect({.id = "a"});
  Peer& second = world.connect({.id = "b"});
  EXPECT_EQ(answer(world, {.id = "c", .version = v5}), (Lines{"CONNACK 97", "CLOSE"}));
  EXPECT_EQ(answer(world, {.id = "c", .version = v311}), (Lines{"CONNACK 03", "CLOSE"}));
  EXPECT_EQ(world.broker.stats().refused_connections, 2u);
  EXPECT_EQ(world.broker.stats().refused_connects, 2u);
  second.drop();
  world.connect({.id = "c"});
}

TEST(ConnectionLimit, IsHeldByEachListenerAlone) {
  prove("X-32");
  World world;
  Listener& narrow = world.broker.add_listener({.max_connections = 1});
  Peer& first = world.connect({.id = "a", .by = &narrow});
  EXPECT_EQ(answer(world, {.id = "b", .version = v5, .by = &narrow}), (Lines{"CONNACK 97", "CLOSE"}));
  world.connect({.id = "b"});
  first.drop();
  EXPECT_EQ(narrow.streams, 0u);
  EXPECT_EQ(narrow.clients, 0u);
  world.connect({.id = "c", .by = &narrow});
}

TEST(ConnectionLimit, WhoTakesOverTakesThePlaceToo) {
  World world({.max_connections = 1});
  Listener& narrow = world.broker.add_listener({.max_connections = 1});
  Peer& old = world.connect({.id = "a", .by = &narrow});
  world.connect({.id = "a", .by = &narrow});
  EXPECT_EQ(old.receive(), Lines{"CLOSE"});
  EXPECT_EQ(answer(world, {.id = "b", .version = v5}), (Lines{"CONNACK 97", "CLOSE"}));
  EXPECT_EQ(world.broker.stats().clients, 1u);
}

TEST(ConnectionLimit, AFewMoreStreamsThanClientsAreAccepted) {
  prove("X-32");
  World world({.max_connections = 1});
  world.connect({.id = "a"});
  int accepted = 0;
  while (accepted < 1000 && world.open().is_open()) ++accepted;
  EXPECT_EQ(accepted, 64);
  EXPECT_EQ(world.broker.stats().refused_connections, 1u);
  world.advance(seconds(10));  // those that say nothing are gone then
  EXPECT_EQ(answer(world, {.id = "b", .version = v5}), (Lines{"CONNACK 97", "CLOSE"}));
}

TEST(ConnectionLimit, StreamsWithoutConnect) {
  prove("X-13");
  World world({.max_half_open = 2});
  Peer& first = world.open();
  Peer& second = world.open();
  EXPECT_FALSE(world.open().is_open());
  EXPECT_EQ(world.broker.stats().refused_half_open, 1u);
  EXPECT_EQ(world.broker.stats().half_open, 2u);
  World::send_connect(first, {.id = "a"});
  EXPECT_EQ(first.receive(), Lines{"CONNACK 00"});
  EXPECT_TRUE(world.open().is_open());  // the first one is a client now
  second.drop();
  EXPECT_TRUE(world.open().is_open());
  EXPECT_FALSE(world.open().is_open());
  world.advance(seconds(10));
  EXPECT_EQ(world.broker.stats().half_open, 0u);
  EXPECT_TRUE(world.open().is_open());
}

TEST(ConnectionLimit, ConnectMustComeInTime) {
  prove("X-13");
  World world({.connect_timeout = seconds(3)});
  Peer& silent = world.open();
  world.advance(milliseconds(2999));
  EXPECT_EQ(silent.receive(), Lines());
  world.advance(milliseconds(1));
  EXPECT_EQ(silent.receive(), Lines{"CLOSE"});
  EXPECT_EQ(world.broker.stats().connect_timeouts, 1u);
}

struct IdCase {
  ProtocolVersion version;
  size_t longest;
  const char* refusal;
};

class ClientIdLength : public testing::TestWithParam<IdCase> {};

// [MQTT-3.1.3-8], [MQTT-3.1.3-9] of 3.1.1
TEST_P(ClientIdLength, IsTakenUpToTheLimit) {
  prove("X-13");
  const auto& [version, longest, refusal] = GetParam();
  World world({.max_client_id_length = 30});
  const std::string fits(longest, 'x');
  EXPECT_EQ(answer(world, {.id = fits, .version = version}), Lines{"CONNACK 00"});
  EXPECT_EQ(answer(world, {.id = fits + "x", .version = version}), (Lines{refusal, "CLOSE"}));
  EXPECT_EQ(world.broker.stats().refused_client_ids, 1u);
}

INSTANTIATE_TEST_SUITE_P(Levels, ClientIdLength,
                         testing::Values(IdCase{v31, 23, "CONNACK 02"}, IdCase{v311, 30, "CONNACK 02"},
                                         IdCase{v5, 30, "CONNACK 85"}));

TEST(KeepAliveLimit, IsToldAndHeld) {
  prove("X-13");
  World world({.max_keep_alive_s = 10});
  for (const uint16_t asked : {uint16_t{0}, uint16_t{11}}) {
    Peer& peer = world.connect({.id = "c", .version = v5, .keep_alive_s = asked});
    EXPECT_EQ(peer.connack_properties().number(PropertyId::server_keep_alive), 10u);
    world.advance(seconds(15));
    EXPECT_EQ(peer.receive(), (Lines{"DISCONNECT 8d", "CLOSE"}));
  }
  Peer& peer = world.connect({.id = "c", .version = v5, .keep_alive_s = 10});
  EXPECT_EQ(peer.connack_properties().number(PropertyId::server_keep_alive), std::nullopt);
}

}  // namespace
}  // namespace mqtt_sim::broker::test
