// Decides when a run goes from one phase to the next, from what the shards report between turns of their drivers. All
// shards share one conductor; report() is locked, and is called a few hundred times a second at most, never per
// message.
//
//   connecting --all ready--> running --time over, or all said and heard--> draining --quiet, or waited long enough-->
//   finishing --all closed, or 2 s--> done
//
// A client that cannot be brought up, the loss of every client, and an interruption lead to finishing early; abort()
// leads to done at once.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <optional>
#include <vector>

#include "core/base/time.hpp"
#include "core/load/fleet.hpp"

namespace mqtt_sim::engine {

enum class Phase : uint8_t { connecting, running, draining, finishing, done };
const char* to_string(Phase);

struct Directive {
  Phase phase = Phase::connecting;
  Instant start = kNever;       // the run's time zero, from Phase::running on
  bool is_interrupted = false;  // what is still to fall due is called off
};

class Conductor {
 public:
  static constexpr Duration kLead = std::chrono::milliseconds(20);           // from all ready to time zero
  static constexpr Duration kLeadPerScript = std::chrono::microseconds(20);  // for all of them to be set up
  static constexpr Duration kFinishPatience = std::chrono::seconds(2);       // for orderly DISCONNECTs
  static constexpr Duration kInterruptedDrain = std::chrono::seconds(1);

  explicit Conductor(const load::Plan&);

  // From each shard, on its thread, before its clients begin to connect.
  void begin_connecting(Instant now);
  // From each shard, on its thread. The directive holds for that shard from now on.
  Directive report(uint32_t shard, const load::FleetStatus&, const std::optional<load::Failure>&, Instant now);

  // From any thread.
  void interrupt() { is_interrupted_ = true; }
  void abort() { is_aborted_ = true; }
  // So many devices' scripts have not come to their end; draining waits for them.
  void set_scripts_running(uint32_t scripts) { scripts_running_ = scripts; }

  // After the run, or while it goes on for a snapshot.
  load::FleetStatus total() const;
  Phase phase() const;
  bool was_interrupted() const { return was_interrupted_; }
  std::optional<load::Failure> failure() const;
  Instant begin() const;  // when connecting began
  Instant start() const;
  Instant sending_ended() const;  // kNever while sending goes on

 private:
  void advance(Instant now);
  void enter(Phase, Instant now);
  void advance_connecting(Instant now);
  void advance_running(Instant now);
  void advance_draining(Instant now);
  bool is_everyone_lost() const;
  void fail_with_loss();

  const load::Plan& plan_;
  bool can_end_early_ = false;  // every producer has a last message
  bool reconnects_ = false;     // some group comes back by itself
  mutable std::mutex mutex_;
  std::vector<load::FleetStatus> statuses_;
  load::FleetStatus total_;
  std::optional<load::Failure> failure_;
  Phase phase_ = Phase::connecting;
  Instant begin_ = kNever;
  Instant start_ = kNever;
  Instant sending_ended_ = kNever;
  Instant patience_ends_ = kNever;  // of draining or finishing
  bool was_interrupted_ = false;
  std::atomic<bool> is_interrupted_ = false;
  std::atomic<bool> is_aborted_ = false;
  std::atomic<uint32_t> scripts_running_ = 0;
};

}  // namespace mqtt_sim::engine
