#include "core/base/random.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <set>
#include <vector>

namespace mqtt_sim {
namespace {

// The published algorithms of xoshiro256** and splitmix64, worked out apart from this code.
TEST(Random, GivesTheKnownNumbersOfXoshiro256StarStar) {
  struct Case {
    uint64_t seed;
    std::vector<uint64_t> numbers;
  };
  const Case cases[] = {
      {0, {0x99ec5f36cb75f2b4, 0xbf6e1f784956452a, 0x1a5f849d4933e6e0, 0x6aa594f1262d2d2c}},
      {42, {0x15780b2e0c2ec716, 0x6104d9866d113a7e, 0xae17533239e499a1, 0xecb8ad4703b360a1}},
      {UINT64_MAX, {0x8f5520d52a7ead08, 0xc476a018caa1802d, 0x81de31c0d260469e, 0xbf658d7e065f3c2f}},
  };
  for (const Case& c : cases) {
    Random random(c.seed);
    for (const uint64_t number : c.numbers) EXPECT_EQ(random.next(), number) << "seed " << c.seed;
  }
}

TEST(Random, BelowStaysBelowItsBound) {
  Random random(1);
  for (const uint64_t bound : {uint64_t{1}, uint64_t{2}, uint64_t{10}, (uint64_t{1} << 63) + 1, UINT64_MAX}) {
    for (int i = 0; i < 1000; ++i) ASSERT_LT(random.below(bound), bound);
  }
}

TEST(Random, BelowGivesEachNumberAboutEquallyOften) {
  constexpr int kDraws = 100'000;
  constexpr double kExpected = kDraws / 10.0;
  Random random(2);
  std::vector<int> counts(10);
  for (int i = 0; i < kDraws; ++i) ++counts[random.below(10)];
  double chi_square = 0;
  for (const int count : counts) chi_square += (count - kExpected) * (count - kExpected) / kExpected;
  EXPECT_LT(chi_square, 27.9);  // 9 degrees of freedom, one in a thousand
}

// A bound of three quarters of the range: taking the remainder of any number would give the lower third twice as often.
TEST(Random, BelowIsNotBiasedByALargeBound) {
  constexpr uint64_t kQuarter = uint64_t{1} << 62;
  constexpr int kDraws = 30'000;
  Random random(3);
  int in_lowest_third = 0;
  for (int i = 0; i < kDraws; ++i) in_lowest_third += random.below(3 * kQuarter) < kQuarter;
  EXPECT_NEAR(in_lowest_third, kDraws / 3, 400);
}

TEST(RandomDeathTest, BelowRefusesABoundOfZero) { EXPECT_DEATH(Random(1).below(0), "bound > 0"); }

TEST(Random, UniformFillsTheUnitInterval) {
  constexpr int kDraws = 100'000;
  Random random(4);
  double sum = 0;
  double least = 1;
  double most = 0;
  for (int i = 0; i < kDraws; ++i) {
    const double value = random.uniform();
    ASSERT_GE(value, 0.0);
    ASSERT_LT(value, 1.0);
    sum += value;
    least = std::min(least, value);
    most = std::max(most, value);
  }
  EXPECT_NEAR(sum / kDraws, 0.5, 0.005);
  EXPECT_LT(least, 0.001);
  EXPECT_GT(most, 0.999);
}

TEST(Random, ExponentialHasItsMeanAndItsTail) {
  constexpr int kDraws = 200'000;
  Random random(5);
  double sum = 0;
  int beyond_mean = 0;
  for (int i = 0; i < kDraws; ++i) {
    const double value = random.exponential(20);
    ASSERT_GE(value, 0.0);
    sum += value;
    beyond_mean += value > 20;
  }
  EXPECT_NEAR(sum / kDraws, 20, 0.3);
  EXPECT_NEAR(beyond_mean, kDraws / std::exp(1.0), 1000);
}

TEST(Random, ForkDependsOnSeedAndPurposeOnly) {
  Random parent(6);
  const uint64_t before = parent.fork(1).next();
  for (int i = 0; i < 10; ++i) parent.next();
  EXPECT_EQ(parent.fork(1).next(), before);
  EXPECT_NE(parent.fork(2).next(), before);
  EXPECT_NE(Random(7).fork(1).next(), before);
}

TEST(Random, ForksOfForksAreStreamsOfTheirOwn) {
  const Random parent(8);
  std::set<uint64_t> seen;
  size_t drawn = 0;
  const auto draw = [&](Random random) {
    for (int i = 0; i < 50; ++i, ++drawn) seen.insert(random.next());
  };
  draw(parent);
  for (uint64_t purpose = 0; purpose < 100; ++purpose) {
    draw(parent.fork(purpose));
    draw(parent.fork(purpose).fork(purpose));
    draw(parent.fork(0).fork(purpose + 1000));
  }
  EXPECT_EQ(seen.size(), drawn);
}

// Neighbouring purposes must not give streams that lean together.
TEST(Random, ForksOfNeighbouringPurposesDoNotCorrelate) {
  constexpr int kPairs = 20'000;
  const Random parent(9);
  double sum = 0;
  for (uint64_t purpose = 0; purpose < kPairs; ++purpose) {
    sum += (parent.fork(purpose).uniform() - 0.5) * (parent.fork(purpose + 1).uniform() - 0.5);
  }
  EXPECT_NEAR(sum / kPairs * 12, 0, 0.03);
}

}  // namespace
}  // namespace mqtt_sim
