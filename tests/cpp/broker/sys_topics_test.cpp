// What a broker tells about itself below $SYS: to whom, when, and that nobody else can.
#include "core/broker/sys_topics.hpp"

#include <map>

#include "tests/cpp/broker/harness.hpp"

namespace mqtt_sim::broker::test {
namespace {

using Told = std::map<std::string, std::string>;

Told update(SysTopics& topics, const Stats& stats, Instant now, const Waiting& waiting = {}) {
  Told told;
  topics.update(stats, waiting, now, [&](std::string_view topic, std::string_view text) {
    EXPECT_TRUE(told.emplace(topic, text).second) << topic << " twice";
  });
  return told;
}

const std::string kBase = "$SYS/broker/";

// "$SYS/broker/uptime=0 seconds retain" → uptime: "0 seconds retain"
Told read(const Lines& lines) {
  Told told;
  const std::string start = "PUBLISH " + kBase;
  for (const std::string& line : lines) {
    if (!line.starts_with(start)) {
      ADD_FAILURE() << line;
      continue;
    }
    const size_t equals = line.find('=');
    told[line.substr(start.size(), equals - start.size())] = line.substr(equals + 1);
  }
  return told;
}

TEST(SysTopics, HaveTheNamesOfMosquitto) {
  prove("X-21");
  SysTopics topics(seconds(10));
  Told told = update(topics, {}, instant_from_ns(5));
  EXPECT_TRUE(told.extract(kBase + "version").mapped().starts_with("mqtt-sim version "));
  const std::vector<std::string> counts = {
      "bytes/received",
      "bytes/sent",
      "clients/connected",
      "clients/disconnected",
      "clients/expired",
      "clients/maximum",
      "clients/total",
      "messages/received",
      "messages/sent",
      "publish/bytes/received",
      "publish/bytes/sent",
      "publish/messages/dropped",
      "publish/messages/received",
      "publish/messages/sent",
      "retained messages/count",
      "shared_subscriptions/count",
      "store/messages/bytes",
      "store/messages/count",
      "subscriptions/count",
  };
  const std::vector<std::string> rates = {"bytes/received", "bytes/sent",        "connections",
                                          "messages/sent",  "messages/received", "publish/dropped",
                                          "publish/sent",   "publish/received",  "sockets"};
  Told expected = {{kBase + "uptime", "0 seconds"}};
  for (const std::string& name : counts) expected[kBase + name] = "0";
  for (const std::string& name : rates) {
    for (const char* window : {"1min", "5min", "15min"}) expected[kBase + "load/" + name + "/" + window] = "0.00";
  }
  EXPECT_EQ(told, expected);
}

TEST(SysTopics, SayEachCount) {
  Stats stats;
  stats.clients = 3;
  stats.sessions = 5;
  stats.clients_maximum = 4;
  stats.sessions_expired = 6;
  stats.subscriptions = 10;
  stats.shared_subscriptions = 3;
  stats.retained = 7;
  stats.retained_bytes = 70;
  stats.packets_in = 11;
  stats.packets_out = 12;
  stats.bytes_in = 13;
  stats.bytes_out = 14;
  stats.messages_in = 15;
  stats.messages_out = 16;
  stats.payload_bytes_in = 17;
  stats.payload_bytes_out = 18;
  stats.dropped_slow = 1;
  stats.dropped_queue_full = 2;
  stats.dropped_absent = 4;
  stats.dropped_expired = 8;
  stats.dropped_too_large = 16;
  stats.dropped_by_rule = 32;
  stats.dropped_session_end = 64;
  SysTopics topics(seconds(10));
  const Told told = update(topics, stats, instant_from_ns(5), {.messages = 2, .bytes = 20});
  const auto at = [&](const std::string& name) { return told.at(kBase + name); };
  EXPECT_EQ(at("clients/connected"), "3");
  EXPECT_EQ(at("clients/disconnected"), "2");
  EXPECT_EQ(at("clients/total"), "5");
  EXPECT_EQ(at("clients/maximum"), "4");
  EXPECT_EQ(at("clients/expired"), "6");
  EXPECT_EQ(at("subscriptions/count"), "7");
  EXPECT_EQ(at("shared_subscriptions/count"), "3");
  EXPECT_EQ(at("retained messages/count"), "7");
  EXPECT_EQ(at("store/messages/count"), "9");
  EXPECT_EQ(at("store/messages/bytes"), "90");
  EXPECT_EQ(at("messages/received"), "11");
  EXPECT_EQ(at("messages/sent"), "12");
  EXPECT_EQ(at("bytes/received"), "13");
  EXPECT_EQ(at("bytes/sent"), "14");
  EXPECT_EQ(at("publish/messages/received"), "15");
  EXPECT_EQ(at("publish/messages/sent"), "16");
  EXPECT_EQ(at("publish/bytes/received"), "17");
  EXPECT_EQ(at("publish/bytes/sent"), "18");
  EXPECT_EQ(at("publish/messages/dropped"), "127");
}

TEST(SysTopics, AreToldAgainOnlyWhenTheyChange) {
  SysTopics topics(seconds(10));
  const Instant start = instant_from_ns(1'000'000'000);
  EXPECT_LE(topics.due(), start) << "the first time at once";
  Stats stats;
  update(topics, stats, start);
  EXPECT_EQ(topics.due(), start + seconds(10));
  stats.retained = 1;
  const Told expected = {{kBase + "uptime", "10 seconds"},
                         {kBase + "retained messages/count", "1"},
                         {kBase + "store/messages/count", "1"}};
  EXPECT_EQ(update(topics, stats, start + seconds(10)), expected);
}

// A steady rate is reached from below, by each window in its own time: 1 - 1/e of it after one window.
TEST(SysTopics, AverageTheLoadOverOneFiveAndFifteenMinutes) {
  SysTopics topics(seconds(10));
  Instant now = instant_from_ns(0);
  Stats stats;
  Told known = update(topics, stats, now);
  const auto run = [&](Duration duration) {
    for (const Instant end = now + duration; now < end;) {
      now += seconds(10);
      stats.messages_in += 100;  // 600 a minute
      for (const auto& [topic, text] : update(topics, stats, now)) known[topic] = text;
    }
  };
  const auto load = [&](const char* window) { return std::stod(known.at(kBase + "load/publish/received/" + window)); };
  run(seconds(60));
  EXPECT_NEAR(load("1min"), 600 * 0.632, 1);
  EXPECT_LT(load("5min"), load("1min"));
  EXPECT_LT(load("15min"), load("5min"));
  run(seconds(240));
  EXPECT_NEAR(load("5min"), 600 * 0.632, 1);
  run(seconds(600));
  EXPECT_NEAR(load("15min"), 600 * 0.632, 1);
  EXPECT_NEAR(load("1min"), 600, 0.1);
}

TEST(SysTopics, AreNotMadeAtAnIntervalOfZero) {
  EXPECT_EQ(SysTopics(Duration{}).due(), kNever);
  World world;
  EXPECT_EQ(world.broker.deadline(), std::nullopt);
  Peer& peer = world.connect({});
  peer.send(subscribe(1, "$SYS/#"));
  world.advance(seconds(60));
  EXPECT_EQ(peer.receive(), Lines{"SUBACK #1 00"});
}

TEST(SysTopics, ReachWhoSubscribedAndAreRetainedForOthers) {
  prove("X-21");
  World world({.sys_interval = seconds(10)});
  world.advance(seconds(1));
  Peer& early = world.connect({.id = "early", .version = v5});
  early.send(subscribe(1, "$SYS/#"));
  Lines lines = early.receive();
  ASSERT_FALSE(lines.empty());
  EXPECT_EQ(lines.front(), "SUBACK #1 00");
  lines.erase(lines.begin());
  Told told = read(lines);
  EXPECT_EQ(told.size(), 48u);
  EXPECT_EQ(told.at("clients/connected"), "0 retain");
  EXPECT_TRUE(told.at("version").ends_with(" retain"));
  world.advance(seconds(10));
  told = read(early.receive());
  EXPECT_EQ(told.at("clients/connected"), "1") << "fresh ones come without the flag";
  EXPECT_EQ(told.at("uptime"), "10 seconds");
  EXPECT_FALSE(told.contains("version"));
  Peer& late = world.connect({.id = "late"});
  late.send(subscribe(1, "$SYS/broker/clients/+"));
  lines = late.receive();
  lines.erase(lines.begin());
  EXPECT_EQ(read(lines), (Told{{"clients/connected", "1 retain"},
                               {"clients/disconnected", "0 retain"},
                               {"clients/expired", "0 retain"},
                               {"clients/maximum", "1 retain"},
                               {"clients/total", "1 retain"}}));
}

// [MQTT-4.7.2-1], of 3.1.1 as well
TEST(SysTopics, AreNotMatchedByALeadingWildcard) {
  prove("X-22");
  World world({.sys_interval = seconds(10)});
  world.advance(seconds(1));
  Peer& peer = world.connect({});
  peer.send(subscribe(1, {{"#", {}}, {"+/broker/#", {}}, {"+/broker/uptime", {}}, {"+/+/+", {}}}));
  EXPECT_EQ(peer.receive(), Lines{"SUBACK #1 00 00 00 00"}) << "nothing retained";
  world.advance(seconds(30));
  EXPECT_EQ(peer.receive(), Lines()) << "nothing new";
  Peer& reader = world.connect({.id = "reader"});
  reader.send(subscribe(1, "$SYS/+/uptime"));
  EXPECT_EQ(reader.receive().back(), "PUBLISH $SYS/broker/uptime=30 seconds retain");
}

struct Attempt {
  const char* topic;
  bool is_refused;
};

TEST(SysTopics, AreNotForClientsToPublishTo) {
  prove("X-22");
  for (const Attempt& attempt : std::initializer_list<Attempt>{{"$SYS", true},
                                                               {"$SYS/broker/uptime", true},
                                                               {"$SYS/mine", true},
                                                               {"$SYSTEM/mine", false},
                                                               {"$mine/SYS", false},
                                                               {"SYS/broker/uptime", false}}) {
    SCOPED_TRACE(attempt.topic);
    World world({.sys_interval = seconds(1'000)});
    world.advance(seconds(1));
    Peer& watcher = world.connect({.id = "watcher"});
    watcher.send(subscribe(1, {{"$SYS/#", {}}, {"$SYSTEM/#", {}}, {"$mine/#", {}}, {"SYS/#", {}}}));
    watcher.receive();
    Peer& modern = world.connect({.id = "modern", .version = v5});
    for (const bool retain : {false, true}) {
      modern.send(message(attempt.topic, "x", q0, 0, retain));
      EXPECT_EQ(modern.receive(), Lines());
      modern.send(message(attempt.topic, "x", q1, 1, retain));
      EXPECT_EQ(modern.receive(), Lines{attempt.is_refused ? "PUBACK #1 87" : "PUBACK #1"});
      modern.send(message(attempt.topic, "x", q2, 2, retain));
      EXPECT_EQ(modern.receive(), Lines{attempt.is_refused ? "PUBREC #2 87" : "PUBREC #2"});
      modern.send(Pubrel{2, {}, {}});
      modern.receive();
    }
    Peer& old = world.connect({.id = "old"});
    old.send(message(attempt.topic, "x", q1, 1));
    EXPECT_EQ(old.receive(), Lines{"PUBACK #1"});
    EXPECT_EQ(watcher.receive().empty(), attempt.is_refused);
    EXPECT_EQ(world.broker.stats().refused_publishes, attempt.is_refused ? 7u : 0u);
    EXPECT_EQ(world.broker.stats().retained, attempt.is_refused ? 0u : 1u);
  }
}

TEST(SysTopics, AreNotForWills) {
  prove("X-22");
  World world({.sys_interval = seconds(1'000)});
  world.advance(seconds(1));
  Peer& watcher = world.connect({.id = "watcher"});
  watcher.send(subscribe(1, "$SYS/broker/uptime"));
  watcher.receive();
  Peer& modern = world.open(v5);
  World::send_connect(modern, {.id = "modern", .version = v5, .will = will("$SYS/broker/uptime", "x")});
  EXPECT_EQ(modern.receive(), (Lines{"CONNACK 87", "CLOSE"}));
  Peer& old = world.connect({.id = "old", .will = will("$SYS/broker/uptime", "x", q1, true)});
  old.drop();
  EXPECT_EQ(watcher.receive(), Lines());
  EXPECT_EQ(world.broker.stats().refused_publishes, 1u);
}

TEST(SysTopics, AreTheOwnersToPublishTo) {
  World world;
  Peer& watcher = world.connect({.id = "watcher"});
  watcher.send(subscribe(1, "$SYS/#"));
  watcher.receive();
  EXPECT_EQ(world.broker.publish(message("$SYS/simulated", "x"), world.now), ReasonCode::success);
  EXPECT_EQ(watcher.receive(), Lines{"PUBLISH $SYS/simulated=x"});
}

TEST(SysTopics, TakeNothingFromTheLimitsOfClients) {
  World world({.max_retained = 1, .sys_interval = seconds(1)});
  world.advance(seconds(5));
  EXPECT_EQ(world.broker.stats().retained, 0u);
  EXPECT_EQ(world.broker.stats().retained_bytes, 0u);
  EXPECT_EQ(world.store.retained_count(), 0u) << "a store would keep them over a restart";
  EXPECT_EQ(world.broker.stats().messages_in, 0u) << "they come from no client";
  Peer& peer = world.connect({});
  peer.send(retained("a", "x", q1, 1));
  EXPECT_EQ(peer.receive(), Lines{"PUBACK #1"});
  EXPECT_EQ(world.broker.stats().retained, 1u);
}

TEST(SysTopics, CountWhatWaitsInSessionsThereAndAway) {
  World world({.sys_interval = seconds(10)});
  Peer& there = world.connect({.id = "there", .version = v5, .receive_maximum = 1});
  there.send(subscribe(1, "t", q1));
  world.connect({.id = "away", .clean = false}).send(subscribe(1, "t", q1));
  Peer& sender = world.connect({.id = "sender"});
  for (PacketId id = 1; id <= 3; ++id) sender.send(message("t", "12345", q1, id));
  Peer& reader = world.connect({.id = "reader"});
  reader.send(subscribe(1, "$SYS/broker/store/messages/+"));
  world.advance(seconds(1));
  reader.receive();
  world.connect({.id = "away", .clean = false}, "CONNACK 00 present").drop();
  for (PacketId id = 4; id <= 5; ++id) sender.send(message("t", "12345", q1, id));
  world.advance(seconds(10));
  // there: 4 of 5 wait for the first to be acknowledged; away: what came while it was away, in flight before or not.
  const Told told = read(reader.receive());
  EXPECT_EQ(told.at("store/messages/count"), "6");
  EXPECT_EQ(told.at("store/messages/bytes"), std::to_string(6 * 6));
}

TEST(SysTopics, AreBroughtByTheDeadlineAloneAndDoNotCatchUp) {
  World world({.sys_interval = seconds(10)});
  ASSERT_TRUE(world.broker.deadline());
  EXPECT_LE(*world.broker.deadline(), world.now);
  world.broker.on_deadline(world.now);
  EXPECT_EQ(world.broker.deadline(), world.now + seconds(10));
  world.now += seconds(3'600);  // nobody looked for an hour
  world.broker.on_deadline(world.now);
  EXPECT_EQ(world.broker.deadline(), world.now + seconds(10));
}

TEST(SysTopics, AreWhatTheirCountersSay) {
  World world;
  Peer& a = world.connect({.id = "a", .version = v5});
  Peer& b = world.connect({.id = "b", .version = v5, .session_expiry_s = 5});
  a.send(subscribe(1, {{"t", {}}, {"$share/g/t", {}}}));
  EXPECT_EQ(world.broker.stats().subscriptions, 2u);
  EXPECT_EQ(world.broker.stats().shared_subscriptions, 1u);
  b.send(message("t", "12345", q1, 1));
  a.receive();
  b.drop();
  a.send(Pingreq());
  world.advance(seconds(10));
  const Stats stats = world.broker.stats();
  EXPECT_EQ(stats.payload_bytes_in, 5u);
  EXPECT_EQ(stats.payload_bytes_out, 10u);
  EXPECT_EQ(stats.packets_in, 5u);   // two CONNECT, SUBSCRIBE, PUBLISH, PINGREQ
  EXPECT_EQ(stats.packets_out, 7u);  // two CONNACK, SUBACK, two PUBLISH, PUBACK, PINGRESP
  EXPECT_EQ(stats.clients_maximum, 2u);
  EXPECT_EQ(stats.clients, 1u);
  EXPECT_EQ(stats.sessions_expired, 1u);
  a.send(unsubscribe(2, "$share/g/t"));
  EXPECT_EQ(world.broker.stats().shared_subscriptions, 0u);
}

}  // namespace
}  // namespace mqtt_sim::broker::test
