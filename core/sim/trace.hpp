// A running hash over everything a simulated run does: when, on which connection, what, and every byte. Two runs with
// equal hashes did the same; the hash is for comparing runs, not against an attacker. A sink, if set, gets each event
// as a line of text as well. One owner, one thread.
#pragma once

#include <cstdint>
#include <string_view>

#include "core/base/bytes.hpp"
#include "core/base/time.hpp"
#include "core/sim/fault.hpp"

namespace mqtt_sim::sim {

class TraceSink {
 public:
  virtual ~TraceSink() = default;
  virtual void on_line(std::string_view line) = 0;  // without line feed; valid during the call
};

class Trace {
 public:
  // A segment arrived.
  void record_segment(Instant at, uint64_t connection, Direction direction, SegmentKind kind, ByteView bytes);
  // The deadline of an endpoint ("endpoint") or service ("service") fired; `number` tells which.
  void record_deadline(Instant at, std::string_view whose, uint64_t number);

  uint64_t hash() const { return hash_; }
  void set_sink(TraceSink* sink) { sink_ = sink; }  // nullptr: none; must outlive the trace

 private:
  void mix(uint64_t word);
  void mix(ByteView bytes);

  uint64_t hash_ = 0xcbf29ce484222325;
  TraceSink* sink_ = nullptr;
};

}  // namespace mqtt_sim::sim
