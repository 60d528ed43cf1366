#include "core/metrics/histogram.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <tuple>
#include <vector>

#include "core/base/random.hpp"

namespace mqtt_sim::metrics {
namespace {

using Buckets = std::vector<std::tuple<int64_t, int64_t, uint64_t>>;

Buckets buckets_of(const Histogram& histogram) {
  Buckets buckets;
  histogram.for_each_bucket(
      [&buckets](int64_t lower, int64_t upper, uint64_t count) { buckets.emplace_back(lower, upper, count); });
  return buckets;
}

Histogram histogram_of(const std::vector<int64_t>& values) {
  Histogram histogram;
  for (const int64_t value : values) histogram.record(value);
  return histogram;
}

// Even over the magnitudes from 1 ns to one hour.
std::vector<int64_t> log_uniform_values(uint64_t seed, size_t n) {
  Random random(seed);
  std::vector<int64_t> values(n);
  for (int64_t& value : values) {
    value = std::llround(std::exp(random.uniform() * std::log(static_cast<double>(Histogram::kHighest))));
  }
  return values;
}

void expect_equal(const Histogram& a, const Histogram& b) {
  EXPECT_EQ(a.count(), b.count());
  EXPECT_EQ(a.clamped(), b.clamped());
  EXPECT_EQ(a.min(), b.min());
  EXPECT_EQ(a.max(), b.max());
  EXPECT_EQ(buckets_of(a), buckets_of(b));
  EXPECT_EQ(a.encode_v2(), b.encode_v2());
}

TEST(Histogram, PutsAValueIntoTheBucketThatTheDefinitionGives) {
  struct Case {
    int64_t value, lower, upper;
    size_t index;
  };
  const Case cases[] = {
      {0, 0, 0, 0},
      {1, 1, 1, 1},
      {1024, 1024, 1024, 1024},
      {2047, 2047, 2047, 2047},
      {2048, 2048, 2049, 2048},
      {2049, 2048, 2049, 2048},
      {4095, 4094, 4095, 3071},
      {4096, 4096, 4099, 3072},
      {8191, 8188, 8191, 4095},
      {1'000'000, 999'936, 1'000'447, 11169},
      {1'000'000'000, 999'817'216, 1'000'341'503, 21363},
      {Histogram::kHighest, 3'599'182'594'048, 3'601'330'077'695, 33420},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.value);
    EXPECT_EQ(Histogram::index_of(c.value), c.index);
    EXPECT_EQ(buckets_of(histogram_of({c.value})), (Buckets{{c.lower, c.upper, 1}}));
  }
}

TEST(Histogram, BucketsFollowEachOtherWithoutGapAndAreNarrowerThanAThousandth) {
  int64_t next = 0;
  for (size_t index = 0; index < Histogram::kBucketLimit; ++index) {
    const int64_t lower = Histogram::lower_bound(index);
    const int64_t upper = Histogram::upper_bound(index);
    ASSERT_EQ(lower, next);
    ASSERT_EQ(Histogram::index_of(lower), index);
    ASSERT_EQ(Histogram::index_of(upper), index);
    ASSERT_LE((upper - lower) * 1000, lower);
    next = upper + 1;
  }
  EXPECT_EQ(next, int64_t{1} << 42);
}

TEST(Histogram, PercentilesAreTheBucketsOfTheExactOnes) {
  const double percentiles[] = {0.001, 1, 10, 25, 50, 75, 90, 99, 99.9, 99.99, 100};
  for (const uint64_t seed : {1, 2, 3}) {
    std::vector<int64_t> values = log_uniform_values(seed, 10'007);
    const Histogram histogram = histogram_of(values);
    std::sort(values.begin(), values.end());
    for (const double p : percentiles) {
      SCOPED_TRACE(p);
      const auto rank = static_cast<size_t>(std::max(1.0, std::floor(p * 10'007 / 100 + 0.5)));
      const int64_t exact = values[rank - 1];
      EXPECT_EQ(histogram.value_at_percentile(p), Histogram::upper_bound(Histogram::index_of(exact)));
      EXPECT_LE(std::abs(histogram.value_at_percentile(p) - exact) * 1000, exact);
    }
    EXPECT_EQ(histogram.value_at_percentile(0), Histogram::lower_bound(Histogram::index_of(values.front())));
  }
}

TEST(Histogram, PercentileRanksAreRoundedToTheNearestValue) {
  const Histogram histogram = histogram_of({10, 20, 30, 40});
  struct Case {
    double p;
    int64_t value;
  };
  for (const Case& c : {Case{0, 10}, {25, 10}, {37.4, 10}, {37.5, 20}, {50, 20}, {62.5, 30}, {87.5, 40}, {100, 40}}) {
    EXPECT_EQ(histogram.value_at_percentile(c.p), c.value) << c.p;
  }
}

TEST(Histogram, KnowsExactMinimumAndMaximum) {
  const Histogram histogram = histogram_of({123'456'789, 987'654'321, 500'000'001});
  EXPECT_EQ(histogram.min(), 123'456'789);
  EXPECT_EQ(histogram.max(), 987'654'321);
  EXPECT_EQ(histogram.count(), 3u);
}

TEST(Histogram, MeanIsWithinAThousandthOfTheExactOne) {
  EXPECT_EQ(histogram_of({1, 2, 3, 4}).mean(), 2.5);
  EXPECT_EQ(histogram_of({4096}).mean(), 4098);  // the middle of 4096 .. 4099

  const std::vector<int64_t> values = log_uniform_values(7, 5000);
  double sum = 0;
  for (const int64_t value : values) sum += static_cast<double>(value);
  const double exact = sum / 5000;
  EXPECT_NEAR(histogram_of(values).mean(), exact, exact / 1000);
}

TEST(Histogram, RecordsACountAsSoManyValues) {
  Histogram counted;
  counted.record(5000, 3);
  counted.record(7, 1);
  expect_equal(counted, histogram_of({5000, 5000, 5000, 7}));
}

TEST(Histogram, CountOfZeroRecordsNothing) {
  Histogram histogram;
  histogram.record(5000, 0);
  histogram.record(-1, 0);
  expect_equal(histogram, Histogram());
}

TEST(Histogram, ClampsWhatIsOutOfRangeAndCountsIt) {
  Histogram histogram;
  histogram.record(-1);
  histogram.record(std::numeric_limits<int64_t>::min());
  histogram.record(0);
  histogram.record(Histogram::kHighest);
  EXPECT_EQ(histogram.clamped(), 2u);
  histogram.record(Histogram::kHighest + 1, 5);
  histogram.record(std::numeric_limits<int64_t>::max());
  EXPECT_EQ(histogram.clamped(), 8u);
  EXPECT_EQ(histogram.count(), 10u);
  EXPECT_EQ(histogram.min(), 0);
  EXPECT_EQ(histogram.max(), Histogram::kHighest);
  EXPECT_EQ(buckets_of(histogram), (Buckets{{0, 0, 3}, {3'599'182'594'048, 3'601'330'077'695, 7}}));
}

TEST(Histogram, MergeEqualsRecordingEverythingInOne) {
  const std::vector<int64_t> small = {3, 4, 4, 2000};
  const std::vector<int64_t> large = {90'000'000, -5, Histogram::kHighest + 1};
  std::vector<int64_t> all = small;
  all.insert(all.end(), large.begin(), large.end());
  const Histogram expected = histogram_of(all);

  Histogram into_small = histogram_of(small);
  into_small.merge(histogram_of(large));
  expect_equal(into_small, expected);

  Histogram into_large = histogram_of(large);
  into_large.merge(histogram_of(small));
  expect_equal(into_large, expected);
}

TEST(Histogram, MergeWithAnEmptyOneChangesNothing) {
  Histogram histogram = histogram_of({17, 1'000'000});
  histogram.merge(Histogram());
  expect_equal(histogram, histogram_of({17, 1'000'000}));

  Histogram empty;
  empty.merge(histogram);
  expect_equal(empty, histogram);
}

TEST(Histogram, MergeWithItselfDoublesTheCounts) {
  Histogram histogram = histogram_of({17, 1'000'000});
  histogram.merge(histogram);
  expect_equal(histogram, histogram_of({17, 17, 1'000'000, 1'000'000}));
}

TEST(Histogram, EmptyOneIsZeroEverywhere) {
  const Histogram histogram;
  EXPECT_TRUE(histogram.empty());
  EXPECT_EQ(histogram.count(), 0u);
  EXPECT_EQ(histogram.clamped(), 0u);
  EXPECT_EQ(histogram.min(), 0);
  EXPECT_EQ(histogram.max(), 0);
  EXPECT_EQ(histogram.mean(), 0);
  EXPECT_EQ(histogram.value_at_percentile(0), 0);
  EXPECT_EQ(histogram.value_at_percentile(50), 0);
  EXPECT_EQ(histogram.value_at_percentile(100), 0);
  EXPECT_EQ(buckets_of(histogram), Buckets{});
}

TEST(Histogram, ClearedOneIsLikeANewOne) {
  Histogram histogram = histogram_of({-1, 40, 5'000'000});
  EXPECT_FALSE(histogram.empty());
  histogram.clear();
  EXPECT_TRUE(histogram.empty());
  expect_equal(histogram, Histogram());

  histogram.record(99);
  expect_equal(histogram, histogram_of({99}));
}

TEST(HistogramDeathTest, RefusesAPercentileOutsideZeroToHundred) {
  const Histogram histogram = histogram_of({1});
  EXPECT_DEATH(histogram.value_at_percentile(100.1), "p <= 100");
  EXPECT_DEATH(histogram.value_at_percentile(-0.1), "p >= 0");
  EXPECT_DEATH(histogram.value_at_percentile(std::nan("")), "p >= 0");
}

}  // namespace
}  // namespace mqtt_sim::metrics
