#include "core/engine/shard.hpp"

#include <algorithm>
#include <utility>

#include "core/base/assert.hpp"

namespace mqtt_sim::engine {
namespace {

constexpr Duration kSlice = std::chrono::milliseconds(5);          // while a phase is about to end
constexpr Duration kRunningSlice = std::chrono::milliseconds(50);  // bounds how late an interruption is seen

}  // namespace

Shard::Shard(const load::RunContext& context, uint32_t index, Driver& driver, Conductor& conductor, Progress& progress,
             CpuClock cpu_clock)
    : index_(index),
      driver_(driver),
      conductor_(conductor),
      progress_(progress),
      cpu_clock_(cpu_clock),
      fleet_(context, index,
             [this](uint32_t to, std::vector<load::Credit> credits) { hand_over(to, std::move(credits)); }),
      duration_(context.plan.duration) {}

void Shard::run(std::span<const Target> targets) {
  begin(targets);
  while (!is_done()) step(kNever);
}

void Shard::begin(std::span<const Target> targets) {
  fleet_.board(driver_, targets);
  conductor_.begin_connecting(driver_.now());
  fleet_.connect_all(driver_.now());
}

void Shard::step(Instant until) {
  driver_.run_until(std::min(until, slice_end(driver_.now())));
  const Instant now = driver_.now();
  obey(conductor_.report(index_, fleet_.status(), fleet_.failure(), now), now);
}

// Credits reach the other shard between two of its turns.
void Shard::hand_over(uint32_t shard, std::vector<load::Credit> credits) {
  Shard* peer = peers_[shard];
  peer->driver_.post([peer, credits = std::move(credits)] { peer->fleet_.take_credits(credits, peer->driver_.now()); });
}

Instant Shard::slice_end(Instant now) const {
  if (phase_ != Phase::running) return now + kSlice;
  Instant next = std::min(now + kRunningSlice, tick_begin_ + kTick);
  if (now < end_) next = std::min(next, end_);
  return std::max(next, now + Duration(1));
}

void Shard::obey(const Directive& directive, Instant now) {
  if (directive.phase >= Phase::running && phase_ < Phase::running && directive.start != kNever)
    enter_running(directive.start);
  if (tick_begin_ != kNever && now >= tick_begin_ + kTick) tick(now, false);
  // When the time is over nothing is called off: what fell due and was not noticed yet has to be seen as late.
  if (directive.is_interrupted && phase_ == Phase::running) fleet_.stop_sending(now);
  if (directive.phase >= Phase::finishing && phase_ < Phase::finishing) {
    tell_phase(Phase::finishing, directive.start);
    if (phase_ >= Phase::running) leave_running();
    fleet_.finish(now);
  }
  phase_ = directive.phase;
  tell_phase(phase_, directive.start);
}

void Shard::tell_phase(Phase phase, Instant start) {
  if (std::exchange(told_phase_, phase) != phase && on_phase_) on_phase_(phase, start);
}

void Shard::enter_running(Instant start) {
  end_ = start + duration_;
  tick_begin_ = start;
  fleet_.recorder().take_interval();  // what connecting counted belongs to no interval
  fleet_.start(start);
  cpu_start_ = cpu_at_tick_ = cpu_clock_();
  phase_ = Phase::running;
  tell_phase(Phase::running, start);
}

void Shard::leave_running() {
  cpu_time_ = cpu_clock_() - cpu_start_;
  if (driver_.now() > tick_begin_) tick(driver_.now(), true);
  tick_begin_ = kNever;
}

// Ends the current interval: at its planned end, so that the intervals of all shards meet, or now if it is the last.
void Shard::tick(Instant now, bool is_last) {
  const Duration cpu = cpu_clock_();
  ShardInterval interval;
  interval.tick = tick_number_++;
  interval.begin = tick_begin_;
  interval.end = is_last ? now : tick_begin_ + kTick;
  interval.part = fleet_.recorder().take_interval();
  interval.clients_up = fleet_.status().up;
  interval.lateness = metrics::summarise(fleet_.recorder().histogram(metrics::Metric::lateness));
  interval.cpu_share = std::chrono::duration<double>(cpu - cpu_at_tick_) / (interval.end - interval.begin);
  cpu_at_tick_ = cpu;
  tick_begin_ = interval.end;
  progress_.add(index_, interval);
}

}  // namespace mqtt_sim::engine
