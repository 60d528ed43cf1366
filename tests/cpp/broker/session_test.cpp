// Sessions over several connections: kept, resumed in order, taken over, expired.
#include "tests/cpp/broker/harness.hpp"

namespace mqtt_sim::broker::test {
namespace {

Client persistent(std::string_view id, ProtocolVersion version = v311) {
  return {.id = id, .version = version, .clean = false, .session_expiry_s = version == v5 ? 3600u : 0u};
}

class SessionAtLevel : public testing::TestWithParam<ProtocolVersion> {};
INSTANTIATE_TEST_SUITE_P(Levels, SessionAtLevel, testing::Values(v311, v5),
                         [](const auto& level) { return level.param == v5 ? "v5" : "v311"; });

// [MQTT-3.1.2-5], [MQTT-3.1.2-23], [MQTT-3.2.2-3], [MQTT-4.5.0-1], [MQTT-3.1.2-4] of 3.1.1, [MQTT-3.1.2-5] of 3.1.1
TEST_P(SessionAtLevel, KeepsQos1And2WhileAwayAndDeliversInOrderOnReturn) {
  prove("C-07");
  const Client client = persistent("s", GetParam());
  World world;
  Peer& first = world.connect(client);
  first.send(subscribe(1, {{"one", {.qos = q1}}, {"two", {.qos = q2}}, {"none", {}}}));
  first.receive();
  first.send(Disconnect());
  EXPECT_EQ(first.receive(), Lines{"CLOSE"});

  Peer& publisher = world.connect({.id = "p"});
  for (int i = 0; i < 1000; ++i) {
    publisher.send(message("one", std::to_string(i), q1, 1));
    publisher.send(message("two", std::to_string(i), q2, static_cast<PacketId>(i + 1)));
    publisher.send(message("none", std::to_string(i)));
  }
  EXPECT_EQ(publisher.receive().size(), 2000u);

  Peer& back = world.connect(client, "CONNACK 00 present");
  Lines got = back.receive();
  int next_one = 0;
  int next_two = 0;
  while (!got.empty()) {
    for (const std::string& line : got) {
      const PacketId id = static_cast<PacketId>(std::stoi(line.substr(line.find('#') + 1)));
      if (line.starts_with("PUBREL")) {
        back.send(Pubcomp{id, {}, {}});
      } else if (line.starts_with("PUBLISH one=")) {
        EXPECT_EQ(line.substr(0, line.find(' ', 8)), "PUBLISH one=" + std::to_string(next_one++));
        back.send(Puback{id, {}, {}});
      } else {
        EXPECT_EQ(line.substr(0, line.find(' ', 8)), "PUBLISH two=" + std::to_string(next_two++));
        back.send(Pubrec{id, {}, {}});
      }
    }
    got = back.receive();
  }
  EXPECT_EQ(next_one, 1000);
  EXPECT_EQ(next_two, 1000);
  EXPECT_EQ(world.broker.stats().dropped_queue_full, 0u);
}

// [MQTT-4.4.0-1], [MQTT-3.3.1-1], [MQTT-4.3.3-4], [MQTT-4.3.3-6]
TEST_P(SessionAtLevel, ResendsWhatWasNotAcknowledgedWithTheSameIdentifiers) {
  const Client client = persistent("s", GetParam());
  World world;
  Peer& publisher = world.connect({.id = "p"});
  Peer& first = world.connect(client);
  first.send(subscribe(1, "t", q2));
  first.receive();
  publisher.send(message("t", "a", q1, 1));
  publisher.send(message("t", "b", q2, 2));
  publisher.send(message("t", "c", q1, 3));
  publisher.send(message("t", "d", q2, 4));
  EXPECT_EQ(first.receive(),
            (Lines{"PUBLISH t=a q1 #1", "PUBLISH t=b q2 #2", "PUBLISH t=c q1 #3", "PUBLISH t=d q2 #4"}));
  first.send(Puback{3, {}, {}});
  first.send(Pubrec{2, {}, {}});
  EXPECT_EQ(first.receive(), Lines{"PUBREL #2"});
  first.drop();
  publisher.send(message("t", "e", q1, 5));

  Peer& back = world.connect(client, "CONNACK 00 present");
  EXPECT_EQ(back.receive(),
            (Lines{"PUBREL #2", "PUBLISH t=a q1 #1 dup", "PUBLISH t=d q2 #4 dup", "PUBLISH t=e q1 #5"}));
  back.send(Pubcomp{2, {}, {}});
  back.send(Puback{1, {}, {}});
  back.send(Puback{5, {}, {}});
  back.send(Pubrec{4, {}, {}});
  back.send(Pubcomp{4, {}, {}});
  EXPECT_EQ(back.receive(), Lines{"PUBREL #4"});
  back.drop();
  EXPECT_EQ(world.connect(client, "CONNACK 00 present").receive(), Lines());
}

// [MQTT-4.3.3-10], [MQTT-4.3.3-11], [MQTT-4.3.3-12]
TEST_P(SessionAtLevel, TakesAQos2MessageOnceAlsoOverAReconnect) {
  prove("X-02");
  const Client client = persistent("p", GetParam());
  World world;
  Peer& subscriber = world.connect({.id = "s"});
  subscriber.send(subscribe(1, "t"));
  subscriber.receive();
  Peer& first = world.connect(client);
  first.send(message("t", "x", q2, 9));
  EXPECT_EQ(first.receive(), Lines{"PUBREC #9"});
  first.drop();
  Peer& back = world.connect(client, "CONNACK 00 present");
  Publish again = message("t", "x", q2, 9);
  again.dup = true;
  back.send(again);
  back.send(Pubrel{9, {}, {}});
  EXPECT_EQ(back.receive(), (Lines{"PUBREC #9", "PUBCOMP #9"}));
  EXPECT_EQ(subscriber.receive(), Lines{"PUBLISH t=x"});
  back.send(message("t", "y", q2, 9));
  EXPECT_EQ(subscriber.receive(), Lines{"PUBLISH t=y"});
}

// [MQTT-3.1.4-3], [MQTT-3.1.4-2] of 3.1.1
TEST_P(SessionAtLevel, ASecondConnectionTakesOver) {
  prove("X-09");
  prove("C-05");
  const Client client = persistent("same", GetParam());
  World world;
  Peer& first = world.connect(client);
  first.send(subscribe(1, "t", q1));
  first.receive();
  Peer& second = world.connect(client, "CONNACK 00 present");
  EXPECT_EQ(first.receive(), GetParam() == v5 ? (Lines{"DISCONNECT 8e", "CLOSE"}) : Lines{"CLOSE"});
  world.connect({.id = "p"}).send(message("t", "x"));
  EXPECT_EQ(second.receive(), Lines{"PUBLISH t=x"});
  EXPECT_EQ(world.broker.stats().taken_over, 1u);
  EXPECT_EQ(world.broker.stats().clients, 2u);
}

// [MQTT-3.1.2-4], [MQTT-3.1.4-4], [MQTT-3.2.2-2], [MQTT-3.1.2-6] of 3.1.1
TEST_P(SessionAtLevel, ACleanStartDropsTheOldSession) {
  World world;
  Peer& first = world.connect(persistent("s", GetParam()));
  first.send(subscribe(1, "t", q1));
  first.receive();
  first.drop();
  world.connect({.id = "p"}).send(message("t", "x", q1, 1));
  Peer& clean = world.connect({.id = "s", .version = GetParam(), .clean = true});
  world.connect({.id = "p"}).send(message("t", "y", q1, 1));
  EXPECT_EQ(clean.receive(), Lines());
  clean.drop();
  EXPECT_EQ(world.broker.stats().sessions, 1u);  // of the publisher
  EXPECT_EQ(world.broker.stats().subscriptions, 0u);
  EXPECT_EQ(world.broker.stats().dropped_session_end, 1u);
}

// [MQTT-4.1.0-2]
TEST(Session, ExpiresAtItsIntervalAndNotBefore) {
  prove("M-11");
  World world;
  const Client client{.id = "s", .version = v5, .clean = false, .session_expiry_s = 10};
  world.connect(client).drop();
  world.advance(milliseconds(9999));
  EXPECT_EQ(world.broker.stats().sessions, 1u);
  world.connect(client, "CONNACK 00 present").drop();
  world.advance(seconds(10));
  EXPECT_EQ(world.broker.stats().sessions, 0u);
  world.connect(client);
}

TEST(Session, EndsWithItsConnectionWhenItHasNoExpiry) {
  World world;
  world.connect({.id = "s", .version = v5, .clean = false}).drop();
  EXPECT_EQ(world.broker.stats().sessions, 0u);
  world.connect({.id = "s", .version = v5, .clean = false}).drop();
}

TEST(Session, ADisconnectMayChangeTheExpiryButNotFromZero) {
  World world;
  PropertyWriter interval;
  interval.number(PropertyId::session_expiry_interval, 5);
  Peer& first = world.connect({.id = "s", .version = v5, .session_expiry_s = 1000});
  first.send(Disconnect{.reason = {}, .properties = interval.list()});
  EXPECT_EQ(first.receive(), Lines{"CLOSE"});
  world.advance(seconds(5));
  EXPECT_EQ(world.broker.stats().sessions, 0u);
  Peer& second = world.connect({.id = "s", .version = v5});
  second.send(Disconnect{.reason = {}, .properties = interval.list()});
  EXPECT_EQ(second.receive(), (Lines{"DISCONNECT 82", "CLOSE"}));
}

TEST(Session, SurvivesTheBrokerInItsStore) {
  storage::MemoryStore store;
  const Instant now = instant_from_ns(0);
  struct Silent final : Waker {
    void wake() override {}
  } waker;
  const auto bytes_of = [](const Packet& packet) {
    OutputQueue queue;
    EXPECT_TRUE(encode(packet, v311, queue));
    const ByteView view = queue.views().front();
    return std::vector<uint8_t>(view.begin(), view.end());
  };
  Connect connect;
  connect.clean_start = false;
  connect.client_id = "s";
  {
    Broker broker({}, store, 1);
    Endpoint* stream = broker.on_accept({}, now);
    stream->on_open(waker, {}, now);
    stream->on_bytes(bytes_of(connect), now);
    stream->on_bytes(bytes_of(subscribe(1, "t", q1)), now);
    stream->on_closed(CloseReason::peer, now);
    broker.release(*stream);
  }
  Broker broker({}, store, 1);
  EXPECT_EQ(broker.stats().subscriptions, 1u);
  EXPECT_EQ(broker.publish(message("t", "x", q1), now), ReasonCode::success);
  Endpoint* stream = broker.on_accept({}, now);
  stream->on_open(waker, {}, now);
  stream->on_bytes(bytes_of(connect), now);
  std::string text(as_text(stream->output().front()));
  EXPECT_EQ(text.substr(0, 4), std::string("\x20\x02\x01\x00", 4));
  EXPECT_EQ(text.substr(4), std::string("\x32\x06\x00\x01t\x00\x01x", 8));
}

TEST(Session, UnknownAcknowledgementsAreAnswered) {
  World world;
  Peer& modern = world.connect({.id = "a", .version = v5});
  modern.send(Pubrel{3, {}, {}});
  modern.send(Pubrec{4, {}, {}});
  modern.send(Puback{5, {}, {}});
  modern.send(Pubcomp{6, {}, {}});
  EXPECT_EQ(modern.receive(), (Lines{"PUBCOMP #3 92", "PUBREL #4 92"}));
  Peer& old = world.connect({.id = "b"});
  old.send(Pubrel{3, {}, {}});
  old.send(Pubrec{4, {}, {}});
  EXPECT_EQ(old.receive(), (Lines{"PUBCOMP #3", "PUBREL #4"}));
}

TEST(Session, AnAcknowledgementOfTheWrongKindIsAProtocolError) {
  World world;
  Peer& publisher = world.connect({.id = "p"});
  for (const Packet& wrong : {Packet(Puback{2, {}, {}}), Packet(Pubrec{1, {}, {}}), Packet(Pubcomp{2, {}, {}})}) {
    Peer& peer = world.connect({.id = "s", .version = v5});
    peer.send(subscribe(1, "t", q2));
    publisher.send(message("t", "x", q1, 1));
    publisher.send(message("t", "x", q2, 1));
    publisher.send(Pubrel{1, {}, {}});
    EXPECT_EQ(peer.receive().size(), 3u);
    peer.send(wrong);
    EXPECT_EQ(peer.receive(), (Lines{"DISCONNECT 82", "CLOSE"}));
  }
}

// [MQTT-4.4.0-2]
TEST(Session, ARefusedDeliveryIsNotSentAgain) {
  World world;
  Peer& publisher = world.connect({.id = "p"});
  const Client client = persistent("s", v5);
  Peer& first = world.connect(client);
  first.send(subscribe(1, "t", q2));
  publisher.send(message("t", "x", q2, 1));
  first.receive();
  first.send(Pubrec{1, ReasonCode::quota_exceeded, {}});
  EXPECT_EQ(first.receive(), Lines());
  first.drop();
  EXPECT_EQ(world.connect(client, "CONNACK 00 present").receive(), Lines());
}

}  // namespace
}  // namespace mqtt_sim::broker::test
