// What the witness of a broker is told, in which order, and that nobody is told what nobody asked for.
#include "core/broker/connection.hpp"
#include "tests/cpp/broker/harness.hpp"

namespace mqtt_sim::broker::test {
namespace {

constexpr NoticeKinds kAll{0xFFFF};

// A line for each notice.
class Diary final : public Witness {
 public:
  void on_notice(const Notice& notice, Instant) override {
    static constexpr const char* kNames[] = {"client",     "connack",      "connected", "disconnecting", "disconnected",
                                             "subscribed", "unsubscribed", "published", "sys",           "acknowledged",
                                             "ping",       "keep alive",   "failed"};
    std::string line = kNames[static_cast<size_t>(notice.kind)];
    if (notice.connection && !notice.connection->facts().client_id.empty()) {
      line += " " + std::string(notice.connection->facts().client_id);
    }
    for (const auto& entry : notice.filters) {
      line += " " + std::string(entry.filter) + ":" + std::to_string(static_cast<int>(entry.options.qos));
    }
    if (notice.publish) {
      line += " " + std::string(notice.publish->topic) + "=" + std::string(as_text(notice.publish->payload));
    }
    if (notice.kind == NoticeKind::disconnecting || notice.kind == NoticeKind::disconnected) {
      line += " " + std::string(to_string(notice.cause));
    }
    if (notice.reason != ReasonCode::success) line += " " + hex(static_cast<unsigned>(notice.reason));
    lines.push_back(line);
  }
  Lines take() { return std::exchange(lines, {}); }

  Lines lines;
};

struct NoticeTest : ::testing::Test {
  static BrokerOptions with(Diary& diary) {
    BrokerOptions options;
    options.witness = &diary;
    return options;
  }
  NoticeTest() { world.broker.watch(kAll); }

  Diary diary;
  World world{with(diary)};
};

TEST_F(NoticeTest, ANormalSessionIsToldInItsOrder) {
  prove("X-16");
  prove("M-17");
  Peer& peer = world.connect({.id = "c"});
  peer.send(subscribe(1, {{"a/#", {.qos = q1}}, {"b", {}}}));
  peer.send(message("a/x", "hi", q1, 7));
  peer.receive();
  peer.send(Puback{1, ReasonCode::success, {}});
  peer.send(Pingreq());
  peer.send(unsubscribe(2, "b"));
  peer.send(Disconnect());
  peer.receive();
  EXPECT_EQ(diary.take(), (Lines{"client c", "connack c", "connected c", "subscribed c a/#:1 b:0", "published c a/x=hi",
                                 "acknowledged c a/x=hi", "ping c", "unsubscribed c b:0", "disconnecting c disconnect",
                                 "unsubscribed c a/#:0", "disconnected disconnect"}));
}

TEST_F(NoticeTest, AnAbnormalEndTellsTheWillBetweenGoingAndGone) {
  prove("M-18");
  Peer& peer = world.connect({.id = "c", .will = will("last", "words")});
  diary.take();
  peer.drop();
  EXPECT_EQ(diary.take(),
            (Lines{"failed c 80", "disconnecting c socket", "published c last=words", "disconnected socket"}));
}

TEST_F(NoticeTest, EachWayToGoHasItsCause) {
  prove("M-19");
  const auto cause_of = [&](const std::function<void(Peer&)>& end, Client client = {.id = "c"}) {
    Peer& peer = world.connect(client);
    diary.take();
    end(peer);
    for (const std::string& line : diary.take()) {
      if (line.starts_with("disconnecting ")) return line.substr(line.rfind(' ') + 1);
    }
    return std::string("still there");
  };
  EXPECT_EQ(cause_of([](Peer& peer) { peer.send(Disconnect()); }), "disconnect");
  EXPECT_EQ(cause_of([](Peer& peer) { peer.drop(); }), "socket");
  EXPECT_EQ(cause_of([](Peer& peer) { peer.send(Connack()); }), "protocol");
  EXPECT_EQ(cause_of([&](Peer&) { world.advance(seconds(2)); }, {.id = "k", .keep_alive_s = 1}), "keepalive");
  EXPECT_EQ(cause_of([&](Peer&) { world.connect({.id = "t"}); }, {.id = "t"}), "takeover");
  EXPECT_EQ(cause_of([&](Peer&) { world.broker.disconnect("o", 0, ReasonCode::administrative_action, world.now); },
                     {.id = "o"}),
            "owner");
  EXPECT_EQ(cause_of([&](Peer&) { world.broker.cut_off("o", 0, world.now); }, {.id = "o"}), "owner");
  EXPECT_EQ(cause_of([&](Peer&) { world.broker.shutdown(world.now); }), "shutdown");
}

TEST_F(NoticeTest, RefusedFiltersAreNotTold) {
  prove("M-21");
  Peer& peer = world.connect({.id = "c"});
  diary.take();
  const std::string deep(200, '/');
  peer.send(subscribe(1, {{"a", {.qos = q2}}, {std::string_view(deep), {}}, {"d", {}}}));
  EXPECT_EQ(peer.receive(), (Lines{"SUBACK #1 02 80 00"}));
  EXPECT_EQ(diary.take(), (Lines{"subscribed c a:2 d:0"}));
}

TEST_F(NoticeTest, SubscriptionsOfAKeptSessionAreNotToldAsGone) {
  prove("M-22");
  Peer& peer = world.connect({.id = "c", .clean = false});
  peer.send(subscribe(1, "a"));
  peer.receive();
  diary.take();
  peer.drop();
  EXPECT_EQ(diary.take(), (Lines{"failed c 80", "disconnecting c socket", "disconnected socket"}));
}

TEST_F(NoticeTest, StreamsThatNeverBecameClientsFail) {
  const uint8_t other[] = {'G', 'E', 'T', ' '};
  world.open().send_bytes(other);
  EXPECT_EQ(diary.take(), (Lines{"failed 82"}));
  Peer& mute = world.open();
  world.advance(seconds(11));
  EXPECT_EQ(diary.take(), (Lines{"failed 80"}));
  mute.receive();
  Peer& refused = world.open(v31);
  World::send_connect(refused, {.id = "", .version = v31});
  EXPECT_EQ(diary.take(), (Lines{"connack 85", "failed 85"}));
}

TEST_F(NoticeTest, TheOwnersMessagesAndSysTopicsAreOfNobody) {
  prove("M-23");
  world.broker.publish(message("a", "from inside"), world.now);
  EXPECT_EQ(diary.take(), (Lines{"published a=from inside"}));
}

TEST_F(NoticeTest, OnlyWhatIsWatchedIsTold) {
  NoticeKinds pings;
  pings.add(NoticeKind::ping);
  world.broker.watch(pings);
  Peer& peer = world.connect({.id = "c"});
  peer.send(message("a", "x"));
  peer.send(Pingreq());
  peer.send(Disconnect());
  EXPECT_EQ(diary.take(), (Lines{"ping c"}));
  world.broker.watch({});
  world.connect({.id = "d"});
  EXPECT_EQ(diary.take(), Lines());
}

TEST_F(NoticeTest, QosTwoIsAcknowledgedOnce) {
  Peer& peer = world.connect({.id = "c"});
  peer.send(subscribe(1, "a", q2));
  world.broker.publish(message("a", "x", q2), world.now);
  peer.receive();
  diary.take();
  peer.send(Pubrec{1, ReasonCode::success, {}});
  peer.send(Pubrec{1, ReasonCode::success, {}});
  peer.send(Pubcomp{1, ReasonCode::success, {}});
  EXPECT_EQ(diary.take(), (Lines{"acknowledged c a=x"}));
}

TEST_F(NoticeTest, TheOwnerActsOnSingleClients) {
  prove("X-18");
  Peer& one = world.connect({.id = "one"});
  Peer& two = world.connect({.id = "two"});
  EXPECT_EQ(world.broker.publish_to("one", 0, message("a", "yours"), world.now), ReasonCode::success);
  EXPECT_EQ(one.receive(), (Lines{"PUBLISH a=yours"}));
  EXPECT_EQ(two.receive(), Lines());
  world.broker.publish(retained("r", "kept"), world.now);
  EXPECT_EQ(world.broker.subscribe_for("two", 0, {"r", {.qos = q1}}, world.now), ReasonCode::granted_qos_1);
  EXPECT_EQ(two.receive(), (Lines{"PUBLISH r=kept retain"}));
  EXPECT_TRUE(world.broker.unsubscribe_for("two", 0, "r", world.now));
  EXPECT_FALSE(world.broker.unsubscribe_for("two", 0, "r", world.now));
  EXPECT_EQ(world.broker.subscribe_for("nobody", 0, {"r", {}}, world.now), ReasonCode::session_taken_over);
  EXPECT_FALSE(world.broker.disconnect("two", 12345, ReasonCode::administrative_action, world.now));
  EXPECT_TRUE(world.broker.disconnect("two", 0, ReasonCode::administrative_action, world.now));
  EXPECT_EQ(two.receive(), (Lines{"CLOSE"}));
  EXPECT_FALSE(world.broker.cut_off("two", 0, world.now));
}

TEST_F(NoticeTest, WhatWaitsForAClientCanBeForgotten) {
  Peer& peer = world.connect({.id = "c", .version = v5, .receive_maximum = 1});
  peer.send(subscribe(1, "a", q1));
  for (int i = 0; i < 3; ++i) world.broker.publish(message("a", "x", q1), world.now);
  EXPECT_EQ(world.broker.empty_queue("c", 0), 2u);
  EXPECT_EQ(world.broker.empty_queue("c", 0), 0u);
}

}  // namespace
}  // namespace mqtt_sim::broker::test
