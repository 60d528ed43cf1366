#include "core/metrics/recorder.hpp"

namespace mqtt_sim::metrics {
namespace {

constexpr std::array<std::string_view, kMetricCount> kMetricNames = {
    "connect", "connect_dns", "connect_tcp", "connect_tls",         "connect_upgrade", "connect_connack",
    "suback",  "publish_ack", "latency",     "latency_uncorrected", "lateness",        "device_lateness",
};
static_assert(static_cast<size_t>(Metric::device_lateness) + 1 == kMetricCount);

constexpr std::array<std::string_view, kCounterCount> kCounterNames = {
    "planned",     "offered",        "written",        "acknowledged",    "delivered",
    "expected",    "lost",           "duplicated",     "reordered",       "undecodable",
    "foreign",     "connected",      "connect_failed", "refused",         "disconnected",
    "reconnected", "publish_failed", "unsent",         "unacknowledged",  "unexpected_acks",
    "bytes_in",    "bytes_out",      "device_sent",    "device_received", "device_delivered",
};
static_assert(static_cast<size_t>(Counter::device_delivered) + 1 == kCounterCount);

void add_all(Counters& to, const Counters& from) {
  for (size_t i = 0; i < kCounterCount; ++i) to[i] += from[i];
}

struct TextLimit {
  size_t distinct;         // texts kept
  std::string_view other;  // where the rest is counted
};

void add_to(Errors& table, const TextLimit& limit, std::string_view text, const ErrorCount& more) {
  auto entry = table.find(text);
  if (entry == table.end()) {
    const bool has_room = table.size() - table.count(limit.other) < limit.distinct;
    entry = table.try_emplace(std::string(has_room ? text : limit.other)).first;
  }
  if (more.first < entry->second.first) {
    entry->second.first = more.first;
    entry->second.reason = more.reason;
  }
  entry->second.count += more.count;
}

}  // namespace

std::string_view to_string(Metric metric) { return kMetricNames[static_cast<size_t>(metric)]; }
std::string_view to_string(Counter counter) { return kCounterNames[static_cast<size_t>(counter)]; }

void IntervalPart::merge(const IntervalPart& other) {
  latency.merge(other.latency);
  add_all(counters, other.counters);
}

void Recorder::error(std::string_view text, Instant now, uint8_t reason) {
  add_to(errors_, {kErrorLimit, kOtherErrors}, text, {1, now, reason});
}

void Recorder::end(std::string_view text, Instant now, uint8_t reason) {
  add_to(ends_, {kErrorLimit, kOtherEnds}, text, {1, now, reason});
}

void Recorder::quote(std::string_view text, Instant now, uint8_t reason) {
  add_to(quotes_, {kQuoteLimit, kOtherQuotes}, text, {1, now, reason});
}

void Recorder::merge(const Recorder& other) {
  for (size_t i = 0; i < kMetricCount; ++i) histograms_[i].merge(other.histograms_[i]);
  add_all(counters_, other.counters_);
  interval_latency_.merge(other.interval_latency_);
  add_all(interval_start_, other.interval_start_);
  for (const auto& [text, count] : other.errors_) add_to(errors_, {kErrorLimit, kOtherErrors}, text, count);
  for (const auto& [text, count] : other.ends_) add_to(ends_, {kErrorLimit, kOtherEnds}, text, count);
  for (const auto& [text, count] : other.quotes_) add_to(quotes_, {kQuoteLimit, kOtherQuotes}, text, count);
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

}  // namespace mqtt_sim::metrics
