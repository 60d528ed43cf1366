// Messages that wait for the gate on their way to one receiver: what goes, what does not, and in which order.
#include "tests/cpp/broker/waiting_gate.hpp"

namespace mqtt_sim::broker::test {
namespace {

constexpr QuestionKinds kForwards{16};

struct ForwardTest : ::testing::Test {
  static BrokerOptions with(WaitingGate& gate, BrokerOptions options = {}) {
    options.gate = &gate;
    return options;
  }
  // A client that has subscribed to everything, and is asked about from now on.
  static Peer& subscriber(World& world, const Client& client, QoS qos = q2) {
    Peer& peer = world.connect(client);
    peer.send(subscribe(1, "#", qos));
    peer.receive();
    world.broker.ask_about(kForwards);
    return peer;
  }
  Peer& subscriber(const Client& client, QoS qos = q2) { return subscriber(world, client, qos); }
  void publish(const std::string& topic, const std::string& payload, QoS qos = q0, bool retain = false) {
    Publish packet = message(topic, payload, qos);
    packet.retain = retain;
    world.broker.publish(packet, world.now);
  }
  void answer(uint64_t question, Verdict verdict) {
    world.broker.answer(question, saying(std::move(verdict)), world.now);
  }
  void answer(Verdict verdict) { answer(gate.next(), std::move(verdict)); }

  WaitingGate gate;
  World world{with(gate)};
};

TEST_F(ForwardTest, EachReceiverIsAskedAboutAloneAndGetsWhatMayGoToIt) {
  prove("X-15");
  Peer& one = subscriber({.id = "one"});
  Peer& two = subscriber({.id = "two"});
  publish("a", "1");
  EXPECT_EQ(gate.lines, (Lines{"a to one", "a to two"}));
  EXPECT_EQ(one.receive(), Lines());
  answer(Verdict::drop());
  answer(Verdict::pass());
  EXPECT_EQ(one.receive(), Lines());
  EXPECT_EQ(two.receive(), (Lines{"PUBLISH a=1"}));
  EXPECT_EQ(world.broker.stats().dropped_by_rule, 1u);
}

TEST_F(ForwardTest, TheOrderOfAReceiverHoldsWhateverTheOrderOfTheAnswers) {
  prove("X-15");
  Peer& peer = subscriber({.id = "c"});
  for (const char* text : {"1", "2", "3"}) publish("a", text, text[0] == '2' ? q1 : q0);
  const uint64_t first = gate.next(), second = gate.next(), third = gate.next();
  answer(third, Verdict::pass());
  answer(second, Verdict::pass());
  EXPECT_EQ(peer.receive(), Lines());
  answer(first, Verdict::pass());
  EXPECT_EQ(peer.receive(), (Lines{"PUBLISH a=1", "PUBLISH a=2 q1 #1", "PUBLISH a=3"}));
}

TEST_F(ForwardTest, NobodyElseWaits) {
  Peer& slow = subscriber({.id = "slow"});
  Peer& fast = subscriber({.id = "fast"});
  publish("a", "1");
  const uint64_t open = gate.next();
  for (int i = 0; i < 3; ++i) {
    answer(Verdict::pass());
    EXPECT_EQ(fast.receive().size(), 1u);
    publish("a", "1");
    gate.next();  // slow's
  }
  slow.send(Pingreq());
  EXPECT_EQ(slow.receive(), (Lines{"PINGRESP"}));
  answer(open, Verdict::pass());
  EXPECT_EQ(slow.receive(), (Lines{"PUBLISH a=1"}));
}

TEST_F(ForwardTest, AMessageIsRewrittenForOneReceiver) {
  prove("X-15");
  Peer& one = subscriber({.id = "one", .version = v5});
  Peer& two = subscriber({.id = "two", .version = v5});
  publish("a", "1", q2);
  PropertyWriter properties;
  properties.text(PropertyId::content_type, "text");
  properties.number(PropertyId::message_expiry_interval, 7);
  const ByteView encoded = properties.list().encoded();
  answer(Verdict::change({.topic = "b",
                          .payload = std::vector<uint8_t>{'2'},
                          .qos = q1,
                          .properties = std::vector<uint8_t>(encoded.begin(), encoded.end())}));
  answer(Verdict::pass());
  EXPECT_EQ(one.receive(), (Lines{"PUBLISH b=2 q1 #1 {message_expiry_interval=7, content_type=text}"}));
  EXPECT_EQ(two.receive(), (Lines{"PUBLISH a=1 q2 #1"}));
}

TEST_F(ForwardTest, ARewriteRaisesNoQosAndPutsInNoInvalidTopic) {
  Peer& peer = subscriber({.id = "c"}, q1);
  publish("a", "1", q1);
  answer(Verdict::change({.qos = q2}));
  EXPECT_EQ(peer.receive(), (Lines{"PUBLISH a=1 q1 #1"}));
  publish("a", "2", q1);
  answer(Verdict::change({.topic = "b/#"}));
  publish("a", "3");
  answer(Verdict::pass());
  EXPECT_EQ(peer.receive(), (Lines{"PUBLISH a=3"}));
  EXPECT_EQ(world.broker.stats().dropped_by_rule, 1u);
}

TEST_F(ForwardTest, RetainedMessagesAreAskedAboutWhenSomebodySubscribes) {
  prove("X-15");
  for (const char* topic : {"r/1", "r/2", "r/3"}) publish(topic, "x", q0, true);
  Peer& peer = world.connect({.id = "c"});
  world.broker.ask_about(kForwards);
  peer.send(subscribe(1, "r/#"));
  EXPECT_EQ(peer.receive(), (Lines{"SUBACK #1 00"}));
  EXPECT_EQ(gate.lines, (Lines{"r/1 to c", "r/2 to c", "r/3 to c"}));
  answer(Verdict::pass());
  answer(Verdict::drop());
  answer(Verdict::pass());
  EXPECT_EQ(peer.receive(), (Lines{"PUBLISH r/1=x retain", "PUBLISH r/3=x retain"}));
}

TEST_F(ForwardTest, WhatWaitedInASessionIsAskedAboutWhenItsClientIsBack) {
  prove("X-15");
  Peer& gone = subscriber({.id = "c", .clean = false});
  gone.drop();
  publish("a", "1", q1);
  publish("a", "2", q1);
  EXPECT_EQ(gate.lines, Lines());
  Peer& peer = world.connect({.id = "c", .clean = false}, "CONNACK 00 present");
  EXPECT_EQ(gate.lines, (Lines{"a to c", "a to c"}));
  answer(Verdict::drop());
  answer(Verdict::pass());
  EXPECT_EQ(peer.receive(), (Lines{"PUBLISH a=2 q1 #1"}));
}

TEST_F(ForwardTest, WhatWasSentOnceIsSentAgainUnasked) {
  Peer& gone = subscriber({.id = "c", .clean = false});
  publish("a", "1", q1);
  answer(Verdict::change({.payload = std::vector<uint8_t>{'x'}}));
  gone.receive();
  gone.drop();
  gate.lines.clear();
  Peer& peer = world.connect({.id = "c", .clean = false}, "CONNACK 00 present");
  EXPECT_EQ(peer.receive(), (Lines{"PUBLISH a=x q1 #1 dup"}));
  EXPECT_EQ(gate.lines, Lines());
}

TEST_F(ForwardTest, AClientThatGoesTakesItsQuestionsAlongAndIsAskedAboutAnewAsItWas) {
  prove("X-15");
  Peer& gone = subscriber({.id = "c", .clean = false});
  publish("a", "0");
  publish("a", "1", q1);
  publish("a", "2", q1);
  const uint64_t first = gate.next(), second = gate.next();
  answer(second, Verdict::change({.payload = std::vector<uint8_t>{'x'}}));  // behind one that is open
  gone.drop();
  answer(first, Verdict::pass());  // nobody's any more
  answer(Verdict::pass());
  EXPECT_EQ(world.broker.stats().dropped_absent, 1u);  // QoS 0
  Peer& peer = world.connect({.id = "c", .clean = false}, "CONNACK 00 present");
  answer(Verdict::pass());
  answer(Verdict::pass());
  EXPECT_EQ(peer.receive(), (Lines{"PUBLISH a=1 q1 #1", "PUBLISH a=2 q1 #2"}));
}

TEST_F(ForwardTest, ASessionThatEndsLeavesNothingBehind) {
  Peer& peer = subscriber({.id = "c"});
  publish("a", "1", q1);
  peer.drop();
  answer(Verdict::pass());
  EXPECT_EQ(world.broker.stats().sessions, 0u);
  EXPECT_EQ(world.broker.stats().dropped_session_end, 1u);
  EXPECT_FALSE(world.broker.is_forwarding() && (world.broker.ask_about({}), world.broker.is_forwarding()));
}

TEST_F(ForwardTest, WithoutAnAnswerInTimeItDoesNotGoAndIsCounted) {
  prove("X-15");
  Peer& peer = subscriber({.id = "c"});
  publish("a", "1");
  world.advance(milliseconds(4000));
  publish("a", "2");
  world.advance(milliseconds(1000));
  EXPECT_EQ(world.broker.stats().gate_timeouts, 1u);
  gate.next();
  answer(Verdict::pass());
  EXPECT_EQ(peer.receive(), (Lines{"PUBLISH a=2"}));
}

TEST_F(ForwardTest, TheWindowOfTheClientHolds) {
  Peer& peer = subscriber({.id = "c", .version = v5, .receive_maximum = 1});
  for (const char* text : {"1", "2"}) publish("a", text, q1);
  publish("a", "3");
  for (int i = 0; i < 3; ++i) answer(Verdict::pass());
  EXPECT_EQ(peer.receive(), (Lines{"PUBLISH a=1 q1 #1"}));
  peer.send(Puback{1, {}, {}});
  EXPECT_EQ(peer.receive(), (Lines{"PUBLISH a=2 q1 #2", "PUBLISH a=3"}));
}

TEST_F(ForwardTest, WhatWaitedForTheWindowWhenTheQuestionsBeganIsAskedAboutFirst) {
  Peer& peer = world.connect({.id = "c", .version = v5, .receive_maximum = 1});
  peer.send(subscribe(1, "#", q1));
  peer.receive();
  for (const char* text : {"1", "2"}) publish("a", text, q1);
  EXPECT_EQ(peer.receive(), (Lines{"PUBLISH a=1 q1 #1"}));
  world.broker.ask_about(kForwards);
  publish("b", "3");
  EXPECT_EQ(gate.lines, (Lines{"a to c", "b to c"}));
  for (int i = 0; i < 2; ++i) answer(Verdict::pass());
  peer.send(Puback{1, {}, {}});
  EXPECT_EQ(peer.receive(), (Lines{"PUBLISH a=2 q1 #2", "PUBLISH b=3"}));
}

TEST_F(ForwardTest, AMessageThatExpiresWhileItWaitsDoesNotGo) {
  Peer& peer = subscriber({.id = "c", .version = v5});
  PropertyWriter properties;
  properties.number(PropertyId::message_expiry_interval, 1);
  Publish packet = message("a", "1");
  packet.properties = properties.list();
  world.broker.publish(packet, world.now);
  world.advance(seconds(2));
  answer(Verdict::pass());
  EXPECT_EQ(peer.receive(), Lines());
  EXPECT_EQ(world.broker.stats().dropped_expired, 1u);
}

TEST_F(ForwardTest, WhenNobodyIsAskedAnyMoreTheRestGoesInOrder) {
  Peer& peer = subscriber({.id = "c"});
  publish("a", "1");
  world.broker.ask_about({});
  publish("a", "2");
  EXPECT_EQ(peer.receive(), Lines());
  answer(Verdict::pass());
  publish("a", "3");
  EXPECT_EQ(peer.receive(), (Lines{"PUBLISH a=1", "PUBLISH a=2", "PUBLISH a=3"}));
  EXPECT_EQ(gate.lines.size(), 1u);
  EXPECT_FALSE(world.broker.is_forwarding());
}

TEST_F(ForwardTest, AMessageForOneClientByHandIsAskedAboutToo) {
  Peer& peer = subscriber({.id = "c"});
  world.broker.publish_to("c", 0, message("only/you", "1"), world.now);
  EXPECT_EQ(peer.receive(), Lines());
  answer(Verdict::pass());
  EXPECT_EQ(peer.receive(), (Lines{"PUBLISH only/you=1"}));
}

// What the gate is slow for waits in the session, as for a client that is slow, and reaches the limit of that.
TEST_F(ForwardTest, WhatNobodyHasBeenAskedAboutWaitsInTheQueueWithinItsLimit) {
  prove("X-15");
  WaitingGate slow;
  World small{with(slow, {.max_queued = 2, .max_forwards = 1})};
  Peer& peer = subscriber(small, {.id = "c"});
  for (const char* text : {"1", "2", "3", "4"}) small.broker.publish(message("a", text), small.now);
  EXPECT_EQ(slow.lines.size(), 1u);
  EXPECT_EQ(small.broker.stats().dropped_queue_full, 1u);
  for (int i = 0; i < 3; ++i) small.broker.answer(slow.next(), saying(Verdict::pass()), small.now);
  EXPECT_EQ(peer.receive(), (Lines{"PUBLISH a=1", "PUBLISH a=2", "PUBLISH a=3"}));
  EXPECT_TRUE(slow.numbers.empty());
}

TEST_F(ForwardTest, ReceiversTakeTurnsWhereNotAllMayBeAskedAboutAtATime) {
  prove("X-15");
  WaitingGate slow;
  World small{with(slow, {.max_forwards = 1})};
  Peer& one = subscriber(small, {.id = "one"});
  Peer& two = subscriber(small, {.id = "two"});
  for (const char* text : {"1", "2"}) small.broker.publish(message("a", text, q1), small.now);
  for (int i = 0; i < 4; ++i) {
    ASSERT_EQ(slow.numbers.size(), 1u) << i;
    small.broker.answer(slow.next(), saying(Verdict::pass()), small.now);
  }
  EXPECT_EQ(one.receive(), (Lines{"PUBLISH a=1 q1 #1", "PUBLISH a=2 q1 #2"}));
  EXPECT_EQ(two.receive(), (Lines{"PUBLISH a=1 q1 #1", "PUBLISH a=2 q1 #2"}));
}

TEST_F(ForwardTest, WhoWaitsForATurnGetsItAlsoWhenTheOtherGoesAway) {
  WaitingGate slow;
  World small{with(slow, {.max_forwards = 1})};
  Peer& first = subscriber(small, {.id = "first"});
  Peer& next = subscriber(small, {.id = "next"});
  Peer& last = subscriber(small, {.id = "last"});
  small.broker.publish(message("a", "1"), small.now);
  next.drop();  // out of the line
  first.drop();
  EXPECT_EQ(slow.lines, (Lines{"a to first", "a to last"}));
  slow.next();
  small.broker.answer(slow.next(), saying(Verdict::pass()), small.now);
  EXPECT_EQ(last.receive(), (Lines{"PUBLISH a=1"}));
}

TEST_F(ForwardTest, RetainedMessagesAreNotDroppedHoweverFewMayBeAskedAbout) {
  WaitingGate slow;
  World small{with(slow, {.max_queued = 1, .max_forwards = 2})};
  constexpr size_t kCount = 50;
  for (size_t i = 0; i < kCount; ++i) {
    Publish packet = message("r/" + std::to_string(i), "x", q1);
    packet.retain = true;
    small.broker.publish(packet, small.now);
  }
  Peer& other = subscriber(small, {.id = "other"});
  Peer& peer = small.connect({.id = "c"});
  small.broker.publish(message("a", "1"), small.now);
  peer.send(subscribe(1, "r/#", q1));
  size_t asked = 0;
  for (; !slow.numbers.empty() && asked < 1000; ++asked) {
    small.broker.answer(slow.next(), saying(Verdict::pass()), small.now);
  }
  EXPECT_EQ(peer.receive().size(), 1 + kCount);
  EXPECT_EQ(other.receive(), (Lines{"PUBLISH a=1"}));
  EXPECT_EQ(small.broker.stats().dropped_queue_full, 0u);
}

TEST_F(ForwardTest, BytesAreBoundedAsWell) {
  WaitingGate slow;
  World small{with(slow, {.max_forward_bytes = 100})};
  subscriber(small, {.id = "c"});
  const std::string payload(80, 'x');
  small.broker.publish(message("a", payload), small.now);
  small.broker.publish(message("a", payload), small.now);
  EXPECT_EQ(slow.numbers.size(), 1u);
  small.broker.answer(slow.next(), saying(Verdict::pass()), small.now);
  EXPECT_EQ(slow.numbers.size(), 1u);
}

TEST_F(ForwardTest, OneClientHasOnlySoManyQuestionsOpen) {
  Peer& peer = subscriber({.id = "c"});
  for (size_t i = 0; i < Forwarding::kLimit + 10; ++i) publish("a", "1");
  EXPECT_EQ(gate.numbers.size(), Forwarding::kLimit);
  for (size_t i = 0; i < Forwarding::kLimit + 10; ++i) answer(Verdict::pass());
  EXPECT_EQ(peer.receive().size(), Forwarding::kLimit + 10);
}

TEST_F(ForwardTest, AClientThatDoesNotReadIsWaitedForAndThenGoneWithWhatItHadOpen) {
  WaitingGate slow;
  World small{with(slow, {.drain_timeout = seconds(5), .output_limit = 1000})};
  Peer& peer = subscriber(small, {.id = "c"});
  peer.is_reading = false;
  for (int i = 0; i < 5; ++i) {
    small.broker.publish(message("a", std::string(600, 'x')), small.now);
    small.broker.answer(slow.next(), saying(Verdict::pass()), small.now);
  }
  small.advance(seconds(6));
  EXPECT_EQ(small.broker.stats().drain_timeouts, 1u);
  EXPECT_EQ(small.broker.stats().clients, 0u);
  small.broker.ask_about({});
  EXPECT_FALSE(small.broker.is_forwarding());
}

}  // namespace
}  // namespace mqtt_sim::broker::test
