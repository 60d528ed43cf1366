// What one shard measures while a run goes on: a histogram for each Metric, a number for each Counter, and the errors
// that happened. Owned by the shard and touched by its thread only, so nothing is locked; recorders meet in merge()
// after the shards have handed them over. Recording allocates only while a histogram meets a new magnitude.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "core/base/time.hpp"
#include "core/metrics/histogram.hpp"

namespace mqtt_sim::metrics {

enum class Metric : uint8_t {
  connect,              // wish to connect until CONNACK
  connect_dns,          // name to address, where there was a name
  connect_tcp,          // TCP handshake
  connect_tls,          // TLS handshake
  connect_upgrade,      // HTTP upgrade to WebSocket
  connect_connack,      // CONNECT written until CONNACK
  suback,               // SUBSCRIBE until SUBACK
  publish_ack,          // PUBLISH until PUBACK or PUBCOMP
  latency,              // intended send time until delivery
  latency_uncorrected,  // actual send time until delivery
  lateness,             // intended until actual send time: the generator's own delay
  device_lateness,      // the same of what scripts send: when they meant it to leave until it is on the stream
};
inline constexpr size_t kMetricCount = 12;
std::string_view to_string(Metric);

enum class Counter : uint8_t {
  planned,           // messages the schedule holds
  offered,           // messages whose time came
  written,           // messages handed to the stream
  acknowledged,      // publications the receiver has taken over (PUBACK, PUBCOMP)
  delivered,         // messages received
  expected,          // messages that should have been received
  lost,              // expected, never received
  duplicated,        // received again
  reordered,         // received after a later one of the same stream
  undecodable,       // received without a readable stamp
  foreign,           // received with the stamp of another run
  connected,         // first connections made
  connect_failed,    // streams that could not be opened
  refused,           // CONNACK with a failure
  disconnected,      // connections lost against our wish
  reconnected,       // connections made again
  publish_failed,    // publications given up or refused
  unsent,            // offered, never on the stream: the client was cut off or had no room
  unacknowledged,    // written at QoS 1 or 2, no answer by the end
  unexpected_acks,   // acknowledgements of nothing in flight
  bytes_in,          // bytes read from streams
  bytes_out,         // bytes written to streams
  device_sent,       // messages that scripts sent: written at QoS 0, acknowledged above
  device_received,   // messages that scripts were given
  device_delivered,  // messages that scripts sent with a stamp, received by anybody
};
inline constexpr size_t kCounterCount = 25;
std::string_view to_string(Counter);

using Counters = std::array<uint64_t, kCounterCount>;  // by Counter

// One kind of error, known by its text.
struct ErrorCount {
  uint64_t count = 0;
  Instant first = kNever;  // when it happened first
  uint8_t reason = 0;      // MQTT reason code of that first time; 0 when there was none
};
using Errors = std::map<std::string, ErrorCount, std::less<>>;

// What was measured between two calls of take_interval().
struct IntervalPart {
  Histogram latency;
  Counters counters{};

  uint64_t count(Counter counter) const { return counters[static_cast<size_t>(counter)]; }
  void merge(const IntervalPart& other);
};

class Recorder {
 public:
  static constexpr size_t kErrorLimit = 64;                         // distinct texts kept
  static constexpr std::string_view kOtherErrors = "other errors";  // where errors beyond the limit are counted
  static constexpr std::string_view kOtherEnds = "other ends";
  static constexpr size_t kQuoteLimit = 16;
  static constexpr std::string_view kOtherQuotes = "other words";

  void record(Metric metric, Duration value) {
    histograms_[static_cast<size_t>(metric)].record(to_ns(value));
    if (metric == Metric::latency) interval_latency_.record(to_ns(value));
  }
  void add(Counter counter, uint64_t n = 1) { counters_[static_cast<size_t>(counter)] += n; }
  void error(std::string_view text /* UTF-8 */, Instant now, uint8_t reason = 0);
  // How a connection ended, each one of them; and what a server said in its own words. Texts as those of errors.
  void end(std::string_view text, Instant now, uint8_t reason = 0);
  void quote(std::string_view text, Instant now, uint8_t reason = 0);

  const Histogram& histogram(Metric metric) const { return histograms_[static_cast<size_t>(metric)]; }
  uint64_t count(Counter counter) const { return counters_[static_cast<size_t>(counter)]; }
  const Counters& counters() const { return counters_; }
  const Errors& errors() const { return errors_; }  // at most kErrorLimit texts, then kOtherErrors
  const Errors& ends() const { return ends_; }      // at most kErrorLimit texts, then kOtherEnds
  const Errors& quotes() const { return quotes_; }  // at most kQuoteLimit texts, then kOtherQuotes

  // As if all that `other` measured had been measured here, its current interval included.
  void merge(const Recorder& other);
  // What has been measured since the last call, or since the beginning; starts a new interval.
  IntervalPart take_interval();
  // The warm-up is over: forgets the histograms. Counters and errors stay, since what was sent may still arrive.
  void reset();

 private:
  std::array<Histogram, kMetricCount> histograms_;
  Counters counters_{};
  Errors errors_;
  Errors ends_;
  Errors quotes_;
  Histogram interval_latency_;
  Counters interval_start_{};  // the counters when the current interval began
};

}  // namespace mqtt_sim::metrics
