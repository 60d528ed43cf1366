#include "core/sim/event_queue.hpp"

#include <gtest/gtest.h>

#include <map>

#include "core/base/random.hpp"

namespace mqtt_sim::sim {
namespace {

Instant at(int64_t ns) { return instant_from_ns(ns); }

std::vector<uint32_t> drain(EventQueue& queue) {
  std::vector<uint32_t> sources;
  for (; !queue.empty(); queue.pop()) sources.push_back(queue.next().source);
  return sources;
}

TEST(EventQueue, OrdersByInstantThenSequence) {
  EventQueue queue;
  queue.schedule(1, at(20), 0);
  queue.schedule(2, at(10), 2);
  queue.schedule(3, at(10), 1);
  queue.schedule(4, at(5), 3);
  EXPECT_EQ(drain(queue), (std::vector<uint32_t>{4, 3, 2, 1}));
}

TEST(EventQueue, HoldsOneEventPerSourceAndMovesIt) {
  EventQueue queue;
  queue.schedule(1, at(10), 0);
  queue.schedule(2, at(20), 1);
  queue.schedule(1, at(30), 2);
  EXPECT_EQ(queue.size(), 2u);
  EXPECT_EQ(queue.time_of(1), at(30));
  EXPECT_EQ(drain(queue), (std::vector<uint32_t>{2, 1}));
}

TEST(EventQueue, CancelRemovesAndForgivesWhatIsNotThere) {
  EventQueue queue;
  queue.schedule(1, at(10), 0);
  queue.schedule(2, at(20), 1);
  queue.cancel(1);
  queue.cancel(1);
  queue.cancel(77);
  EXPECT_EQ(queue.time_of(1), kNever);
  EXPECT_EQ(queue.time_of(77), kNever);
  EXPECT_EQ(drain(queue), (std::vector<uint32_t>{2}));
}

TEST(EventQueueDeathTest, RefusesToPopNothing) {
  EventQueue queue;
  EXPECT_DEATH(queue.pop(), "heap_.empty");
}

TEST(EventQueue, AgreesWithAnOrderedMapOnRandomWork) {
  for (uint64_t seed = 0; seed < 20; ++seed) {
    Random random(seed);
    EventQueue queue;
    std::map<std::pair<Instant, uint64_t>, uint32_t> model;
    const auto forget = [&](uint32_t source) { std::erase_if(model, [&](auto& e) { return e.second == source; }); };
    for (uint64_t step = 0; step < 2000; ++step) {
      const auto source = static_cast<uint32_t>(random.below(50));
      switch (random.below(4)) {
        case 0:
          queue.cancel(source);
          forget(source);
          break;
        case 1:
          if (!queue.empty()) {
            queue.pop();
            model.erase(model.begin());
          }
          break;
        default: {
          const Instant when = at(static_cast<int64_t>(random.below(100)));
          queue.schedule(source, when, step);
          forget(source);
          model[{when, step}] = source;
        }
      }
      ASSERT_EQ(queue.size(), model.size()) << "seed " << seed;
      if (model.empty()) continue;
      ASSERT_EQ(queue.next().source, model.begin()->second) << "seed " << seed;
    }
  }
}

}  // namespace
}  // namespace mqtt_sim::sim
