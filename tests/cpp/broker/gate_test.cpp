// Packets that wait for an answer from outside: what waits, what goes on, and what becomes of it.
#include "tests/cpp/broker/waiting_gate.hpp"

namespace mqtt_sim::broker::test {
namespace {

constexpr QuestionKinds kConnects{1}, kPublishes{2}, kSubscribes{4}, kPublished{8};

struct GateTest : ::testing::Test {
  static BrokerOptions with(WaitingGate& gate) {
    BrokerOptions options;
    options.gate = &gate;
    return options;
  }
  void answer(Verdict verdict) { world.broker.answer(gate.next(), saying(std::move(verdict)), world.now); }
  Peer& connect_open(const Client& client) {
    world.broker.ask_about({});
    return world.connect(client);
  }

  WaitingGate gate;
  World world{with(gate)};
};

TEST_F(GateTest, AConnectWaitsAndIsLetIn) {
  prove("X-15");
  world.broker.ask_about(kConnects);
  Peer& peer = world.open(v311);
  World::send_connect(peer, {.id = "c"});
  EXPECT_EQ(peer.receive(), Lines());
  EXPECT_FALSE(peer.endpoint()->takes_input());
  answer(Verdict::pass());
  EXPECT_EQ(peer.receive(), (Lines{"CONNACK 00"}));
  EXPECT_TRUE(peer.endpoint()->takes_input());
}

TEST(GateThatVouches, LetsInWhomNobodyElseKnows) {
  prove("X-15");
  WaitingGate gate;
  World world({.allow_anonymous = false, .gate = &gate});
  world.broker.ask_about(kConnects);
  const auto answer_to = [&](const char* user, bool vouches) {
    Peer& peer = world.open(v5);
    Connect connect;
    connect.version = v5;
    connect.client_id = "c";
    if (user) connect.user_name = user;
    peer.send(connect);
    Answer answer = saying(Verdict::pass());
    answer.vouches_for_user = vouches;
    world.broker.answer(gate.next(), std::move(answer), world.now);
    return peer.receive();
  };
  EXPECT_EQ(answer_to("anna", true), Lines{"CONNACK 00"});
  EXPECT_EQ(answer_to("anna", false), (Lines{"CONNACK 87", "CLOSE"})) << "it looked at something else";
  EXPECT_EQ(answer_to(nullptr, true), (Lines{"CONNACK 87", "CLOSE"}));
}

TEST_F(GateTest, AConnectIsRefusedOrClosedWithoutAWord) {
  prove("X-15");
  world.broker.ask_about(kConnects);
  Peer& refused = world.open(v311);
  World::send_connect(refused, {.id = "c"});
  answer(Verdict::refuse(ReasonCode::bad_user_name_or_password));
  EXPECT_EQ(refused.receive(), (Lines{"CONNACK 04", "CLOSE"}));
  Peer& closed = world.open(v5);
  World::send_connect(closed, {.id = "c", .version = v5});
  answer(Verdict::drop());
  EXPECT_EQ(closed.receive(), (Lines{"CLOSE"}));
}

TEST_F(GateTest, PacketsOfAClientStayInOrderWhileOthersGoOn) {
  prove("X-15");
  Peer& slow = connect_open({.id = "slow"});
  Peer& other = connect_open({.id = "other"});
  other.send(subscribe(1, "#"));
  other.receive();
  world.broker.ask_about(kPublishes);
  slow.send(message("a", "1", q1, 1));
  slow.send(message("a", "2", q1, 2));
  slow.send(Pingreq());
  other.send(Pingreq());
  EXPECT_EQ(slow.receive(), Lines());
  EXPECT_EQ(other.receive(), (Lines{"PINGRESP"}));
  EXPECT_EQ(gate.lines, (Lines{"publish a"}));
  answer(Verdict::pass());
  EXPECT_EQ(slow.receive(), (Lines{"PUBACK #1"}));
  answer(Verdict::pass());
  EXPECT_EQ(slow.receive(), (Lines{"PUBACK #2", "PINGRESP"}));
  EXPECT_EQ(other.receive(), (Lines{"PUBLISH a=1", "PUBLISH a=2"}));
}

TEST_F(GateTest, AMessageIsRefusedDroppedOrRewritten) {
  prove("X-15");
  Peer& peer = connect_open({.id = "c", .version = v5});
  peer.send(subscribe(1, "#", q2));
  peer.receive();
  world.broker.ask_about(kPublishes);
  peer.send(message("a", "1", q1, 1));
  answer(Verdict::refuse(ReasonCode::not_authorized));
  EXPECT_EQ(peer.receive(), (Lines{"PUBACK #1 87"}));
  peer.send(message("a", "1", q1, 2));
  answer(Verdict::drop());
  EXPECT_EQ(peer.receive(), (Lines{"PUBACK #2"}));
  peer.send(message("a", "1", q1, 3));
  answer(Verdict::change({.topic = "b", .payload = std::vector<uint8_t>{'2'}, .qos = q0}));
  EXPECT_EQ(peer.receive(), (Lines{"PUBLISH b=2", "PUBACK #3"}));
  peer.send(message("a", "1", q1, 4));
  answer(Verdict::change({.topic = "b/#"}));
  EXPECT_EQ(peer.receive(), (Lines{"PUBACK #4 90"}));
}

TEST_F(GateTest, EachFilterHasAnAnswerAndTheRestIsRefused) {
  prove("X-15");
  Peer& peer = connect_open({.id = "c", .version = v5});
  world.broker.ask_about(kSubscribes);
  peer.send(subscribe(1, {{"a", {.qos = q2}}, {"b", {.qos = q2}}, {"c", {}}}));
  Answer answer = saying(Verdict::pass());
  answer.verdicts.push_back(Verdict::change({.topic = "mine/b", .qos = q1}));
  world.broker.answer(gate.next(), std::move(answer), world.now);
  EXPECT_EQ(peer.receive(), (Lines{"SUBACK #1 02 01 87"}));
  world.broker.publish(message("mine/b", "x"), world.now);
  EXPECT_EQ(peer.receive(), (Lines{"PUBLISH mine/b=x"}));
  peer.send(unsubscribe(2, "b"));  // as it was asked for
  EXPECT_EQ(peer.receive(), (Lines{"UNSUBACK #2 00"}));
}

TEST_F(GateTest, AnAcknowledgementWaitsUntilTheMessageWasSeen) {
  prove("X-15");
  Peer& peer = connect_open({.id = "c"});
  peer.send(subscribe(1, "#"));
  peer.receive();
  world.broker.ask_about(kPublished);
  peer.send(message("a", "1", q2, 1));
  peer.send(message("a", "2"));
  peer.send(Pingreq());
  EXPECT_EQ(peer.receive(), (Lines{"PUBLISH a=1"}));
  answer(Verdict::pass());
  EXPECT_EQ(peer.receive(), (Lines{"PUBREC #1", "PUBLISH a=2"}));
  world.broker.answer(gate.next(), {}, world.now);
  EXPECT_EQ(peer.receive(), (Lines{"PINGRESP"}));
}

TEST_F(GateTest, BothQuestionsAboutAMessageComeOneAfterTheOther) {
  Peer& peer = connect_open({.id = "c"});
  world.broker.ask_about(QuestionKinds(2 | 8));
  peer.send(message("a", "1", q1, 1));
  peer.send(Pingreq());
  answer(Verdict::pass());
  EXPECT_EQ(peer.receive(), Lines());
  answer(Verdict::pass());
  EXPECT_EQ(peer.receive(), (Lines{"PUBACK #1", "PINGRESP"}));
  EXPECT_EQ(gate.lines, (Lines{"publish a", "publish a"}));
}

TEST_F(GateTest, WhatIsNotAnsweredInTimeIsRefusedAndCounted) {
  prove("X-15");
  Peer& peer = connect_open({.id = "c", .version = v5});
  world.broker.ask_about(QuestionKinds(1 | 2));
  peer.send(message("a", "1", q1, 1));
  Peer& newcomer = world.open(v5);
  World::send_connect(newcomer, {.id = "n", .version = v5});
  world.advance(milliseconds(4999));
  EXPECT_EQ(peer.receive(), Lines());
  world.advance(milliseconds(1));
  EXPECT_EQ(peer.receive(), (Lines{"PUBACK #1 83"}));
  EXPECT_EQ(newcomer.receive(), (Lines{"CONNACK 88", "CLOSE"}));
  EXPECT_EQ(world.broker.stats().gate_timeouts, 2u);
  answer(Verdict::pass());  // too late
  EXPECT_EQ(peer.receive(), Lines());
}

TEST_F(GateTest, KeepAliveDoesNotRunWhileAPacketWaits) {
  Peer& peer = connect_open({.id = "c", .keep_alive_s = 1});
  world.broker.ask_about(kPublishes);
  peer.send(message("a", "1", q1, 1));
  world.advance(seconds(4));
  answer(Verdict::pass());
  EXPECT_EQ(peer.receive(), (Lines{"PUBACK #1"}));
  world.advance(seconds(2));
  EXPECT_EQ(peer.receive(), (Lines{"CLOSE"}));
}

TEST_F(GateTest, TheTimeLimitOfTheGateIsTheOneThatCounts) {
  BrokerOptions options = with(gate);
  options.gate_timeout = seconds(30);
  World patient{options};
  patient.broker.ask_about(kConnects);
  Peer& peer = patient.open(v311);
  World::send_connect(peer, {.id = "c"});
  patient.advance(seconds(29));
  EXPECT_EQ(peer.receive(), Lines());
  patient.advance(seconds(1));
  EXPECT_EQ(peer.receive(), (Lines{"CONNACK 03", "CLOSE"}));
}

TEST_F(GateTest, AnswersForWhoIsGoneArePassedOver) {
  Peer& gone = connect_open({.id = "c"});
  world.broker.ask_about(kPublishes);
  gone.send(message("a", "1"));
  gone.drop();
  answer(Verdict::pass());
  Peer& ended = connect_open({.id = "d"});
  world.broker.ask_about(kPublishes);
  ended.send(message("a", "1"));
  world.broker.disconnect("d", 0, ReasonCode::administrative_action, world.now);
  answer(Verdict::pass());
  EXPECT_EQ(ended.receive(), (Lines{"CLOSE"}));
}

TEST_F(GateTest, WhatComesWhileAPacketWaitsIsBounded) {
  Peer& peer = connect_open({.id = "c"});
  world.broker.ask_about(kPublishes);
  peer.send(message("a", "1"));
  const std::vector<uint8_t> pings(1u << 20, 0);
  for (int i = 0; i < 4 && peer.endpoint()->wish() == StreamWish::none; ++i) peer.send_bytes(pings);
  EXPECT_EQ(peer.receive(), (Lines{"CLOSE"}));
}

TEST_F(GateTest, AMessageByTopicAliasIsAskedAboutByItsName) {
  Peer& peer = connect_open({.id = "c", .version = v5});
  PropertyWriter alias;
  alias.number(PropertyId::topic_alias, 1);
  Publish first = message("long/name", "1");
  first.properties = alias.list();
  peer.send(first);
  world.broker.ask_about(kPublishes);
  Publish second = message("", "2");
  second.properties = alias.list();
  peer.send(second);
  EXPECT_EQ(gate.lines, (Lines{"publish long/name"}));
}

TEST_F(GateTest, WhatIsBrokenIsNotAskedAbout) {
  Peer& peer = connect_open({.id = "c"});
  world.broker.ask_about(QuestionKinds(15));
  const uint8_t broken[] = {0x30, 0x03, 0x00, 0x05, 'a'};
  peer.send_bytes(broken);
  EXPECT_EQ(peer.receive(), (Lines{"CLOSE"}));
  EXPECT_EQ(gate.lines, Lines());
}

}  // namespace
}  // namespace mqtt_sim::broker::test
