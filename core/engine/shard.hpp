// One thread's share of a run: a driver, a fleet of clients on it, and the loop that runs the driver in slices and asks
// the conductor between them what comes next. run() is called on the shard's thread; everything else after it has
// returned.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <utility>
#include <vector>

#include "core/base/driver.hpp"
#include "core/engine/conductor.hpp"
#include "core/engine/progress.hpp"
#include "core/load/fleet.hpp"

namespace mqtt_sim::engine {

using CpuClock = Duration (*)();  // CPU time of the calling thread; zero for ever in virtual time

class Shard {
 public:
  static constexpr Duration kTick = std::chrono::seconds(1);

  Shard(const load::RunContext&, uint32_t index, Driver&, Conductor&, Progress&, CpuClock);

  void run(std::span<const Target> targets);  // by group; begin(), then step() until it is done
  void begin(std::span<const Target> targets);
  void step(Instant until);  // one slice, which ends at `until` at the latest
  bool is_done() const { return phase_ == Phase::done; }
  void set_peers(std::vector<Shard*> shards) { peers_ = std::move(shards); }
  // Called on the shard's thread when it has entered a phase. `start`: the run's time zero, from Phase::running on.
  void set_on_phase(std::function<void(Phase, Instant start)> on_phase) { on_phase_ = std::move(on_phase); }

  load::Fleet& fleet() { return fleet_; }
  Duration cpu_time() const { return cpu_time_; }  // from time zero until sending and draining were over

 private:
  void hand_over(uint32_t shard, std::vector<load::Credit>);
  Instant slice_end(Instant now) const;
  void obey(const Directive&, Instant now);
  void enter_running(Instant start);
  void leave_running();
  void tell_phase(Phase, Instant start);
  void tick(Instant now, bool is_last);

  uint32_t index_;
  Driver& driver_;
  Conductor& conductor_;
  Progress& progress_;
  CpuClock cpu_clock_;
  load::Fleet fleet_;
  std::vector<Shard*> peers_;
  std::function<void(Phase, Instant)> on_phase_;
  Phase phase_ = Phase::connecting;
  Phase told_phase_ = Phase::connecting;
  Instant end_ = kNever;  // when sending is over
  Instant tick_begin_ = kNever;
  uint32_t tick_number_ = 0;
  Duration cpu_start_{};
  Duration cpu_at_tick_{};
  Duration cpu_time_{};
  Duration duration_;
};

}  // namespace mqtt_sim::engine
