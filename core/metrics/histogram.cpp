#include "core/metrics/histogram.hpp"

#include <cmath>

#include "core/base/assert.hpp"

namespace mqtt_sim::metrics {

void Histogram::merge(const Histogram& other) {
  if (other.empty()) return;
  if (other.counts_.size() > counts_.size()) grow_to_hold(other.counts_.size() - 1);
  for (size_t index = 0; index < other.counts_.size(); ++index) counts_[index] += other.counts_[index];
  count_ += other.count_;
  clamped_ += other.clamped_;
  min_ = std::min(min_, other.min_);
  max_ = std::max(max_, other.max_);
}

void Histogram::clear() {
  std::fill(counts_.begin(), counts_.end(), 0);
  count_ = 0;
  clamped_ = 0;
  min_ = std::numeric_limits<int64_t>::max();
  max_ = 0;
}

double Histogram::mean() const {
  if (empty()) return 0;
  double sum = 0;
  for_each_bucket([&sum](int64_t lower, int64_t upper, uint64_t count) {
    const int64_t middle = lower + (upper - lower + 1) / 2;
    sum += static_cast<double>(middle) * static_cast<double>(count);
  });
  return sum / static_cast<double>(count_);
}

int64_t Histogram::value_at_percentile(double p) const {
  MQTT_SIM_ASSERT(p >= 0 && p <= 100);
  if (empty()) return 0;
  const auto rounded = static_cast<uint64_t>(std::llround(p * static_cast<double>(count_) / 100));
  const uint64_t rank = std::clamp<uint64_t>(rounded, 1, count_);
  size_t index = 0;
  for (uint64_t passed = counts_[0]; passed < rank; passed += counts_[index]) ++index;
  return p > 0 ? upper_bound(index) : lower_bound(index);
}

void Histogram::grow_to_hold(size_t index) {
  MQTT_SIM_ASSERT(index < kBucketLimit);
  const size_t size = (index / kHalfCount + 1) * kHalfCount;
  counts_.reserve(size);  // exactly: resize alone would double the capacity
  counts_.resize(size);
}

}  // namespace mqtt_sim::metrics
