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

Verdict close_it() { return Verdict::close(ReasonCode::administrative_action); }
Verdict ban() { return Verdict::refuse(ReasonCode::banned); }

Script on(EventKind kind, std::function<Verdict()> make_verdict) {
  return Script([=](const Event& event) { return event.kind == kind ? make_verdict() : Verdict::pass(); });
}
Script rewrite_on(EventKind kind, std::function<Rewrite(const Event&)> make_rewrite) {
  return Script(
      [=](const Event& event) { return event.kind == kind ? Verdict::change(make_rewrite(event)) : Verdict::pass(); });
}
std::vector<uint8_t> bytes_of(std::string_view text) { return {text.begin(), text.end()}; }

TEST(Rule, TheFirstThatDoesNotPassWins) {
  Script first = on(EventKind::connect, Verdict::pass);
  Script second = on(EventKind::connect, ban);
  Script third = on(EventKind::connect, Verdict::drop);
  World world({.rules = {&first, &second, &third}});
  Peer& peer = world.open(v5);
  World::send_connect(peer, {.id = "c", .version = v5});
  EXPECT_EQ(peer.receive(), (Lines{"CONNACK 8a", "CLOSE"}));
  Peer& old = world.open(v311);
  World::send_connect(old, {.id = "c"});
  EXPECT_EQ(old.receive(), (Lines{"CONNACK 05", "CLOSE"}));
}

TEST(Rule, ADroppedConnectIsClosedWithoutAWord) {
  Script rule = on(EventKind::connect, Verdict::drop);
  World world({.rules = {&rule}});
  Peer& peer = world.open();
  World::send_connect(peer, {.id = "c"});
  EXPECT_EQ(peer.receive(), Lines{"CLOSE"});
}

TEST(Rule, ARefusedPublishIsAnsweredWithItsReasonAndRoutedToNobody) {  // [MQTT-3.3.5-2] of 3.1.1
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
  Script rule = on(EventKind::publish, Verdict::drop);
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

TEST(Rule, ASharedMessageThatIsWithheldFromOneMemberGoesToAnother) {
  prove("X-15");
  Script rule([](const Event& event) {
    const bool may = event.kind != EventKind::deliver || event.client_id == "b" || event.topic == "all";
    return may ? Verdict::pass() : Verdict::refuse(ReasonCode::not_authorized);
  });
  World world({.rules = {&rule}});
  Peer& a = world.connect({.id = "a"});
  Peer& b = world.connect({.id = "b", .clean = false});
  Peer& c = world.connect({.id = "c"});
  for (Peer* peer : {&a, &b, &c}) peer->send(subscribe(1, "$share/g/+", q1));
  for (Peer* peer : {&a, &b, &c}) peer->receive();
  Peer& publisher = world.connect({.id = "p"});
  for (const char* text : {"1", "2", "3"}) publisher.send(message("t", text));
  EXPECT_EQ(b.receive(), (Lines{"PUBLISH t=1", "PUBLISH t=2", "PUBLISH t=3"}));
  for (const char* text : {"4", "5", "6"}) publisher.send(message("all", text));
  EXPECT_EQ(c.receive(), Lines{"PUBLISH all=4"}) << "they still take turns";
  EXPECT_EQ(a.receive(), Lines{"PUBLISH all=5"});
  EXPECT_EQ(b.receive(), Lines{"PUBLISH all=6"});
  EXPECT_EQ(world.broker.stats().dropped_by_rule, 0u);

  b.drop();
  publisher.send(message("t", "7", q1, 7));  // kept for the one who may read it, though others are here
  publisher.send(message("t", "8"));         // and nobody else may
  EXPECT_EQ(a.receive(), Lines());
  EXPECT_EQ(c.receive(), Lines());
  EXPECT_EQ(world.broker.stats().dropped_by_rule, 1u);
  Peer& back = world.open(v311);
  World::send_connect(back, {.id = "b", .clean = false});
  EXPECT_EQ(back.receive(), (Lines{"CONNACK 00 present", "PUBLISH t=7 q1 #1"}));
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
  connect.user_name = "anna";
  connect.password = as_bytes("pw");
  peer.send(connect);
  peer.send(subscribe(1, "t"));
  peer.send(message("t", "x"));
  EXPECT_EQ(seen, (std::vector<std::string>{"0annapw", "2anna", "1anna", "3anna"}));
}

TEST(Rule, ARefusedConnectHasTheReturnCodeOf311ThatSaysMostNearlyTheSame) {
  prove("X-15");
  const struct {
    ReasonCode reason;
    const char* old_code;
    const char* new_code;
  } rows[] = {{ReasonCode::client_identifier_not_valid, "CONNACK 02", "CONNACK 85"},
              {ReasonCode::server_unavailable, "CONNACK 03", "CONNACK 88"},
              {ReasonCode::bad_user_name_or_password, "CONNACK 04", "CONNACK 86"},
              {ReasonCode::not_authorized, "CONNACK 05", "CONNACK 87"}};
  for (const auto& row : rows) {
    Script rule = on(EventKind::connect, [&] { return Verdict::refuse(row.reason); });
    World world({.rules = {&rule}});
    for (const ProtocolVersion version : {v31, v311, v5}) {
      Peer& peer = world.open(version);
      World::send_connect(peer, {.id = "c", .version = version});
      EXPECT_EQ(peer.receive(), (Lines{version == v5 ? row.new_code : row.old_code, "CLOSE"}));
    }
  }
}

TEST(Rule, APublishIsRewrittenAndGoesOnToTheNextRule) {
  prove("X-15");
  Script first = rewrite_on(EventKind::publish, [](const Event& event) {
    return Rewrite{
        .topic = "tenant/" + std::string(event.topic), .payload = bytes_of("[x]"), .qos = q1, .retain = true};
  });
  std::vector<std::string> seen;
  Script second([&](const Event& event) {
    if (event.kind == EventKind::publish) {
      seen.push_back(std::string(event.topic) + "=" + std::string(as_text(event.payload)) +
                     (event.qos == q1 ? " q1" : "") + (event.retain ? " retain" : ""));
    }
    return Verdict::pass();
  });
  World world({.rules = {&first, &second}});
  Peer& reader = world.connect({.id = "r"});
  reader.send(subscribe(1, "#", q2));
  Peer& writer = world.connect({.id = "w", .version = v5});
  writer.send(message("t", "secret"));
  EXPECT_EQ(seen, std::vector<std::string>{"tenant/t=[x] q1 retain"});
  EXPECT_EQ(reader.receive(), (Lines{"SUBACK #1 02", "PUBLISH tenant/t=[x] q1 #1"}));
  EXPECT_EQ(world.broker.stats().retained, 1u);
  EXPECT_EQ(writer.receive(), Lines()) << "the answer is that of the QoS it was sent with";
}

TEST(Rule, ATopicThatMayNotBeIsRefusedWhoeverWroteIt) {
  Script rule([](const Event& event) {
    if (event.kind == EventKind::publish) return Verdict::change({.topic = "a/#"});
    if (event.kind == EventKind::subscribe) return Verdict::change({.topic = "a/#/b"});
    if (event.kind == EventKind::deliver) return Verdict::change({.topic = ""});
    return Verdict::pass();
  });
  World world({.rules = {&rule}});
  Peer& peer = world.connect({.id = "c", .version = v5});
  peer.send(message("t", "x", q1, 1));
  peer.send(subscribe(1, "t"));
  EXPECT_EQ(peer.receive(), (Lines{"PUBACK #1 90", "SUBACK #1 8f"}));
}

TEST(Rule, MayEndTheConnectionThatPublishes) {
  prove("X-15");
  Script rule = on(EventKind::publish, close_it);
  World world({.rules = {&rule}});
  for (const QoS qos : {q0, q1, q2}) {
    const PacketId id = qos == q0 ? PacketId{0} : PacketId{1};
    Peer& modern = world.connect({.id = "m", .version = v5});
    modern.send(message("t", "x", qos, id));
    EXPECT_EQ(modern.receive(), (Lines{"DISCONNECT 98", "CLOSE"}));
    Peer& old = world.connect({.id = "o"});
    old.send(message("t", "x", qos, id));
    EXPECT_EQ(old.receive(), Lines{"CLOSE"});
  }
  EXPECT_EQ(world.broker.stats().sessions, 0u);
}

TEST(Rule, MayEndTheConnectionThatSubscribes) {
  Script rule([](const Event& event) {
    return event.kind == EventKind::subscribe && event.topic == "b" ? close_it() : Verdict::pass();
  });
  World world({.rules = {&rule}});
  Peer& peer = world.connect({.id = "m", .version = v5});
  peer.send(subscribe(1, {{"a", {}}, {"b", {}}, {"c", {}}}));
  EXPECT_EQ(peer.receive(), (Lines{"DISCONNECT 98", "CLOSE"}));
  EXPECT_EQ(world.broker.stats().subscriptions, 0u);
}

TEST(Rule, AWillIsAskedAboutLikeAPublishAndSaysSo) {
  std::vector<bool> seen;
  Script rule([&](const Event& event) {
    if (event.kind == EventKind::publish) seen.push_back(event.is_will);
    return event.is_will ? close_it() : Verdict::pass();
  });
  World world({.rules = {&rule}});
  Peer& reader = world.connect({.id = "r"});
  reader.send(subscribe(1, "#"));
  Peer& peer = world.connect({.id = "c", .will = will("w", "gone")});
  peer.send(message("t", "x"));
  peer.drop();
  EXPECT_EQ(seen, (std::vector<bool>{false, true}));
  EXPECT_EQ(reader.receive(), (Lines{"SUBACK #1 00", "PUBLISH t=x"}));
}

TEST(Rule, AFilterIsRewrittenAndUnsubscribeOfTheOneAskedForEndsIt) {
  prove("X-15");
  Script rule([](const Event& event) {
    const bool is_it = event.kind == EventKind::subscribe && event.topic.starts_with("my/");
    return is_it ? Verdict::change({.topic = "anna/t", .qos = q1}) : Verdict::pass();
  });
  World world({.rules = {&rule}});
  Peer& peer = world.connect({.id = "c", .version = v5});
  peer.send(retained("anna/t", "kept"));
  peer.send(subscribe(1, "my/a", q2));
  EXPECT_EQ(peer.receive(), (Lines{"SUBACK #1 01", "PUBLISH anna/t=kept retain"}));
  peer.send(unsubscribe(2, "anna/t"));
  peer.send(message("anna/t", "1"));
  EXPECT_EQ(peer.receive(), (Lines{"UNSUBACK #2 11", "PUBLISH anna/t=1"})) << "it was never asked for";
  peer.send(subscribe(3, {{"my/b", {}}, {"anna/t", {}}}));
  EXPECT_EQ(world.broker.stats().subscriptions, 1u);
  peer.receive();
  for (const char* filter : {"my/a", "anna/t"}) {
    peer.send(unsubscribe(4, filter));
    EXPECT_EQ(peer.receive(), Lines{"UNSUBACK #4 00"});
    EXPECT_EQ(world.broker.stats().subscriptions, 1u) << "another filter leads there still";
  }
  peer.send(unsubscribe(5, "my/b"));
  peer.send(unsubscribe(6, "my/b"));
  peer.send(message("anna/t", "2"));
  EXPECT_EQ(peer.receive(), (Lines{"UNSUBACK #5 00", "UNSUBACK #6 11"}));
}

TEST(Rule, WhatAFilterWasRewrittenToIsRememberedForTheFirstSubscriptionsToo) {
  std::string granted = "x";
  Script rule([&](const Event& event) {
    const bool is_it = event.kind == EventKind::subscribe && event.topic == "my";
    return is_it ? Verdict::change({.topic = granted}) : Verdict::pass();
  });
  World world({.max_subscriptions_per_client = 3, .rules = {&rule}});
  Peer& peer = world.connect({.id = "c", .version = v5});
  peer.send(subscribe(1, "first"));
  peer.send(subscribe(2, "my"));
  granted = "y";
  peer.send(subscribe(3, "my"));  // [MQTT-3.8.4-3]: replaces
  EXPECT_EQ(world.broker.stats().subscriptions, 2u);
  peer.send(subscribe(4, {{"x", {}}, {"z", {}}}));
  EXPECT_EQ(peer.receive(), (Lines{"SUBACK #1 00", "SUBACK #2 00", "SUBACK #3 00", "SUBACK #4 00 97"}));
  peer.send(unsubscribe(5, "first"));
  peer.send(unsubscribe(6, "my"));
  EXPECT_EQ(peer.receive(), (Lines{"UNSUBACK #5 00", "UNSUBACK #6 00"}));
  EXPECT_EQ(world.broker.stats().subscriptions, 1u);
}

TEST(Rule, ADeliveryIsRewrittenForOneSubscriberAndNeverRaised) {
  prove("X-15");
  Script rule([](const Event& event) {
    if (event.kind != EventKind::deliver) return Verdict::pass();
    if (event.client_id == "low") return Verdict::change({.topic = "other", .payload = bytes_of("***"), .qos = q0});
    if (event.client_id == "high") return Verdict::change({.qos = q2, .retain = true});
    return Verdict::pass();
  });
  World world({.rules = {&rule}});
  std::vector<Peer*> peers;
  for (const char* id : {"low", "high", "plain", "plain2", "plain3"}) {
    peers.push_back(&world.connect({.id = id}));
    peers.back()->send(subscribe(1, "t", q1));
    peers.back()->receive();
  }
  peers[2]->send(message("t", "x", q1, 9));
  EXPECT_EQ(peers[0]->receive(), Lines{"PUBLISH other=***"});
  EXPECT_EQ(peers[1]->receive(), Lines{"PUBLISH t=x q1 #1 retain"});
  EXPECT_EQ(peers[3]->receive(), Lines{"PUBLISH t=x q1 #1"});
  peers[2]->send(message("t", "y"));  // QoS 0 shares its bytes among the others
  EXPECT_EQ(peers[0]->receive(), Lines{"PUBLISH other=***"});
  EXPECT_EQ(peers[4]->receive(), (Lines{"PUBLISH t=x q1 #1", "PUBLISH t=y"}));
}

TEST(Rule, ARetainedMessageIsRewrittenOnItsWayToo) {
  Script rule = rewrite_on(EventKind::deliver, [](const Event& event) {
    return Rewrite{.payload = bytes_of("for " + std::string(event.client_id)), .qos = q1, .retain = false};
  });
  World world({.rules = {&rule}});
  Peer& peer = world.connect({.id = "c"});
  peer.send(retained("t", "x", q2, 1));
  peer.receive();
  peer.send(subscribe(1, "t", q2));
  EXPECT_EQ(peer.receive(), (Lines{"SUBACK #1 02", "PUBLISH t=for c q1 #1"}));
}

TEST(Rule, AMessageOfTheOwnerIsAskedAboutAsWell) {
  std::string seen = "-";
  Script rule([&](const Event& event) {
    seen = std::string(event.client_id) + "|" + std::string(event.topic);
    return Verdict::close(ReasonCode::quota_exceeded);
  });
  World world({.rules = {&rule}});
  EXPECT_EQ(world.broker.publish(message("t", "x"), world.now), ReasonCode::quota_exceeded);
  EXPECT_EQ(seen, "|t");
}

TEST(Rule, KnowsTheListenerAndTheAddressOfAClientThatConnects) {
  std::string seen;
  Script rule([&](const Event& event) {
    seen = std::string(event.listener) + " " + std::string(event.address);
    return Verdict::pass();
  });
  World world({.rules = {&rule}});
  world.connect({.id = "c"});
  EXPECT_EQ(seen, "default test:1");
}

TEST(Rule, StillKnowsTheUserOfASessionThatASecondBrokerFindsInTheStore) {
  std::vector<std::string> seen;
  Script rule([&](const Event& event) {
    if (event.kind == EventKind::deliver) seen.push_back(std::string(event.user_name.value_or("-")));
    return Verdict::pass();
  });
  World world({.rules = {&rule}});
  Peer& peer = world.open();
  Connect connect;
  connect.client_id = "c";
  connect.clean_start = false;
  connect.user_name = "anna";
  peer.send(connect);
  peer.send(subscribe(1, "t", q1));
  peer.drop();
  Broker second({.rules = {&rule}}, world.store, 1);
  second.publish(message("t", "x", q1), world.now);
  EXPECT_EQ(seen, std::vector<std::string>{"anna"});
}

}  // namespace
}  // namespace mqtt_sim::broker::test
