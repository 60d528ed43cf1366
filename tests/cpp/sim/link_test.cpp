#include "core/sim/link.hpp"

#include <gtest/gtest.h>

#include <set>

namespace mqtt_sim::sim {
namespace {

using std::chrono::microseconds;

Instant at(int64_t ns) { return instant_from_ns(ns); }

TEST(Pipe, ArrivesOneFlightAfterItWasTaken) {
  SegmentPool pool;
  Pipe pipe;
  pipe.push(pool.take(SegmentKind::bytes, 100), at(1000), Duration(250), 0);
  EXPECT_EQ(pipe.head().arrives, at(1250));
}

TEST(Pipe, KeepsOrderWhenALaterSegmentFliesFaster) {
  SegmentPool pool;
  Pipe pipe;
  pipe.push(pool.take(SegmentKind::bytes, 1), at(0), Duration(500), 0);
  pipe.push(pool.take(SegmentKind::bytes, 2), at(10), Duration(100), 0);
  Segment* first = pipe.pop();
  EXPECT_EQ(first->size, 1u);
  EXPECT_EQ(pipe.head().size, 2u);
  EXPECT_EQ(pipe.head().arrives, at(500));
}

TEST(Pipe, PutsOneSegmentOnTheWireAfterTheOther) {
  SegmentPool pool;
  Pipe pipe;
  constexpr uint64_t kBytesPerSecond = 1'000'000;  // 1 us a byte
  pipe.push(pool.take(SegmentKind::bytes, 10), at(0), Duration(100), kBytesPerSecond);
  pipe.push(pool.take(SegmentKind::bytes, 20), at(0), Duration(100), kBytesPerSecond);
  pipe.push(pool.take(SegmentKind::end, 0), at(0), Duration(100), kBytesPerSecond);
  EXPECT_EQ(pipe.head().arrives, at(10'100));
  pool.give_back(pipe.pop());
  EXPECT_EQ(pipe.head().arrives, at(30'100));
  pool.give_back(pipe.pop());
  EXPECT_EQ(pipe.head().arrives, at(30'100));
}

TEST(Pipe, RoundsTimeOnTheWireUp) {
  SegmentPool pool;
  Pipe pipe;
  pipe.push(pool.take(SegmentKind::bytes, 1), at(0), Duration(0), 3);
  EXPECT_EQ(pipe.head().arrives, at(333'333'334));
}

TEST(Pipe, CountsBytesUnderWayAgainstTheWindow) {
  SegmentPool pool;
  Pipe pipe;
  EXPECT_EQ(pipe.room(100), 100u);
  pipe.push(pool.take(SegmentKind::bytes, 60), at(0), Duration(1), 0);
  EXPECT_EQ(pipe.room(100), 40u);
  EXPECT_EQ(pipe.room(50), 0u);
  pool.give_back(pipe.pop());
  EXPECT_EQ(pipe.room(100), 100u);
}

TEST(Pipe, ClearLosesWhatWasUnderWayAndStartsAfresh) {
  SegmentPool pool;
  Pipe pipe;
  pipe.push(pool.take(SegmentKind::bytes, 60), at(0), Duration(1000), 0);
  pipe.push(pool.take(SegmentKind::bytes, 60), at(0), Duration(1000), 0);
  pipe.clear(pool);
  EXPECT_TRUE(pipe.empty());
  EXPECT_EQ(pipe.room(100), 100u);
  pipe.push(pool.take(SegmentKind::reset, 0), at(10), Duration(5), 0);
  EXPECT_EQ(pipe.head().arrives, at(15));
}

TEST(SegmentPool, GivesRoomForWhatWasAskedAndTakesItBack) {
  SegmentPool pool;
  for (const size_t size : {size_t{0}, size_t{1}, size_t{224}, size_t{225}, size_t{2017}, Segment::kSizeLimit}) {
    Segment* segment = pool.take(SegmentKind::bytes, size);
    EXPECT_EQ(segment->bytes().size(), size);
    std::fill_n(segment->space(), size, uint8_t{0xab});
    pool.give_back(segment);
    EXPECT_EQ(pool.take(SegmentKind::bytes, size), segment) << "the one given back is used first, size " << size;
  }
}

TEST(SegmentPool, NeverGivesTheSameSegmentTwice) {
  SegmentPool pool;
  std::set<Segment*> taken;
  for (int i = 0; i < 1000; ++i) taken.insert(pool.take(SegmentKind::bytes, 3000));
  EXPECT_EQ(taken.size(), 1000u);
}

TEST(SegmentPoolDeathTest, RefusesMoreThanASegmentCarries) {
  SegmentPool pool;
  EXPECT_DEATH(pool.take(SegmentKind::bytes, Segment::kSizeLimit + 1), "kSizeLimit");
}

}  // namespace
}  // namespace mqtt_sim::sim
