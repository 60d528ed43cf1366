#include "core/engine/progress.hpp"

#include <algorithm>

namespace mqtt_sim::engine {

Progress::Progress(uint32_t shards) : shards_(shards) { view_.cpu_shares.resize(shards); }

void Progress::add(uint32_t shard, const ShardInterval& interval) {
  const std::lock_guard lock(mutex_);
  const size_t at = interval.tick - completed_;
  if (at >= pending_.size()) pending_.resize(at + 1);
  Pending& pending = pending_[at];
  pending.begin = interval.begin;
  pending.end = std::max(pending.end, interval.end);
  pending.part.merge(interval.part);
  pending.clients_up += interval.clients_up;
  view_.cpu_shares[shard] = interval.cpu_share;
  if (interval.lateness.p99 >= view_.lateness.p99) view_.lateness = interval.lateness;
  ++pending.shards;
  while (!pending_.empty() && pending_.front().shards == shards_) {
    complete(pending_.front());
    pending_.erase(pending_.begin());
    ++completed_;
  }
  changed_.notify_all();
}

void Progress::complete(const Pending& pending) {
  view_.last = metrics::make_interval(pending.part, pending.begin, pending.end, pending.clients_up);
  view_.latency.merge(pending.part.latency);
  for (size_t i = 0; i < view_.counters.size(); ++i) view_.counters[i] += pending.part.counters[i];
  const bool is_empty_tail = view_.last.seconds < 0.5 && view_.last.sent == 0 && view_.last.received == 0;
  if (!is_empty_tail && intervals_.size() < kIntervalLimit) intervals_.push_back(view_.last);
}

void Progress::finish() {
  const std::lock_guard lock(mutex_);
  is_finished_ = true;
  changed_.notify_all();
}

size_t Progress::wait(size_t seen, std::chrono::nanoseconds patience) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, patience, [&] { return completed_ > seen || is_finished_; });
  return completed_;
}

Progress::View Progress::view() const {
  const std::lock_guard lock(mutex_);
  return view_;
}

std::vector<metrics::Interval> Progress::intervals() const {
  const std::lock_guard lock(mutex_);
  return intervals_;
}

}  // namespace mqtt_sim::engine
