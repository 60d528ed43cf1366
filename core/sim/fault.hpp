// Faults of the simulated network, as rules. Before a segment travels, each rule in turn looks at it and answers a
// Verdict; the first that does not pass wins. Without rules nothing is asked. The driver owns its rules; they are
// called on the driver's thread and must depend on their arguments and on seeded randomness only, or the run does not
// repeat.
#pragma once

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "core/base/time.hpp"

namespace mqtt_sim::sim {

enum class Direction : uint8_t { to_client = 0, to_server = 1 };

constexpr Direction opposite(Direction direction) {
  return direction == Direction::to_client ? Direction::to_server : Direction::to_client;
}

enum class SegmentKind : uint8_t {
  connect,  // the client asks for a stream (SYN)
  accept,   // somebody listens (SYN-ACK)
  refuse,   // nobody listens
  bytes,    // part of the stream
  end,      // orderly end of stream (FIN)
  reset,    // the stream is gone (RST); rules are not asked about it
};
const char* to_string(SegmentKind);

// A segment about to travel.
struct Passage {
  uint64_t connection = 0;  // counts streams from 1, a new number for each attempt to connect
  uint32_t client = 0;      // which attach() call the client's endpoint came from, counted from 0
  Direction direction = Direction::to_server;
  SegmentKind kind = SegmentKind::bytes;
  size_t size = 0;  // bytes of the stream it carries
  Instant now{};
};

class Verdict {
 public:
  enum class Action : uint8_t { pass, delay, drop_connection };

  static constexpr Verdict pass() { return {Action::pass, Duration::zero()}; }
  // Arrives `extra` later, and so does everything behind it in the same direction. extra >= 0.
  static constexpr Verdict delay(Duration extra) { return {Action::delay, extra}; }
  // The segment is lost; both ends see CloseReason::reset, the far one a latency later.
  static constexpr Verdict drop_connection() { return {Action::drop_connection, Duration::zero()}; }

  constexpr Action action() const { return action_; }
  constexpr Duration extra() const { return extra_; }

 private:
  constexpr Verdict(Action action, Duration extra) : action_(action), extra_(extra) {}

  Action action_;
  Duration extra_;
};

class FaultRule {
 public:
  virtual ~FaultRule() = default;
  virtual Verdict judge(const Passage&) = 0;
};

class FaultRules {
 public:
  void add(std::unique_ptr<FaultRule> rule) { rules_.push_back(std::move(rule)); }

  bool empty() const { return rules_.empty(); }

  Verdict judge(const Passage& passage) const {
    for (const auto& rule : rules_) {
      const Verdict verdict = rule->judge(passage);
      if (verdict.action() != Verdict::Action::pass) return verdict;
    }
    return Verdict::pass();
  }

 private:
  std::vector<std::unique_ptr<FaultRule>> rules_;
};

}  // namespace mqtt_sim::sim
