#include "core/net/deadline_queue.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>

#include "core/base/random.hpp"

namespace mqtt_sim::net {
namespace {

struct Holder final : DeadlineHolder {
  std::optional<Instant> at;

  explicit Holder(int64_t ns) : at(instant_from_ns(ns)) {}
  std::optional<Instant> deadline() const override { return at; }
  void on_deadline(Instant) override {}
};

std::vector<const DeadlineHolder*> pop_all(DeadlineQueue& queue, int64_t now_ns) {
  std::vector<const DeadlineHolder*> popped;
  while (const DeadlineHolder* holder = queue.pop_due(instant_from_ns(now_ns))) popped.push_back(holder);
  return popped;
}

using Popped = std::vector<const DeadlineHolder*>;

TEST(DeadlineQueue, is_empty_at_first) {
  DeadlineQueue queue;
  EXPECT_EQ(queue.head(), kNever);
  EXPECT_EQ(queue.pop_due(kNever), nullptr);
}

TEST(DeadlineQueue, gives_what_is_due_in_order_and_nothing_early) {
  DeadlineQueue queue;
  Holder a(30), b(10), c(20);
  for (Holder* holder : {&a, &b, &c}) queue.expect(*holder);
  EXPECT_EQ(queue.head(), instant_from_ns(10));
  EXPECT_EQ(pop_all(queue, 9), Popped());
  EXPECT_EQ(pop_all(queue, 20), (Popped{&b, &c}));
  EXPECT_EQ(pop_all(queue, 30), Popped{&a});
  EXPECT_EQ(queue.head(), kNever);
}

TEST(DeadlineQueue, breaks_ties_in_insertion_order) {
  DeadlineQueue queue;
  std::deque<Holder> holders;
  Popped expected;
  for (int i = 0; i < 50; ++i) expected.push_back(&holders.emplace_back(7));
  for (Holder& holder : holders) queue.expect(holder);
  EXPECT_EQ(pop_all(queue, 7), expected);
}

TEST(DeadlineQueue, follows_a_deadline_that_moves_earlier_at_once) {
  DeadlineQueue queue;
  Holder a(10), b(20);
  queue.expect(a);
  queue.expect(b);
  b.at = instant_from_ns(5);
  queue.expect(b);
  EXPECT_EQ(queue.head(), instant_from_ns(5));
  EXPECT_EQ(pop_all(queue, 10), (Popped{&b, &a}));
}

TEST(DeadlineQueue, leaves_a_deadline_that_moves_later_until_it_comes_to_the_head) {
  DeadlineQueue queue;
  Holder a(10), b(20);
  queue.expect(a);
  queue.expect(b);
  a.at = instant_from_ns(30);
  queue.expect(a);
  EXPECT_EQ(queue.head(), instant_from_ns(10));
  EXPECT_EQ(pop_all(queue, 20), Popped{&b});
  EXPECT_EQ(queue.head(), instant_from_ns(30));
  EXPECT_EQ(pop_all(queue, 30), Popped{&a});
}

TEST(DeadlineQueue, orders_a_late_mover_by_its_true_deadline_even_when_already_due) {
  DeadlineQueue queue;
  Holder a(10), b(20);
  queue.expect(a);
  queue.expect(b);
  a.at = instant_from_ns(30);
  EXPECT_EQ(pop_all(queue, 100), (Popped{&b, &a}));
}

TEST(DeadlineQueue, drops_a_deadline_that_went_away) {
  DeadlineQueue queue;
  Holder a(10), b(20);
  queue.expect(a);
  queue.expect(b);
  a.at.reset();
  EXPECT_EQ(pop_all(queue, 20), Popped{&b});
  EXPECT_EQ(queue.head(), kNever);
}

TEST(DeadlineQueue, does_not_queue_never) {
  DeadlineQueue queue;
  Holder a(0);
  a.at = kNever;
  queue.expect(a);
  EXPECT_EQ(queue.pop_due(kNever), nullptr);
}

TEST(DeadlineQueue, forgets_from_any_place) {
  for (size_t gone = 0; gone < 8; ++gone) {
    DeadlineQueue queue;
    std::deque<Holder> holders;
    for (const int64_t at : {50, 10, 70, 30, 80, 20, 60, 40}) queue.expect(holders.emplace_back(at));
    queue.forget(holders[gone]);
    queue.forget(holders[gone]);  // not there: nothing happens
    const Popped popped = pop_all(queue, 100);
    EXPECT_EQ(popped.size(), 7u);
    EXPECT_EQ(std::ranges::count(popped, &holders[gone]), 0);
    EXPECT_TRUE(std::ranges::is_sorted(popped, {}, [](const DeadlineHolder* one) { return *one->deadline(); }));
  }
}

TEST(DeadlineQueue, agrees_with_a_sorted_list_through_random_moves) {
  Random random(42);
  DeadlineQueue queue;
  std::deque<Holder> holders;
  for (int i = 0; i < 200; ++i) queue.expect(holders.emplace_back(static_cast<int64_t>(random.below(1000))));
  for (int i = 0; i < 2000; ++i) {
    Holder& holder = holders[random.below(holders.size())];
    if (random.below(10) == 0) {
      queue.forget(holder);
    } else {
      holder.at = instant_from_ns(static_cast<int64_t>(random.below(1000)));
    }
    queue.expect(holder);
  }
  const Popped popped = pop_all(queue, 1000);
  ASSERT_EQ(popped.size(), holders.size());
  EXPECT_TRUE(std::ranges::is_sorted(popped, {}, [](const DeadlineHolder* one) { return *one->deadline(); }));
}

}  // namespace
}  // namespace mqtt_sim::net
