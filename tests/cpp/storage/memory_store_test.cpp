// The contract of a Store, as MemoryStore keeps it.
#include "core/storage/memory_store.hpp"

#include <gtest/gtest.h>

namespace mqtt_sim::storage {
namespace {

using protocol::QoS;

Message message(std::string_view topic, std::string_view payload) {
  return Message(topic, as_bytes("pp"), as_bytes(payload), QoS::at_least_once, instant_from_ns(5));
}

std::vector<std::string> matching(const Store& store, std::string_view filter) {
  std::vector<std::string> found;
  store.match_retained(filter, [&](const Message& each) {
    found.push_back(std::string(each.topic()) + "=" + std::string(as_text(each.payload())));
  });
  return found;
}

TEST(Message, KeepsItsPartsAndIsSharedByItsCopies) {
  const Message one = message("a/b", "payload");
  const Message two = one;
  EXPECT_EQ(two.topic(), "a/b");
  EXPECT_EQ(as_text(two.properties().encoded()), "pp");
  EXPECT_EQ(as_text(two.payload()), "payload");
  EXPECT_EQ(two.payload().data(), one.payload().data());
  EXPECT_EQ(two.qos(), QoS::at_least_once);
  EXPECT_EQ(two.size(), 12u);
  EXPECT_FALSE(two.is_expired(instant_from_ns(4)));
  EXPECT_TRUE(two.is_expired(instant_from_ns(5)));
  EXPECT_FALSE(Message());
}

TEST(Message, ALongPayloadCanBeSharedFurther) {
  const std::string payload(2048, 'x');
  const Message one = message("a/b", payload);
  EXPECT_EQ(one.topic(), "a/b");
  EXPECT_EQ(as_text(one.properties().encoded()), "pp");
  EXPECT_EQ(as_text(one.payload()), payload);
  EXPECT_EQ(one.size(), 5u + 2048u);
  SharedBytes shared;
  {
    const Message two = one;
    shared = two.long_payload();
  }
  EXPECT_EQ(shared.view().data(), one.payload().data());
  EXPECT_FALSE(message("a/b", std::string(2047, 'x')).long_payload());
}

TEST(MemoryStore, HasOneRetainedMessageForEachTopic) {
  MemoryStore store;
  store.put_retained(message("a/b", "old"));
  store.put_retained(message("a/b", "new one"));
  store.put_retained(message("a/c", "x"));
  EXPECT_EQ(matching(store, "a/b"), std::vector<std::string>{"a/b=new one"});
  EXPECT_EQ(matching(store, "a/+"), (std::vector<std::string>{"a/b=new one", "a/c=x"}));
  EXPECT_EQ(matching(store, "b/#"), std::vector<std::string>());
  EXPECT_EQ(store.retained_count(), 2u);
  EXPECT_EQ(store.retained_bytes(), 12u + 6u);
  EXPECT_EQ(as_text(store.find_retained("a/b")->payload()), "new one");
}

TEST(MemoryStore, ForgetsWhatIsErased) {
  MemoryStore store;
  store.put_retained(message("a", "x"));
  const Message held = *store.find_retained("a");
  EXPECT_TRUE(store.erase_retained(held.topic()));
  EXPECT_FALSE(store.erase_retained("a"));
  EXPECT_EQ(store.find_retained("a"), std::nullopt);
  EXPECT_EQ(store.retained_count(), 0u);
  EXPECT_EQ(store.retained_bytes(), 0u);
  EXPECT_EQ(as_text(held.payload()), "x");
}

TEST(MemoryStore, GivesASessionBackOnce) {
  MemoryStore store;
  SessionState state;
  state.expires = instant_from_ns(9);
  state.subscriptions.push_back({"a/#", {.qos = QoS::exactly_once}, 7});
  state.in_flight.push_back(
      {.message = message("a", "1"), .identifiers = {}, .packet_id = 3, .stage = Stage::published});
  state.received = {4};
  state.next_packet_id = 8;
  store.put_session("c", std::move(state));
  store.append_to_session("c", {.message = message("a", "2"), .identifiers = {}});
  EXPECT_EQ(store.session_count(), 1u);

  const std::optional<SessionState> back = store.take_session("c");
  ASSERT_TRUE(back);
  EXPECT_EQ(back->expires, instant_from_ns(9));
  EXPECT_EQ(back->subscriptions[0].filter, "a/#");
  EXPECT_EQ(back->subscriptions[0].identifier, 7u);
  EXPECT_EQ(back->in_flight[0].packet_id, 3);
  ASSERT_EQ(back->queued.size(), 1u);
  EXPECT_EQ(as_text(back->queued[0].message.payload()), "2");
  EXPECT_EQ(back->received, std::vector<protocol::PacketId>{4});
  EXPECT_EQ(back->next_packet_id, 8);
  EXPECT_FALSE(store.take_session("c"));
  EXPECT_EQ(store.session_count(), 0u);
}

TEST(MemoryStore, GivesQueuedMessagesFromTheFront) {
  MemoryStore store;
  store.put_session("c", {});
  for (const char* payload : {"1", "2", "3", "4", "5"}) {
    store.append_to_session("c", {.message = message("a", payload), .identifiers = {}});
  }
  EXPECT_EQ(as_text(store.take_first_queued("c").message.payload()), "1");
  const auto payloads = [](const SessionState& state) {
    std::string all;
    for (const Delivery& delivery : state.queued) all += as_text(delivery.message.payload());
    return all;
  };
  std::string seen;
  store.visit_sessions([&](std::string_view, const SessionState& state) { seen = payloads(state); });
  EXPECT_EQ(seen, "2345");
  EXPECT_EQ(as_text(store.take_first_queued("c").message.payload()), "2");
  store.append_to_session("c", {.message = message("a", "6"), .identifiers = {}});
  EXPECT_EQ(as_text(store.take_first_queued("c").message.payload()), "3");
  EXPECT_EQ(payloads(*store.take_session("c")), "456");
}

TEST(MemoryStoreDeathTest, TakingFromAnEmptyQueueIsOurMistake) {
  MemoryStore store;
  store.put_session("c", {});
  EXPECT_DEATH(store.take_first_queued("c"), "");
}

TEST(MemoryStore, VisitsSessionsInTheOrderOfTheirIdentifiers) {
  MemoryStore store;
  for (const char* id : {"b", "c", "a"}) store.put_session(id, {});
  EXPECT_TRUE(store.erase_session("c"));
  EXPECT_FALSE(store.erase_session("c"));
  std::string order;
  store.visit_sessions([&](std::string_view id, const SessionState&) { order += id; });
  EXPECT_EQ(order, "ab");
}

TEST(MemoryStoreDeathTest, AppendingToAnAbsentSessionIsOurMistake) {
  MemoryStore store;
  EXPECT_DEATH(store.append_to_session("nobody", {}), "found != sessions_.end");
}

}  // namespace
}  // namespace mqtt_sim::storage
