// What waits for a script: in which order it comes out, what is dropped, and what an order's ticket says.
#include "core/engine/broker_desk.hpp"

#include <gtest/gtest.h>
#include <poll.h>

#include <chrono>

#include "core/engine/broker_host.hpp"

namespace mqtt_sim::engine {
namespace {

using broker::NoticeKind;
using broker::NoticeKinds;

std::unique_ptr<BrokerDesk> desk_with(DeskOptions options) {
  auto desk = BrokerDesk::make(options);
  EXPECT_TRUE(desk);
  return std::move(*desk);
}

NoticeKinds kinds(std::initializer_list<NoticeKind> list) {
  NoticeKinds all;
  for (const NoticeKind kind : list) all.add(kind);
  return all;
}

void publish(BrokerDesk& desk, std::string_view topic, std::string_view payload = "") {
  protocol::Publish publish;
  publish.topic = topic;
  publish.payload = as_bytes(payload);
  desk.on_notice({.kind = NoticeKind::published, .publish = &publish}, {});
}

bool is_readable(const BrokerDesk& desk) {
  pollfd one{desk.descriptor(), POLLIN, 0};
  return ::poll(&one, 1, 0) == 1;
}

std::vector<std::string> topics(BrokerDesk& desk) {
  std::vector<std::string> list;
  for (const DeskNote& note : desk.fetch()) list.push_back(note.message ? note.message->topic : "-");
  return list;
}

TEST(BrokerDesk, NotesComeOutInTheirOrderAndTheDescriptorSaysWhen) {
  const auto desk = desk_with({});
  desk->listen_for(kinds({NoticeKind::published, NoticeKind::keep_alive_timeout}));
  EXPECT_FALSE(is_readable(*desk));
  publish(*desk, "a");
  desk->on_notice({.kind = NoticeKind::keep_alive_timeout}, {});
  publish(*desk, "b");
  EXPECT_TRUE(is_readable(*desk));
  EXPECT_EQ(topics(*desk), (std::vector<std::string>{"a", "-", "b"}));
  EXPECT_FALSE(is_readable(*desk));
}

TEST(BrokerDesk, ABatchIsBoundedAndTheRestIsStillAnnounced) {
  const auto desk = desk_with({});
  desk->listen_for(kinds({NoticeKind::published}));
  for (size_t i = 0; i < BrokerDesk::kBatch + 1; ++i) publish(*desk, "a");
  EXPECT_EQ(desk->fetch().size(), BrokerDesk::kBatch);
  EXPECT_TRUE(is_readable(*desk));
  EXPECT_EQ(desk->fetch().size(), 1u);
  EXPECT_FALSE(is_readable(*desk));
}

TEST(BrokerDesk, WhatIsNotListenedForIsNotKept) {
  const auto desk = desk_with({});
  desk->listen_for(kinds({NoticeKind::ping}));
  publish(*desk, "a");
  EXPECT_TRUE(desk->fetch().empty());
}

TEST(BrokerDesk, TheOldestOrTheNewestIsDroppedAndCounted) {
  const auto oldest = desk_with({.messages_limit = 2, .rule = DeskRule::drop_oldest});
  const auto newest = desk_with({.messages_limit = 2, .rule = DeskRule::drop_newest});
  for (BrokerDesk* desk : {oldest.get(), newest.get()}) {
    desk->listen_for(kinds({NoticeKind::published}));
    for (const char* topic : {"a", "b", "c"}) publish(*desk, topic);
    EXPECT_EQ(desk->dropped(), 1u);
  }
  EXPECT_EQ(topics(*oldest), (std::vector<std::string>{"b", "c"}));
  EXPECT_EQ(topics(*newest), (std::vector<std::string>{"a", "b"}));
}

TEST(BrokerDesk, BytesAreLimitedAsWell) {
  const auto desk = desk_with({.bytes_limit = 100, .rule = DeskRule::drop_oldest});
  desk->listen_for(kinds({NoticeKind::published}));
  publish(*desk, "a", std::string(60, 'x'));
  publish(*desk, "b", std::string(60, 'x'));
  publish(*desk, "c", std::string(200, 'x'));
  EXPECT_TRUE(topics(*desk).empty());
  EXPECT_EQ(desk->dropped(), 3u);
}

TEST(BrokerDesk, SubscriptionsOfTheScriptGetWhatTheyMatchAndNothingElse) {
  ::testing::Test::RecordProperty("req", "X-18");
  const auto desk = desk_with({});
  EXPECT_TRUE(desk->subscribe(1, "a/+")->has(NoticeKind::published));
  EXPECT_TRUE(desk->subscribe(2, "a/b"));
  EXPECT_FALSE(desk->subscribe(3, "a/#/b"));
  EXPECT_FALSE(desk->subscribe(3, "$share/g/a"));
  publish(*desk, "a/b");
  publish(*desk, "c");
  const auto notes = desk->fetch();
  ASSERT_EQ(notes.size(), 1u);
  EXPECT_EQ(notes[0].subscriptions, (std::vector<uint32_t>{1, 2}));
  EXPECT_FALSE(notes[0].is_listened_for);
  desk->unsubscribe(1);
  desk->unsubscribe(2);
  publish(*desk, "a/b");
  EXPECT_TRUE(desk->fetch().empty());
}

TEST(BrokerDesk, TicketsAreSettledOnceAndToldOnlyWhenWatched) {
  const auto desk = desk_with({});
  const auto quiet = desk->make_ticket();
  const auto watched = desk->make_ticket();
  EXPECT_FALSE(desk->watch(*watched));
  EXPECT_FALSE(desk->wait(*watched, Duration::zero()));
  desk->settle(*quiet, true, protocol::ReasonCode::success);
  desk->settle(*watched, true, protocol::ReasonCode::no_matching_subscribers);
  desk->settle(*watched, false, protocol::ReasonCode::success);
  EXPECT_TRUE(desk->wait(*watched, Duration::zero()));
  EXPECT_TRUE(watched->was_done);
  EXPECT_EQ(watched->reason, protocol::ReasonCode::no_matching_subscribers);
  const auto notes = desk->fetch();
  ASSERT_EQ(notes.size(), 1u);
  EXPECT_EQ(notes[0].settlement->ticket, watched->number);
  EXPECT_TRUE(desk->watch(*quiet));
}

TEST(BrokerDesk, OrdersAreDoneOnTheBrokersThreadAndSettledAlsoWhenItEnds) {
  BrokerConfig config;
  config.desk = DeskOptions();
  BrokerHost host(config);
  const auto order = [&](protocol::ReasonCode reason) {
    auto ticket = host.desk()->make_ticket();
    host.order([reason](broker::Broker&, Instant) { return reason; }, ticket);
    return ticket;
  };
  EXPECT_TRUE(order(protocol::ReasonCode::success)->is_settled);  // before it starts, at once
  ASSERT_TRUE(host.start());
  const auto ticket = order(protocol::ReasonCode::quota_exceeded);
  EXPECT_TRUE(host.desk()->wait(*ticket, std::chrono::seconds(10)));
  EXPECT_EQ(ticket->reason, protocol::ReasonCode::quota_exceeded);
  EXPECT_TRUE(host.run([](broker::Broker&, Instant) {}));
  host.stop();
  EXPECT_FALSE(host.run([](broker::Broker&, Instant) {}));
  EXPECT_FALSE(order(protocol::ReasonCode::success)->was_done);
}

}  // namespace
}  // namespace mqtt_sim::engine
