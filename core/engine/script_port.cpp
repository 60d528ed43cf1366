#include "core/engine/script_port.hpp"

#include <algorithm>
#include <utility>

#include "core/net/driver.hpp"

namespace mqtt_sim::engine {
namespace {

// Orders of a turn of the script's loop that wait for its end; beyond that its shard looks at them at once.
constexpr size_t kHeldLimit = 64;
constexpr Duration kHoldLimit = std::chrono::milliseconds(1);

bool is_written(const load::Note& note) {
  const auto* settled = std::get_if<load::SettledNote>(&note);
  return settled && settled->how == load::Settlement::written;
}

}  // namespace

ScriptPort::ScriptPort(const load::Plan& plan, Doorbell bell)
    : is_virtual_(plan.is_virtual),
      shard_of_(plan.device_count() + 1),
      devices_(plan.device_count() + 1),
      awaits_written_(plan.device_count() + 1),
      is_stamping_(plan.device_count() + 1),
      lines_(plan.shards),
      batch_(std::move(bell)) {
  uint32_t before = 0;
  for (const load::GroupPlan& group : plan.groups) {
    if (!group.is_scripted) continue;
    for (uint32_t index = 0; index < group.count; ++index) shard_of_[before + index + 1] = index % plan.shards;
    before += group.count;
  }
}

void ScriptPort::carry(uint32_t shard, Driver& driver) {
  const std::lock_guard lock(lines_[shard].mutex);
  lines_[shard].driver = &driver;
}

void ScriptPort::close() {
  for (Line& line : lines_) {
    const std::lock_guard lock(line.mutex);
    line.driver = nullptr;
    line.commands.clear();
  }
}

// --- from the script

void ScriptPort::command(uint64_t device, Work work) { post(device, {device, std::nullopt, std::move(work)}); }

void ScriptPort::order(uint64_t device, load::Order order) {
  if (auto* publish = std::get_if<load::PublishOrder>(&order)) {
    publish->wanted = device == going_on_ ? due_ : now();
    if (device < is_stamping_.size() && is_stamping_[device]) publish->intended = publish->wanted;
  }
  post(device, {device, std::move(order), {}});
}

void ScriptPort::go_on(uint64_t device, Instant due) {
  going_on_ = device;
  due_ = due;
}

void ScriptPort::end_turn() {
  going_on_ = 0;
  if (std::exchange(held_since_, kNever) == kNever) return;
  for (Line& line : lines_) {
    const std::lock_guard lock(line.mutex);
    if (!line.commands.empty()) wake(line);
  }
}

void ScriptPort::post(uint64_t device, Command command) {
  if (device >= shard_of_.size()) return;
  const Instant ordered = now();
  held_since_ = std::min(held_since_, ordered);
  Line& line = lines_[shard_of_[device]];
  const std::lock_guard lock(line.mutex);
  if (!line.driver) return;
  line.commands.push_back(std::move(command));
  if (line.commands.size() < kHeldLimit && ordered - held_since_ < kHoldLimit) return;
  held_since_ = ordered;
  wake(line);
}

// With its mutex.
void ScriptPort::wake(Line& line) {
  if (!line.driver || std::exchange(line.is_woken, true)) return;
  line.driver->post([this, &line] { run_commands(line); });
}

void ScriptPort::await_written(uint64_t device) {
  if (device < awaits_written_.size()) awaits_written_[device] = true;
}

void ScriptPort::set_stamping(uint64_t device, bool is_on) {
  if (device < is_stamping_.size()) is_stamping_[device] = is_on;
}

// In virtual time the script's thread drives the run.
Instant ScriptPort::now() const {
  if (is_virtual_ && lines_.front().driver) return lines_.front().driver->now();
  return net::NetDriver::clock();
}

ScriptPort::Stage ScriptPort::stage() const {
  const std::lock_guard lock(stage_mutex_);
  return stage_;
}

// --- on the shards' threads

void ScriptPort::run_commands(Line& line) {
  Driver* driver = nullptr;
  {
    const std::lock_guard lock(line.mutex);
    line.is_woken = false;
    line.running.swap(line.commands);
    driver = line.driver;
  }
  for (Command& command : line.running) {
    load::Device* device = devices_[command.device];
    if (!device || !driver) continue;
    if (command.order) {
      device->order(std::move(*command.order), driver->now());
    } else {
      command.work(device->client(), driver->now());
    }
    device->wake();
  }
  line.running.clear();
}

void ScriptPort::board(load::Device& device) { devices_[device.number()] = &device; }

void ScriptPort::take(load::Device& device, std::vector<load::Note>& notes) {
  const bool is_quiet = !awaits_written_[device.number()] && std::ranges::all_of(notes, is_written);
  batch_.put(device.number(), notes, Inbox(), is_quiet);
  if (!is_quiet) tell();
}

void ScriptPort::enter(Phase phase, Instant start) {
  {
    const std::lock_guard lock(stage_mutex_);
    stage_ = {phase, start};
  }
  batch_.wake();
  tell();
}

void ScriptPort::tell() {
  if (is_virtual_ && lines_.front().driver) lines_.front().driver->stop();
}

}  // namespace mqtt_sim::engine
