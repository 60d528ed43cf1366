#include "core/engine/content_port.hpp"

#include <algorithm>
#include <utility>

namespace mqtt_sim::engine {

ContentPort::ContentPort(const load::Plan& plan, const load::Topology& topology, size_t bytes_limit)
    : is_virtual_(plan.is_virtual), bytes_limit_(bytes_limit), lines_(plan.shards) {
  for (const load::Stream& stream : topology.streams()) shard_of_.push_back(stream.index % plan.shards);
}

void ContentPort::carry(uint32_t shard, Driver& driver, Deliver deliver) {
  const std::lock_guard lock(mutex_);
  lines_[shard].driver = &driver;
  lines_[shard].deliver = std::move(deliver);
}

void ContentPort::close() {
  const std::lock_guard lock(mutex_);
  is_closed_ = true;
  requests_.clear();
  for (Line& line : lines_) line.driver = nullptr;
  asked_.notify_all();
  answered_.notify_all();
}

// --- from whoever composes

std::optional<std::vector<load::ContentRequest>> ContentPort::take(Duration patience) {
  std::unique_lock lock(mutex_);
  const auto is_due = [this] { return is_closed_ || (!requests_.empty() && (is_awaited_ || !is_virtual_)); };
  const bool has_more = asked_.wait_for(lock, patience, is_due);
  if (has_more && !is_virtual_)
    asked_.wait_for(lock, kGatherTime, [this] { return is_closed_ || requested_ >= kBatchLimit; });
  if (is_closed_) return std::nullopt;
  return has_more ? take_batch() : std::vector<load::ContentRequest>();
}

std::vector<load::ContentRequest> ContentPort::take_batch() {
  std::vector<load::ContentRequest> batch;
  uint32_t room = kBatchLimit;
  while (room > 0 && !requests_.empty()) {
    load::ContentRequest& next = requests_.front();
    const uint32_t count = std::min(room, next.count);
    batch.push_back({next.stream, next.first, count, next.asked});
    room -= count;
    requested_ -= count;
    next.first += count;
    next.count -= count;
    if (next.count == 0) requests_.pop_front();
  }
  return batch;
}

bool ContentPort::put(std::vector<load::ComposedContents> batch) {
  size_t bytes = 0;
  for (const load::ComposedContents& one : batch)
    for (const load::ComposedContent& content : one.contents) bytes += content.size();
  if ((bytes_ += bytes) > bytes_limit_) return false;
  const std::lock_guard lock(mutex_);
  if (is_closed_) return true;
  for (load::ComposedContents& one : batch) {
    outstanding_ -= one.contents.size();
    lines_[shard_of_[one.stream]].ready.push_back(std::move(one));
  }
  answered_.notify_all();
  for (Line& line : lines_) {
    if (is_virtual_ || line.ready.empty() || std::exchange(line.is_woken, true)) continue;
    line.driver->post([this, &line] { deliver(line); });
  }
  return true;
}

// --- on the shards' threads

void ContentPort::ask(const load::ContentRequest& request) {
  const std::lock_guard lock(mutex_);
  if (is_closed_) return;
  requests_.push_back(request);
  outstanding_ += request.count;
  const bool was_enough = requested_ >= kBatchLimit;
  requested_ += request.count;
  if (requests_.size() == 1 || (!was_enough && requested_ >= kBatchLimit)) asked_.notify_all();
}

std::vector<load::ComposedContents> ContentPort::await() {
  std::unique_lock lock(mutex_);
  is_awaited_ = true;
  asked_.notify_all();
  answered_.wait(lock, [this] { return is_closed_ || outstanding_ == 0; });
  is_awaited_ = false;
  return std::exchange(lines_.front().ready, {});
}

void ContentPort::deliver(Line& line) {
  std::vector<load::ComposedContents> ready;
  Driver* driver = nullptr;
  {
    const std::lock_guard lock(mutex_);
    line.is_woken = false;
    ready.swap(line.ready);
    driver = line.driver;
  }
  if (driver) line.deliver(std::move(ready), driver->now());
}

}  // namespace mqtt_sim::engine
