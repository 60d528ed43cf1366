// Rules: who is asked what, and what each verdict does.
#include <functional>

#include "tests/cpp/broker/harness.hpp"

namespace mqtt_sim::broker::test {
namespace {

struct Script final : Rule {
  explicit Script(std::function<Verdict(const Event&)> answer_) : answer(std::move(answer_)) {}
  Verdict on_event(const Event& event, Instant) override { return answer(event); }
  std::function<Verdict(const Event&)> answer;
};

Script on(EventKind kind, Verdict verdict) {
  return Script([=](const Event& event) { return event.kind == kind ? verdict : Verdict::pass(); });
}

TEST(Rule, TheFirstThatDoesNotPassWins) {
  Script first = on(EventKind::connect, Verdict::pass());
  Script second = on(EventKind::connect, Verdict::refuse(ReasonCode::banned));
  Script third = on(EventKind::connect, Verdict::drop());
  World world({.rules = {&first, &second, &third}});
  Peer& peer = world.open(v5);
  World::send_connect(peer, {.id = "c", .version = v5});
  EXPECT_EQ(peer.receive(), (Lines{"CONNACK 8a", "CLOSE"}));
  Peer& old = world.open(v311);
  World::send_connect(old, {.id = "c"});
  EXPECT_EQ(old.receive(), (Lines{"CONNACK 05", "CLOSE"}));
}

TEST(Rule, ADroppedConnectIsClosedWithoutAWord) {
  Script rule = on(EventKind::connect, Verdict::drop());
  World world({.rules = {&rule}});
  Peer& peer = world.open();
  World::send_connect(peer, {.id = "c"});
  EXPECT_EQ(peer.receive(), Lines{"CLOSE"});
}

TEST(Rule, ARefusedPublishIsAnsweredWithItsReasonAndRoutedToNobody) {  // 3.1.1: [MQTT-3.3.5-2]
  Script rule([](const Event& event) {
    return event.kind == EventKind::publish && event.topic == "secret" && event.client_id != "boss"
               ? Verdict::refuse(ReasonCode::not_authorized)
               : Verdict::pass();
  });
  World world({.rules = {&rule}});
  Peer& boss = world.connect({.id = "boss"});
  boss.send(subscribe(1, "#"));
  boss.receive();
  Peer& modern = world.connect({.id = "m", .version = v5});
  modern.send(message("secret", "x", q1, 1));
  modern.send(message("secret", "x", q2, 2));
  modern.send(message("secret", "x"));
  EXPECT_EQ(modern.receive(), (Lines{"PUBACK #1 87", "PUBREC #2 87"}));
  Peer& old = world.connect({.id = "o"});
  old.send(message("secret", "x", q1, 1));
  EXPECT_EQ(old.receive(), Lines{"PUBACK #1"});
  EXPECT_EQ(boss.receive(), Lines());
  boss.send(message("secret", "mine"));
  EXPECT_EQ(boss.receive(), Lines{"PUBLISH secret=mine"});
  EXPECT_EQ(world.broker.stats().refused_publishes, 4u);
}

TEST(Rule, ADroppedPublishLooksAsIfItHadBeenTaken) {
  Script rule = on(EventKind::publish, Verdict::drop());
  World world({.rules = {&rule}});
  Peer& peer = world.connect({.id = "c", .version = v5});
  peer.send(subscribe(1, "t"));
  peer.send(message("t", "x", q1, 1));
  EXPECT_EQ(peer.receive(), (Lines{"SUBACK #1 00", "PUBACK #1"}));
  EXPECT_EQ(world.broker.stats().dropped_by_rule, 1u);
}

TEST(Rule, ASubscriptionIsRefusedByFilter) {
  Script rule([](const Event& event) {
    const bool is_it = event.kind == EventKind::subscribe && event.topic == "test/nosubscribe";
    return is_it ? Verdict::refuse(ReasonCode::not_authorized) : Verdict::pass();
  });
  World world({.rules = {&rule}});
  Peer& modern = world.connect({.id = "m", .version = v5});
  modern.send(subscribe(1, {{"test/nosubscribe", {}}, {"test/other", {}}}));
  EXPECT_EQ(modern.receive(), Lines{"SUBACK #1 87 00"});
  Peer& old = world.connect({.id = "o"});
  old.send(subscribe(1, "test/nosubscribe"));
  EXPECT_EQ(old.receive(), Lines{"SUBACK #1 80"});
}

TEST(Rule, ADeliveryIsWithheldFromOneSubscriber) {
  Script rule([](const Event& event) {
    return event.kind == EventKind::deliver && event.client_id == "a" ? Verdict::drop() : Verdict::pass();
  });
  World world({.rules = {&rule}});
  Peer& a = world.connect({.id = "a"});
  Peer& b = world.connect({.id = "b"});
  for (Peer* peer : {&a, &b}) peer->send(subscribe(1, "t", q1));
  b.send(retained("t", "x", q1, 1));
  EXPECT_EQ(a.receive(), Lines{"SUBACK #1 01"});
  EXPECT_EQ(b.receive(), (Lines{"SUBACK #1 01", "PUBLISH t=x q1 #1", "PUBACK #1"}));
  a.send(subscribe(2, "t", q1));
  EXPECT_EQ(a.receive(), Lines{"SUBACK #2 01"});  // the retained one as well
  EXPECT_EQ(world.broker.stats().dropped_by_rule, 2u);
}

TEST(Rule, SeesTheUserOfTheConnection) {
  std::vector<std::string> seen;
  Script rule([&](const Event& event) {
    seen.push_back(std::to_string(static_cast<int>(event.kind)) + std::string(event.user_name.value_or("-")) +
                   std::string(event.password ? as_text(*event.password) : ""));
    return Verdict::pass();
  });
  World world({.rules = {&rule}});
  Peer& peer = world.open();
  Connect connect;
  connect.client_id = "c";
  connect.user_name = "luke";
  connect.password = as_bytes("pw");
  peer.send(connect);
  peer.send(subscribe(1, "t"));
  peer.send(message("t", "x"));
  EXPECT_EQ(seen, (std::vector<std::string>{"0lukepw", "2luke", "1luke", "3luke"}));
}

}  // namespace
}  // namespace mqtt_sim::broker::test
