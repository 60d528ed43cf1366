// What leaves the core about a run: summaries of histograms and recorders, as values and as JSON with a fixed order of
// keys, so that equal measurements give equal bytes. Pure functions; any thread.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>

#include "core/base/time.hpp"
#include "core/metrics/recorder.hpp"

namespace mqtt_sim::metrics {

// All values in ns, all 0 when count is 0. Everything but min and max is rounded to a bucket of the histogram, yet
// never beyond min and max.
struct MetricSummary {
  uint64_t count = 0;
  int64_t min = 0;
  int64_t mean = 0;
  int64_t p50 = 0;
  int64_t p90 = 0;
  int64_t p99 = 0;
  int64_t p99_9 = 0;
  int64_t max = 0;

  friend bool operator==(const MetricSummary&, const MetricSummary&) = default;
};
MetricSummary summarise(const Histogram& histogram);

// One line of the progress of a run.
struct Interval {
  Instant end{};
  double seconds = 0;       // length
  uint64_t sent = 0;        // messages written in it
  uint64_t received = 0;    // messages delivered in it
  uint64_t clients_up = 0;  // connected at its end
  uint64_t latency_count = 0;
  int64_t latency_p50 = 0;  // ns; the three are 0 when latency_count is 0
  int64_t latency_p99 = 0;
  int64_t latency_max = 0;

  friend bool operator==(const Interval&, const Interval&) = default;
};
Interval make_interval(const IntervalPart& part, Instant begin, Instant end, uint64_t clients_up);

// {"unit": "ns", "count", "min", "mean", "p50", "p90", "p99", "p99.9", "max", "hdr": encode_v2()}. Without any value
// the count is 0 and what it would be a summary of is null.
nlohmann::ordered_json to_json(const Histogram& histogram);
// {"counts": {counter: n, ...}, "metrics": {metric: histogram, ...}, "errors": [{"text", "count", "first_at_s",
// "reason"}, ...], "ends": [...], "server_words": [...]}: all counters and metrics in the order of their enums, texts
// in their order. `start` is the instant that first_at_s counts from.
nlohmann::ordered_json to_json(const Recorder& recorder, Instant start = Instant{});
// {"end_s", "seconds", "sent", "received", "clients_up", "latency": {"unit": "ns", "count", "p50", "p99", "max"}}.
nlohmann::ordered_json to_json(const Interval& interval, Instant start = Instant{});

}  // namespace mqtt_sim::metrics
