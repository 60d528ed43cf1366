// Counts of durations in the geometry of HdrHistogram: 1 ns to 1 hour, three significant decimal digits, so that a
// value is known to within 0.1 % at any magnitude, two histograms merge without loss, and encode_v2() is read by every
// HdrHistogram library. Memory follows the largest value recorded: none while empty, 8 KiB for each doubling of the
// value from 1024 ns on, 264 KiB at most. A value; one owner, one thread.
//
// Values up to 2047 have a bucket each. Above, every doubling of the value is cut into 1024 equal buckets:
//   index       0 .. 2047    2048 .. 3071    3072 .. 4095    ...    32768 .. 33791
//   width       1            2               4                      2^31
//   from        0            2048            4096                   2^41
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

namespace mqtt_sim::metrics {

class Histogram {
 public:
  static constexpr int64_t kLowest = 1;                   // ns; the smallest difference from 0 that is seen
  static constexpr int64_t kHighest = 3'600'000'000'000;  // ns; one hour
  static constexpr int kSignificantDigits = 3;
  static constexpr size_t kSubBucketCount = 2048;  // smallest power of two that is at least 2 * 10^3
  static constexpr size_t kBucketLimit = 33792;    // indices that values up to 2^42 - 1 would need

  // A value below 0 counts as 0 and one above kHighest as kHighest; clamped() says how many.
  void record(int64_t ns, uint64_t count = 1) {
    if (count == 0) return;
    const int64_t value = std::clamp<int64_t>(ns, 0, kHighest);
    if (value != ns) clamped_ += count;
    const size_t index = index_of(value);
    if (index >= counts_.size()) [[unlikely]]
      grow_to_hold(index);
    counts_[index] += count;
    count_ += count;
    min_ = std::min(min_, value);
    max_ = std::max(max_, value);
  }
  void merge(const Histogram& other);  // as if all that `other` recorded had been recorded here
  void clear();                        // keeps its memory for the next recording

  bool empty() const { return count_ == 0; }
  uint64_t count() const { return count_; }
  uint64_t clamped() const { return clamped_; }
  int64_t min() const { return empty() ? 0 : min_; }  // as recorded, not rounded to a bucket; 0 when empty
  int64_t max() const { return max_; }                // likewise
  double mean() const;                                // from the middles of the buckets; 0 when empty

  // The highest value of the bucket that holds the value of rank round(p / 100 * count()), at least rank 1; for p = 0
  // the lowest value of that bucket. 0 when empty. 0 <= p <= 100.
  int64_t value_at_percentile(double p) const;

  // Calls fn(int64_t lower, int64_t upper, uint64_t count) for each bucket that is not empty, in rising order. Both
  // bounds belong to the bucket.
  template <class Fn>
  void for_each_bucket(Fn&& fn) const {
    for (size_t index = 0; index < counts_.size(); ++index) {
      if (counts_[index] != 0) fn(lower_bound(index), upper_bound(index), counts_[index]);
    }
  }

  // Base64 of the compressed HdrHistogram V2 encoding. Equal counts give equal text.
  std::string encode_v2() const;

  static constexpr size_t index_of(int64_t value) {  // 0 <= value <= kHighest
    const uint64_t bits = static_cast<uint64_t>(value);
    const size_t doublings = static_cast<size_t>(std::bit_width(bits | (kSubBucketCount - 1)) - kSubBucketBits);
    return doublings * kHalfCount + static_cast<size_t>(bits >> doublings);
  }
  static constexpr int64_t lower_bound(size_t index) {
    const size_t doublings = doublings_at(index);
    return static_cast<int64_t>(static_cast<uint64_t>(index - doublings * kHalfCount) << doublings);
  }
  static constexpr int64_t upper_bound(size_t index) {
    return lower_bound(index) + (int64_t{1} << doublings_at(index)) - 1;
  }

 private:
  static constexpr int kSubBucketBits = 11;
  static constexpr size_t kHalfCount = kSubBucketCount / 2;

  static constexpr size_t doublings_at(size_t index) {  // log2 of the width of the bucket
    return index < kSubBucketCount ? 0 : index / kHalfCount - 1;
  }
  void grow_to_hold(size_t index);

  std::vector<uint64_t> counts_;  // by index; missing ones are zero
  uint64_t count_ = 0;
  uint64_t clamped_ = 0;
  int64_t min_ = std::numeric_limits<int64_t>::max();
  int64_t max_ = 0;
};

}  // namespace mqtt_sim::metrics
