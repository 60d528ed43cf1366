#include "core/metrics/result.hpp"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

namespace mqtt_sim::metrics {
namespace {

using nlohmann::ordered_json;

double seconds_between(Instant from, Instant to) { return std::chrono::duration<double>(to - from).count(); }

// A bucket may reach beyond the values in it; a reader of a report must not see a percentile above the maximum.
int64_t percentile(const Histogram& histogram, double p) {
  return std::min(histogram.value_at_percentile(p), histogram.max());
}

ordered_json value_or_null(uint64_t count, int64_t value) { return count == 0 ? ordered_json() : ordered_json(value); }

ordered_json errors_to_json(const Errors& errors, Instant start) {
  ordered_json list = ordered_json::array();
  for (const auto& [text, error] : errors) {
    ordered_json item;
    item["text"] = text;
    item["count"] = error.count;
    item["first_at_s"] = seconds_between(start, error.first);
    item["reason"] = error.reason;
    list.push_back(std::move(item));
  }
  return list;
}

}  // namespace

MetricSummary summarise(const Histogram& histogram) {
  return {
      .count = histogram.count(),
      .min = histogram.min(),
      .mean = std::clamp<int64_t>(std::llround(histogram.mean()), histogram.min(), histogram.max()),
      .p50 = percentile(histogram, 50),
      .p90 = percentile(histogram, 90),
      .p99 = percentile(histogram, 99),
      .p99_9 = percentile(histogram, 99.9),
      .max = histogram.max(),
  };
}

Interval make_interval(const IntervalPart& part, Instant begin, Instant end, uint64_t clients_up) {
  return {
      .end = end,
      .seconds = seconds_between(begin, end),
      .sent = part.count(Counter::written) + part.count(Counter::device_sent),
      .received = part.count(Counter::delivered) + part.count(Counter::device_received),
      .clients_up = clients_up,
      .latency_count = part.latency.count(),
      .latency_p50 = percentile(part.latency, 50),
      .latency_p99 = percentile(part.latency, 99),
      .latency_max = part.latency.max(),
  };
}

ordered_json to_json(const Histogram& histogram) {
  const MetricSummary summary = summarise(histogram);
  const auto value = [&summary](int64_t ns) { return value_or_null(summary.count, ns); };
  ordered_json out;
  out["unit"] = "ns";
  out["count"] = summary.count;
  out["min"] = value(summary.min);
  out["mean"] = value(summary.mean);
  out["p50"] = value(summary.p50);
  out["p90"] = value(summary.p90);
  out["p99"] = value(summary.p99);
  out["p99.9"] = value(summary.p99_9);
  out["max"] = value(summary.max);
  out["hdr"] = histogram.encode_v2();
  return out;
}

ordered_json to_json(const Recorder& recorder, Instant start) {
  ordered_json out;
  ordered_json& counts = out["counts"];
  for (size_t i = 0; i < kCounterCount; ++i) {
    const Counter counter = static_cast<Counter>(i);
    counts[std::string(to_string(counter))] = recorder.count(counter);
  }
  ordered_json& metrics = out["metrics"];
  for (size_t i = 0; i < kMetricCount; ++i) {
    const Metric metric = static_cast<Metric>(i);
    metrics[std::string(to_string(metric))] = to_json(recorder.histogram(metric));
  }
  out["errors"] = errors_to_json(recorder.errors(), start);
  out["ends"] = errors_to_json(recorder.ends(), start);
  out["server_words"] = errors_to_json(recorder.quotes(), start);
  return out;
}

ordered_json to_json(const Interval& interval, Instant start) {
  const auto value = [&interval](int64_t ns) { return value_or_null(interval.latency_count, ns); };
  ordered_json out;
  out["end_s"] = seconds_between(start, interval.end);
  out["seconds"] = interval.seconds;
  out["sent"] = interval.sent;
  out["received"] = interval.received;
  out["clients_up"] = interval.clients_up;
  ordered_json& latency = out["latency"];
  latency["unit"] = "ns";
  latency["count"] = interval.latency_count;
  latency["p50"] = value(interval.latency_p50);
  latency["p99"] = value(interval.latency_p99);
  latency["max"] = value(interval.latency_max);
  return out;
}

}  // namespace mqtt_sim::metrics
