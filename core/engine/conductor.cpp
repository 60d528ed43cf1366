#include "core/engine/conductor.hpp"

#include <algorithm>

namespace mqtt_sim::engine {
namespace {

load::FleetStatus sum(const std::vector<load::FleetStatus>& statuses) {
  load::FleetStatus total;
  for (const load::FleetStatus& status : statuses) {
    total.clients += status.clients;
    total.ready += status.ready;
    total.up += status.up;
    total.left += status.left;
    total.failed += status.failed;
    total.finished += status.finished;
    total.planned += status.planned;
    total.unsaid += status.unsaid;
    total.offered += status.offered;
    total.offered_late += status.offered_late;
    total.backlog += status.backlog;
    total.unwritten += status.unwritten;
    total.unacknowledged += status.unacknowledged;
    total.expected += status.expected;
    total.received += status.received;
    total.uncomposed += status.uncomposed;
  }
  return total;
}

bool is_quiet(const load::FleetStatus& total) {
  return total.backlog == 0 && total.unwritten == 0 && total.unacknowledged == 0 && total.received >= total.expected;
}

bool has_last_message(const load::PublishPlan& publish) {
  return publish.messages || (publish.payload.kind == load::PayloadKind::dialogue && !publish.payload.loop);
}

}  // namespace

const char* to_string(Phase phase) {
  switch (phase) {
    case Phase::connecting: return "connecting";
    case Phase::running: return "running";
    case Phase::draining: return "draining";
    case Phase::finishing: return "finishing";
    case Phase::done: return "done";
  }
  return "unknown";
}

Conductor::Conductor(const load::Plan& plan) : plan_(plan), statuses_(plan.shards) {
  can_end_early_ = plan.stream_count() > 0;
  scripts_running_ = plan.device_count();
  for (const load::GroupPlan& group : plan.groups) {
    if (group.is_scripted) can_end_early_ = false;
    if (group.publish && !has_last_message(*group.publish)) can_end_early_ = false;
    if (group.client.reconnect_period > Duration(0)) reconnects_ = true;
  }
}

Directive Conductor::report(uint32_t shard, const load::FleetStatus& status,
                            const std::optional<load::Failure>& failure, Instant now) {
  const std::lock_guard lock(mutex_);
  statuses_[shard] = status;
  total_ = sum(statuses_);
  if (failure && !failure_) failure_ = failure;
  if (failure_) failure_->clients = std::max(failure_->clients, total_.failed);
  advance(now);
  return {phase_, start_, was_interrupted_};
}

load::FleetStatus Conductor::total() const {
  const std::lock_guard lock(mutex_);
  return total_;
}

Phase Conductor::phase() const {
  const std::lock_guard lock(mutex_);
  return phase_;
}

std::optional<load::Failure> Conductor::failure() const {
  const std::lock_guard lock(mutex_);
  return failure_;
}

void Conductor::begin_connecting(Instant now) {
  const std::lock_guard lock(mutex_);
  begin_ = std::min(begin_, now);
}

Instant Conductor::begin() const {
  const std::lock_guard lock(mutex_);
  return begin_;
}

Instant Conductor::start() const {
  const std::lock_guard lock(mutex_);
  return start_;
}

Instant Conductor::sending_ended() const {
  const std::lock_guard lock(mutex_);
  return sending_ended_;
}

void Conductor::advance(Instant now) {
  if (is_aborted_ && phase_ != Phase::done) {
    was_interrupted_ = was_interrupted_ || phase_ < Phase::finishing;
    return enter(Phase::done, now);
  }
  switch (phase_) {
    case Phase::connecting: return advance_connecting(now);
    case Phase::running: return advance_running(now);
    case Phase::draining: return advance_draining(now);
    case Phase::finishing:
      if (total_.finished >= total_.clients || now >= patience_ends_) enter(Phase::done, now);
      return;
    case Phase::done: return;
  }
}

void Conductor::enter(Phase phase, Instant now) {
  if (phase >= Phase::draining && phase_ == Phase::running) sending_ended_ = std::min(now, start_ + plan_.duration);
  phase_ = phase;
  if (phase == Phase::draining) patience_ends_ = now + (was_interrupted_ ? kInterruptedDrain : plan_.drain);
  if (phase == Phase::finishing) patience_ends_ = now + kFinishPatience;
}

void Conductor::advance_connecting(Instant now) {
  if (is_interrupted_) {
    was_interrupted_ = true;
    return enter(Phase::finishing, now);
  }
  if (failure_) return enter(Phase::finishing, now);
  if (total_.ready < plan_.client_count() || total_.uncomposed > 0) return;
  start_ = now + kLead + plan_.device_count() * kLeadPerScript;
  enter(Phase::running, now);
}

void Conductor::advance_running(Instant now) {
  if (is_interrupted_) {
    was_interrupted_ = true;
    return enter(Phase::draining, now);
  }
  if (is_everyone_lost()) {
    fail_with_loss();
    return enter(Phase::finishing, now);
  }
  const bool is_all_said = can_end_early_ && now >= start_ && total_.unsaid == 0 && is_quiet(total_);
  if (now >= start_ + plan_.duration || is_all_said) enter(Phase::draining, now);
}

void Conductor::advance_draining(Instant now) {
  if (is_everyone_lost()) {
    fail_with_loss();
    return enter(Phase::finishing, now);
  }
  if (is_interrupted_ && !was_interrupted_) {
    was_interrupted_ = true;
    patience_ends_ = std::min(patience_ends_, now + kInterruptedDrain);
  }
  const bool is_quiet_everywhere = is_quiet(total_) && scripts_running_ == 0;
  if (is_quiet_everywhere || now >= patience_ends_) enter(Phase::finishing, now);
}

// Whoever has left on his own word is not lost.
bool Conductor::is_everyone_lost() const { return total_.up == 0 && total_.left == 0 && !reconnects_; }

void Conductor::fail_with_loss() {
  failure_ = load::Failure{"broker_lost", "every client lost its connection to the broker", 0, total_.clients};
}

}  // namespace mqtt_sim::engine
