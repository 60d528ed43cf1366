#include "core/base/output_queue.hpp"

#include <gtest/gtest.h>

#include <string>

#include "core/base/random.hpp"
#include "tests/cpp/base/live_allocations.hpp"

namespace mqtt_sim {
namespace {

std::string head_of(const OutputQueue& queue) {
  std::string text;
  for (const ByteView view : queue.views()) text += as_text(view);
  return text;
}

void put(OutputQueue& queue, std::string_view text) {
  const std::span<uint8_t> space = queue.extend(text.size());
  ASSERT_EQ(space.size(), text.size());
  std::copy(text.begin(), text.end(), space.begin());
}

TEST(OutputQueue, StartsEmpty) {
  OutputQueue queue;
  EXPECT_TRUE(queue.empty());
  EXPECT_EQ(queue.size(), 0u);
  EXPECT_TRUE(queue.views().empty());
  queue.consume(0);
  queue.clear();
  EXPECT_TRUE(queue.empty());
}

TEST(OutputQueue, KeepsOrderAcrossAllWaysOfAdding) {
  OutputQueue queue;
  const std::string large(OutputQueue::kShareFrom, 'L');
  put(queue, "one ");
  queue.append(as_bytes("two "));
  queue.append(SharedBytes(as_bytes("three ")));
  queue.append(SharedBytes(as_bytes(large)));
  queue.append(as_bytes(" four"));
  EXPECT_EQ(head_of(queue), "one two three " + large + " four");
  EXPECT_EQ(queue.size(), head_of(queue).size());
}

TEST(OutputQueue, ConsumesAnyNumberOfBytes) {
  OutputQueue queue;
  queue.append(as_bytes("abcdefgh"));
  queue.consume(3);
  EXPECT_EQ(head_of(queue), "defgh");
  queue.append(as_bytes("ij"));
  queue.consume(4);
  EXPECT_EQ(head_of(queue), "hij");
  EXPECT_EQ(queue.size(), 3u);
}

TEST(OutputQueue, SmallPacketsLieTogetherInOneView) {
  OutputQueue queue;
  for (int i = 0; i < 20; ++i) put(queue, "0123456789");
  EXPECT_EQ(queue.views().size(), 1u);
}

TEST(OutputQueue, BlocksGrowSoThatMuchOutputIsStillAShortList) {
  OutputQueue queue;
  for (int i = 0; i < 1000; ++i) put(queue, std::string(110, 'x'));
  EXPECT_LE(queue.views().size(), 5u);
}

TEST(OutputQueue, AddingNothingLeavesItEmpty) {
  OutputQueue queue;
  EXPECT_TRUE(queue.extend(0).empty());
  queue.append(ByteView{});
  queue.append(SharedBytes());
  queue.append(SharedBytes(ByteView{}));
  EXPECT_TRUE(queue.empty());
  EXPECT_TRUE(queue.views().empty());
}

TEST(OutputQueue, RefersToLargeSharedBytesAndCopiesSmallOnes) {
  const SharedBytes large(as_bytes(std::string(OutputQueue::kShareFrom, 'x')));
  const SharedBytes small(as_bytes(std::string(OutputQueue::kShareFrom - 1, 'y')));
  OutputQueue queue;
  queue.append(large);
  queue.append(small);
  ASSERT_EQ(queue.views().size(), 2u);
  EXPECT_EQ(queue.views()[0].data(), large.view().data());
  EXPECT_NE(queue.views()[1].data(), small.view().data());
}

TEST(OutputQueue, KeepsSharedBytesAliveUntilTheyHaveLeft) {
  OutputQueue queue;
  const auto before = live_allocations();
  queue.append(SharedBytes(as_bytes(std::string(5000, 'x'))));
  queue.consume(4999);
  EXPECT_EQ(head_of(queue), "x");
  queue.consume(1);
  EXPECT_EQ(live_allocations(), before);
}

TEST(OutputQueue, TheGatherListIsBounded) {
  const SharedBytes large(as_bytes(std::string(OutputQueue::kShareFrom, 'x')));
  OutputQueue queue;
  for (size_t i = 0; i < OutputQueue::kViewLimit + 10; ++i) queue.append(large);
  EXPECT_EQ(queue.views().size(), OutputQueue::kViewLimit);
  queue.consume(OutputQueue::kViewLimit * OutputQueue::kShareFrom);
  EXPECT_EQ(queue.views().size(), 10u);
}

TEST(OutputQueue, OwnsNoMemoryWhenEmpty) {
  const auto before = live_allocations();
  OutputQueue queue;
  EXPECT_EQ(sizeof queue, sizeof(void*));
  for (int i = 0; i < 1000; ++i) put(queue, std::string(110, 'x'));
  (void)queue.views();
  EXPECT_GT(live_allocations(), before);
  queue.consume(queue.size());
  EXPECT_EQ(live_allocations(), before);
  put(queue, "again");
  queue.clear();
  EXPECT_EQ(live_allocations(), before);
}

TEST(OutputQueue, GivesBackBlocksAsTheyLeave) {
  const SharedBytes large(as_bytes(std::string(OutputQueue::kShareFrom, 'x')));
  OutputQueue queue;
  for (int i = 0; i < 1000; ++i) queue.append(SharedBytes(large.view()));
  const auto full = live_allocations();
  queue.consume(900 * OutputQueue::kShareFrom);
  EXPECT_LE(live_allocations(), full - 900);
}

TEST(OutputQueue, NeverGrowsWhileAsMuchLeavesAsComes) {
  OutputQueue queue;
  put(queue, std::string(1000, 'x'));
  std::ptrdiff_t most = 0;
  for (int i = 0; i < 100'000; ++i) {
    put(queue, std::string(100, 'y'));
    queue.consume(100);
    if (i == 1000) most = live_allocations();
    if (i > 1000) {
      ASSERT_LE(live_allocations(), most + 2);
    }
  }
  EXPECT_EQ(queue.size(), 1000u);
}

TEST(OutputQueue, TakesOnePacketLargerThanAnyBlockInOnePiece) {
  const std::string huge(1'000'000, 'h');
  OutputQueue queue;
  queue.append(as_bytes("a"));
  put(queue, huge);
  EXPECT_EQ(head_of(queue), "a" + huge);
}

TEST(OutputQueue, MovesWithItsBytes) {
  OutputQueue from;
  from.append(as_bytes("bytes"));
  OutputQueue to = std::move(from);
  EXPECT_TRUE(from.empty());
  EXPECT_EQ(head_of(to), "bytes");
  from.append(as_bytes("more"));
  to = std::move(from);
  EXPECT_EQ(head_of(to), "more");
}

TEST(OutputQueueDeathTest, RefusesToConsumeMoreThanWaits) {
  OutputQueue queue;
  EXPECT_DEATH(queue.consume(1), "size");
  queue.append(as_bytes("abc"));
  EXPECT_DEATH(queue.consume(4), "size");
}

// --- Against a plain string ----------------------------------------------------------------------------------------

class Model {
 public:
  explicit Model(uint64_t seed) : random_(seed) {}

  void step() {
    switch (random_.below(12)) {
      case 0:
      case 1: return put(queue_, remember(random_.below(300)));
      case 2: return queue_.append(as_bytes(remember(random_.below(5000))));
      case 3: return queue_.append(SharedBytes(as_bytes(remember(random_.below(100)))));
      case 4: return queue_.append(SharedBytes(as_bytes(remember(2000 + random_.below(100)))));
      case 5: return put(queue_, remember(random_.below(100'000)));
      case 6: {
        OutputQueue moved = std::move(queue_);
        queue_ = std::move(moved);
        return;
      }
      case 7:
        if (random_.below(20) == 0) {
          queue_.clear();
          expected_.clear();
        }
        return;
      case 8: return consume(std::min<size_t>(expected_.size(), random_.below(50)));
      case 9: return consume(head_of(queue_).size());
      default: return consume(random_.below(expected_.size() + 1));
    }
  }

  void check() const {
    ASSERT_EQ(queue_.size(), expected_.size());
    ASSERT_EQ(queue_.empty(), expected_.empty());
    const size_t views = queue_.views().size();
    for (const ByteView view : queue_.views()) ASSERT_FALSE(view.empty());
    ASSERT_LE(views, OutputQueue::kViewLimit);
    const std::string head = head_of(queue_);
    ASSERT_TRUE(expected_.starts_with(head));
    if (views < OutputQueue::kViewLimit) {
      ASSERT_EQ(head.size(), expected_.size());
    }
  }

 private:
  std::string remember(size_t size) {
    std::string text;
    while (text.size() < size) text += static_cast<char>('a' + random_.below(26));
    expected_ += text;
    return text;
  }
  void consume(size_t n) {
    queue_.consume(n);
    expected_.erase(0, n);
  }

  Random random_;
  OutputQueue queue_;
  std::string expected_;
};

TEST(OutputQueue, AgreesWithAStringOnRandomWork) {
  for (uint64_t seed = 0; seed < 40; ++seed) {
    Model model(seed);
    for (int i = 0; i < 300; ++i) {
      model.step();
      model.check();
      ASSERT_FALSE(HasFatalFailure()) << "seed " << seed << " step " << i;
    }
  }
}

}  // namespace
}  // namespace mqtt_sim
