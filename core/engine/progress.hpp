// What a run tells while it goes on: one interval a second, merged over the shards, and what the latest snapshot needs.
// The shards add to it once a second each, readers wait on it from other threads; locked, and never touched per
// message.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <vector>

#include "core/metrics/recorder.hpp"
#include "core/metrics/result.hpp"

namespace mqtt_sim::engine {

// One shard's part of one interval.
struct ShardInterval {
  uint32_t tick = 0;  // from 0, the same for all shards
  Instant begin{};
  Instant end{};
  metrics::IntervalPart part;
  uint64_t clients_up = 0;
  metrics::MetricSummary lateness;  // since the run began
  double cpu_share = 0;             // of one core, in this interval; 0 in virtual time
};

class Progress {
 public:
  static constexpr size_t kIntervalLimit = 100'000;  // kept for the report: more than a day of seconds

  explicit Progress(uint32_t shards);

  void add(uint32_t shard, const ShardInterval&);
  void finish();  // wakes all waiters for good

  // Waits at most `patience` for an interval after `seen`, or the end; the number of intervals so far.
  size_t wait(size_t seen, std::chrono::nanoseconds patience);

  struct View {
    metrics::Interval last;
    metrics::Histogram latency;       // since the run began
    metrics::Counters counters{};     // likewise
    metrics::MetricSummary lateness;  // of the shard that is latest
    std::vector<double> cpu_shares;   // by shard
  };
  View view() const;
  std::vector<metrics::Interval> intervals() const;

 private:
  struct Pending {
    uint32_t shards = 0;
    Instant begin{};
    Instant end{};
    metrics::IntervalPart part;
    uint64_t clients_up = 0;
  };
  void complete(const Pending&);

  uint32_t shards_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Pending> pending_;  // by tick - completed ticks
  std::vector<metrics::Interval> intervals_;
  size_t completed_ = 0;
  View view_;
  bool is_finished_ = false;
};

}  // namespace mqtt_sim::engine
