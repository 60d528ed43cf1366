// What the standards ask of a server when a client connects, comes back, is refused or is sent away.
#include "tests/cpp/broker/harness.hpp"
#include "tests/cpp/protocol/vectors.hpp"

namespace mqtt_sim::broker::test {
namespace {

using protocol::vectors::bytes_of;

// What waits to leave, as bytes; receive() reads it afterwards.
std::vector<uint8_t> raw_output(Peer& peer) {
  std::vector<uint8_t> bytes;
  for (const ByteView part : peer.endpoint()->output()) bytes.insert(bytes.end(), part.begin(), part.end());
  return bytes;
}

size_t count_of(const Lines& lines, std::string_view beginning) {
  return static_cast<size_t>(
      std::ranges::count_if(lines, [&](const auto& line) { return line.starts_with(beginning); }));
}

class ConnectAtLevel : public testing::TestWithParam<ProtocolVersion> {
 protected:
  Client kept(std::string_view id) const {
    return {.id = id, .version = GetParam(), .clean = false, .session_expiry_s = GetParam() == v5 ? 3600u : 0u};
  }
};
INSTANTIATE_TEST_SUITE_P(Levels, ConnectAtLevel, testing::Values(v311, v5),
                         [](const auto& level) { return level.param == v5 ? "v5" : "v311"; });

// [MQTT-3.1.3-5], [MQTT-3.1.4-5]
TEST_P(ConnectAtLevel, EveryPlainIdentifierUpTo23BytesIsLetIn) {
  World world;
  const std::string letters = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
  for (size_t length = 1; length <= 23; ++length) {
    for (size_t start = 0; start < letters.size(); start += 13) {
      const std::string id = (letters + letters).substr(start, length);
      world.connect({.id = id, .version = GetParam()}).drop();
    }
  }
}

// [MQTT-3.1.2-6], [MQTT-3.2.2-3], [MQTT-3.1.3-2], [MQTT-3.1.4-4], [MQTT-3.1.2-4] of 3.1.1: a session is made where
// there is none, is that of its identifier alone, and is found again.
TEST_P(ConnectAtLevel, ASessionIsMadeForItsIdentifierAndFoundAgain) {
  World world;
  Peer& one = world.connect(kept("one"));
  one.send(subscribe(1, "t", q1));
  one.drop();
  Peer& two = world.connect(kept("two"));  // no session present: another identifier
  world.connect({.id = "p"}).send(message("t", "x", q1, 1));
  EXPECT_EQ(two.receive(), Lines());
  EXPECT_EQ(world.connect(kept("one"), "CONNACK 00 present").receive(), Lines{"PUBLISH t=x q1 #1"});
}

// [MQTT-3.1.0-1]: what is not CONNECT is told by its first byte and not kept until it is whole.
TEST_P(ConnectAtLevel, AStreamThatBeginsOtherwiseIsClosedAtItsFirstByte) {
  World world;
  for (unsigned type = 0; type < 16; ++type) {
    Peer& peer = world.open(GetParam());
    const uint8_t first = static_cast<uint8_t>(type << 4);
    peer.send_bytes({&first, 1});
    EXPECT_EQ(peer.receive(), type == 1 ? Lines() : Lines{"CLOSE"}) << type;
  }
}

// [MQTT-3.2.0-1], [MQTT-3.2.0-2], [MQTT-3.2.2-1]: one CONNACK, before everything that waits, with no flag but one.
TEST_P(ConnectAtLevel, TheConnackComesFirstAndOnce) {
  World world;
  Peer& first = world.connect(kept("s"));
  first.send(subscribe(1, "t", q1));
  first.drop();
  Peer& publisher = world.connect({.id = "p"});
  for (const char* payload : {"a", "b"}) publisher.send(message("t", payload, q1, 1));
  Peer& back = world.open(GetParam());
  World::send_connect(back, kept("s"));
  const std::vector<uint8_t> bytes = raw_output(back);
  ASSERT_GE(bytes.size(), 4u);
  EXPECT_EQ(bytes[0], 0x20);
  EXPECT_EQ(bytes[2], 0x01);  // session present; flags 7 to 1 are 0
  const Lines lines = back.receive();
  EXPECT_EQ(lines.size(), 3u);
  EXPECT_EQ(lines.front(), "CONNACK 00 present");
  back.send(Pingreq());
  EXPECT_EQ(count_of(lines, "CONNACK") + count_of(back.receive(), "CONNACK"), 1u);
}

struct RefuseEveryone final : Rule {
  explicit RefuseEveryone(ReasonCode code) : reason(code) {}
  Verdict on_event(const Event& event, Instant) override {
    return event.kind == EventKind::connect && is_on ? Verdict::refuse(reason) : Verdict::pass();
  }
  ReasonCode reason;
  bool is_on = true;
};

// [MQTT-3.1.4-2], [MQTT-3.1.4-6], [MQTT-3.2.2-6], [MQTT-3.2.2-7], [MQTT-3.14.0-1]: a refusal says nothing of the
// session that is there, closes, and what came along with the CONNECT is not looked at; nor is there a DISCONNECT.
TEST_P(ConnectAtLevel, ARefusedClientIsClosedAndNotHeardAnyMore) {
  RefuseEveryone rule(ReasonCode::not_authorized);
  World world({.rules = {&rule}});
  rule.is_on = false;
  Peer& watcher = world.connect({.id = "w"});
  watcher.send(subscribe(1, "#"));
  watcher.receive();
  world.connect(kept("s")).drop();
  rule.is_on = true;
  Peer& peer = world.open(GetParam());
  const auto connect =
      GetParam() == v5 ? "1013 00044d515454 05 00 003c 05 11000000ff 000173" : "100d 00044d515454 04 00 003c 000173";
  std::vector<uint8_t> bytes = bytes_of(connect);
  const auto more = bytes_of(GetParam() == v5 ? "3004 000174 00 c000" : "3003 000174 c000");
  bytes.insert(bytes.end(), more.begin(), more.end());
  peer.send_bytes(bytes);
  EXPECT_EQ(peer.receive(), (Lines{GetParam() == v5 ? "CONNACK 87" : "CONNACK 05", "CLOSE"}));
  EXPECT_EQ(watcher.receive(), Lines());
}

// [MQTT-3.2.2-8]: a reason that CONNACK does not list is told as one that it does.
TEST(ConformanceConnack, HasAListedCodeWhateverTheReasonWas) {
  for (const auto& [reason, code] : {std::pair{ReasonCode::banned, "CONNACK 8a"},
                                     {ReasonCode::packet_identifier_not_found, "CONNACK 80"},
                                     {ReasonCode::keep_alive_timeout, "CONNACK 80"}}) {
    RefuseEveryone rule(reason);
    World world({.rules = {&rule}});
    Peer& peer = world.open(v5);
    World::send_connect(peer, {.id = "c", .version = v5});
    EXPECT_EQ(peer.receive(), (Lines{code, "CLOSE"}));
  }
}

// [MQTT-3.1.4-1] of 3.1.1, [MQTT-3.2.2-6] of 3.1.1: what no return code fits is closed without a CONNACK.
TEST(ConformanceConnack, IsLeftOutForAMalformedConnectBelow5) {
  int count = 0;
  for (const auto& vector : protocol::vectors::all()) {
    const bool is_connect = vector.bytes[0] >> 4 == 1;
    if (vector.is_valid() || !is_connect || vector.version != v311) continue;
    if (vector.reason == ReasonCode::unsupported_protocol_version) continue;
    World world;
    Peer& peer = world.open(v311);
    peer.send_bytes(vector.bytes);
    EXPECT_EQ(peer.receive(), Lines{"CLOSE"}) << vector.name;
    ++count;
  }
  EXPECT_GT(count, 10);
}

// [MQTT-3.1.2-28], [MQTT-3.1.2-29], [MQTT-3.2.2-19], [MQTT-3.2.2-20]: response information is never given, and neither
// is a reason string or a user property, so that none of them can be unwanted or too large.
TEST(ConformanceConnack, HasNoResponseInformationReasonStringOrUserProperty) {
  World world({.max_keep_alive_s = 10, .max_session_expiry_s = 5});
  for (const uint32_t wish : {0u, 1u}) {
    Peer& peer = world.open(v5);
    PropertyWriter properties;
    properties.number(PropertyId::request_response_information, wish);
    properties.number(PropertyId::request_problem_information, wish).number(PropertyId::session_expiry_interval, 60);
    Connect connect;
    connect.version = v5;
    connect.properties = properties.list();
    peer.send(connect);
    EXPECT_EQ(peer.receive(), Lines{"CONNACK 00"});
    size_t told = 0;
    for (const Property& property : peer.connack_properties()) {
      ++told;
      EXPECT_NE(property.id, PropertyId::response_information);
      EXPECT_NE(property.id, PropertyId::reason_string);
      EXPECT_NE(property.id, PropertyId::user_property);
    }
    EXPECT_GT(told, 2u);  // there is something to look at
  }
}

// [MQTT-3.2.2-22]: the client's own keep alive counts when no other was told.
TEST(ConformanceConnack, WithoutAServerKeepAliveTheClientsCounts) {
  World world({.max_keep_alive_s = 100});
  Peer& peer = world.connect({.id = "c", .version = v5, .keep_alive_s = 4});
  EXPECT_FALSE(peer.connack_properties().number(PropertyId::server_keep_alive));
  world.advance(milliseconds(5999));
  EXPECT_EQ(peer.receive(), Lines());
  world.advance(milliseconds(1));
  EXPECT_EQ(peer.receive(), (Lines{"DISCONNECT 8d", "CLOSE"}));
}

// [MQTT-3.1.2-7] of 3.1.1: retained messages belong to no session.
TEST(ConformanceSession, ItsEndLeavesRetainedMessages) {
  World world;
  Peer& publisher = world.connect({.id = "p"});
  publisher.send(retained("t", "x", q1, 1));
  publisher.send(Disconnect());
  publisher.receive();
  EXPECT_EQ(world.broker.stats().sessions, 0u);
  Peer& late = world.connect({.id = "late"});
  late.send(subscribe(1, "t"));
  EXPECT_EQ(late.receive(), (Lines{"SUBACK #1 00", "PUBLISH t=x retain"}));
}

// [MQTT-4.1.0-1]: the expiry interval does not begin while the client is there.
TEST(ConformanceSession, StateIsKeptWhileConnectedHoweverShortItsExpiry) {
  for (const uint32_t expiry_s : {0u, 1u}) {
    World world;
    Peer& peer = world.connect({.id = "s", .version = v5, .session_expiry_s = expiry_s});
    peer.send(subscribe(1, "t", q1));
    peer.receive();
    world.advance(std::chrono::hours(10));
    world.connect({.id = "p"}).send(message("t", "x", q1, 1));
    EXPECT_EQ(peer.receive(), Lines{"PUBLISH t=x q1 #1"});
  }
}

// [MQTT-3.14.4-1], [MQTT-3.14.4-2], [MQTT-3.14.2-2], [MQTT-3.14.2-3], [MQTT-3.14.2-4]: a DISCONNECT of ours is a reason
// and nothing else, it is the last word, and the stream is closed after it.
TEST(ConformanceDisconnect, OfOursIsTheLastWord) {
  World world;
  Peer& peer = world.connect({.id = "c", .version = v5, .session_expiry_s = 60});
  peer.send(subscribe(1, "t", q1));
  peer.receive();
  peer.is_reading = false;
  peer.send(Suback{1, {}, bytes_of("00")});  // a packet only a server sends
  world.connect({.id = "p"}).send(message("t", "late", q1, 1));
  EXPECT_EQ(raw_output(peer), bytes_of("e001 82"));
  EXPECT_EQ(peer.endpoint()->wish(), StreamWish::close);
  peer.is_reading = true;
  EXPECT_EQ(peer.receive(), (Lines{"DISCONNECT 82", "CLOSE"}));
}

struct Asking final : Authenticator, Exchange {
  std::string_view method() const override { return "m"; }
  std::unique_ptr<Exchange> begin(Instant) override { return std::make_unique<Asking>(); }
  AuthStep on_data(std::string_view, Instant) override { return {.kind = AuthStep::Kind::proceed, .data = "d"}; }
};

// [MQTT-3.15.2-2], [MQTT-3.15.2-3], [MQTT-4.12.0-2]: an AUTH of ours is its reason, method and data.
TEST(ConformanceAuth, HasNoReasonStringOrUserProperty) {
  Asking authenticator;
  World world({.authenticators = {&authenticator}});
  Peer& peer = world.open(v5);
  peer.send_bytes(bytes_of("1012 00044d515454 05 02 003c 04 1500016d 000163"));
  EXPECT_EQ(raw_output(peer), bytes_of("f00a 18 08 1500016d 16000164"));
  EXPECT_EQ(peer.receive(), Lines{"AUTH 18 m"});
}

// [MQTT-3.1.2-10], [MQTT-3.1.2-12] of 3.1.1, [MQTT-3.1.2-7], [MQTT-3.1.2-8] of 3.1.1: a will goes out once, with the
// connection it was given for; a connection without one leaves nothing behind.
TEST_P(ConnectAtLevel, AWillGoesOutOnceAndOnlyWhereThereIsOne) {
  World world;
  Peer& watcher = world.connect({.id = "w"});
  watcher.send(subscribe(1, "#"));
  watcher.receive();
  Client client = kept("c");
  client.will = will("gone", "x");
  world.connect(client).drop();
  EXPECT_EQ(watcher.receive(), Lines{"PUBLISH gone=x"});
  client.will.reset();
  world.connect(client, "CONNACK 00 present").drop();
  EXPECT_EQ(watcher.receive(), Lines());
}

}  // namespace
}  // namespace mqtt_sim::broker::test
