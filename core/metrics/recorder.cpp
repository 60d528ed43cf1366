#include "core/metrics/recorder.hpp"

namespace mqtt_sim::metrics {
namespace {

constexpr std::array<std::string_view, kMetricCount> kMetricNames = {
    "connect", "connect_tcp", "connect_connack", "suback", "publish_ack", "latency", "latency_uncorrected", "lateness",
};
static_assert(static_cast<size_t>(Metric::lateness) + 1 == kMetricCount);

constexpr std::array<std::string_view, kCounterCount> kCounterNames = {
    "planned",      "offered",     "written",        "acknowledged", "delivered", "expected",       "lost",
    "duplicated",   "reordered",   "undecodable",    "foreign",      "connected", "connect_failed", "refused",
    "disconnected", "reconnected", "publish_failed", "bytes_in",     "bytes_out",
};
static_assert(static_cast<size_t>(Counter::bytes_out) + 1 == kCounterCount);

void add_all(Counters& to, const Counters& from) {
  for (size_t i = 0; i < kCounterCount; ++i) to[i] += from[i];
}

}  // namespace

std::string_view to_string(Metric metric) { return kMetricNames[static_cast<size_t>(metric)]; }
std::string_view to_string(Counter counter) { return kCounterNames[static_cast<size_t>(counter)]; }

void IntervalPart::merge(const IntervalPart& other) {
  latency.merge(other.latency);
  add_all(counters, other.counters);
}

void Recorder::error(std::string_view text, Instant now, uint8_t reason) {
  ErrorCount& entry = error_entry(text);
  if (now < entry.first) {
    entry.first = now;
    entry.reason = reason;
  }
  ++entry.count;
}

void Recorder::merge(const Recorder& other) {
  for (size_t i = 0; i < kMetricCount; ++i) histograms_[i].merge(other.histograms_[i]);
  add_all(counters_, other.counters_);
  interval_latency_.merge(other.interval_latency_);
  add_all(interval_start_, other.interval_start_);
  for (const auto& [text, theirs] : other.errors_) {
    ErrorCount& ours = error_entry(text);
    if (theirs.first < ours.first) {
      ours.first = theirs.first;
      ours.reason = theirs.reason;
    }
    ours.count += theirs.count;
  }
}

IntervalPart Recorder::take_interval() {
  IntervalPart part{interval_latency_, counters_};
  for (size_t i = 0; i < kCounterCount; ++i) part.counters[i] -= interval_start_[i];
  interval_latency_.clear();  // and keeps its memory: the message path has nothing to allocate
  interval_start_ = counters_;
  return part;
}

void Recorder::reset() {
  for (Histogram& histogram : histograms_) histogram.clear();
  interval_latency_.clear();
}

ErrorCount& Recorder::error_entry(std::string_view text) {
  if (const auto known = errors_.find(text); known != errors_.end()) return known->second;
  const size_t distinct = errors_.size() - errors_.count(kOtherErrors);
  return errors_[std::string(distinct < kErrorLimit ? text : kOtherErrors)];
}

}  // namespace mqtt_sim::metrics
