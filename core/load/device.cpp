#include "core/load/device.hpp"

#include <algorithm>
#include <string>
#include <utility>
#include <variant>

#include "core/base/random.hpp"
#include "core/load/end_words.hpp"
#include "core/load/fleet.hpp"

namespace mqtt_sim::load {
namespace {

using metrics::Counter;
using metrics::Metric;

// A script that does not read leaves what comes for it in the socket.
constexpr uint32_t kUnreadMessagesLimit = 10'000;
constexpr uint64_t kUnreadBytesLimit = 64 * 1024 * 1024;

ScriptedOptions options_of(const Plan& plan, uint32_t group, uint32_t index) {
  ScriptedOptions options;
  options.client = plan.groups[group].client;
  options.client_id = client_id_of(plan.groups[group], index);
  options.seed = Random(plan.seed).fork(uint64_t{group} << 32 | index).next();
  options.unread_messages_limit = kUnreadMessagesLimit;
  options.unread_bytes_limit = kUnreadBytesLimit;
  return options;
}

}  // namespace

Device::Device(Fleet& fleet, uint32_t group, uint32_t index, uint64_t number)
    : fleet_(fleet), client_(options_of(fleet.context_.plan, group, index), *this, number), group_(group) {}

const GroupPlan& Device::plan() const { return fleet_.context_.plan.groups[group_]; }

std::string_view Device::close_detail() const { return fleet_.driver_->close_detail(); }

void Device::board(Driver& driver, const Target& target) {
  waker_ = &driver.attach(*this, target);
  if (fleet_.context_.scripts) fleet_.context_.scripts->board(*this);
}

void Device::connect_at(Instant at) {
  connect_due_ = at;
  waker_->wake();
}

void Device::connect() {
  is_connecting_ = true;
  client_.connect(fleet_.driver_->now());
  waker_->wake();
}

void Device::settle_connect() {
  if (std::exchange(is_connecting_, false)) fleet_.connect_settled();
}

void Device::finish() {
  is_finishing_ = true;
  connect_due_ = kNever;
  const auto state = client_.state();
  if (state == client::State::idle || state == client::State::closed) count_as_finished();
}

void Device::count_as_finished() {
  if (!std::exchange(has_finished_, true)) ++fleet_.status_.finished;
}

void Device::order(Order order, Instant now) {
  if (auto* publish = std::get_if<PublishOrder>(&order)) {
    ++fleet_.tallies_[group_].offered;
    if (publish->intended) stamp(*publish, now);
  }
  client_.add(std::move(order), now);
}

// --- the driver's calls

void Device::on_open(Waker& waker, const Opening& opening, Instant now) { client_.on_open(waker, opening, now); }

void Device::on_bytes(ByteView bytes, Instant now) {
  fleet_.recorder_.add(Counter::bytes_in, bytes.size());
  client_.on_bytes(bytes, now);
}

void Device::on_deadline(Instant now) {
  if (connect_due_ <= now) {
    connect_due_ = kNever;
    fleet_.ask_to_connect(*this);
  }
  if (const auto due = client_.deadline(); due && *due <= now) client_.on_deadline(now);
}

void Device::output_sent(size_t n, Instant now) {
  fleet_.recorder_.add(Counter::bytes_out, n);
  client_.output_sent(n, now);
}

std::optional<Instant> Device::deadline() const {
  const Instant due = std::min(client_.deadline().value_or(kNever), connect_due_);
  if (due == kNever) return {};
  return due;
}

// --- what happened

void Device::take(ScriptedClient&, std::vector<Note>& notes) {
  for (Note& one : notes) {
    if (auto* message = std::get_if<MessageNote>(&one)) read_stamp(*message);
    std::visit([this](const auto& concrete) { note(concrete); }, one);
  }
  if (fleet_.context_.scripts) fleet_.context_.scripts->take(*this, notes);
  notes.clear();
}

void Device::on_left(Instant wanted, Instant now) {
  if (wanted >= fleet_.warm_) fleet_.recorder_.record(Metric::device_lateness, std::max(now - wanted, Duration(0)));
}

void Device::note(const ConnectedNote& connected) {
  settle_connect();
  metrics::Recorder& recorder = fleet_.recorder_;
  const Instant now = fleet_.driver_->now();
  const auto record_step = [&](Metric metric, Duration step) {
    if (step > Duration(0)) recorder.record(metric, step);
  };
  recorder.record(Metric::connect, now - connected.opening.started);
  recorder.record(Metric::connect_tcp, connected.opening.tcp);
  record_step(Metric::connect_dns, connected.opening.resolve);
  record_step(Metric::connect_tls, connected.opening.tls);
  record_step(Metric::connect_upgrade, connected.opening.upgrade);
  recorder.record(Metric::connect_connack, now - connected.connect_sent);
  is_up_ = true;
  ++fleet_.status_.up;
  if (std::exchange(has_left_, false)) --fleet_.status_.left;
  recorder.add(has_been_ready_ ? Counter::reconnected : Counter::connected);
  if (!std::exchange(has_been_ready_, true)) ++fleet_.status_.ready;
}

void Device::note(const RefusedNote& refused) {
  fleet_.recorder_.add(Counter::refused);
  fail("refused", "broker refused the connection: " + std::string(protocol::to_string(refused.reason)), refused.reason);
}

void Device::note(const EndedNote& ended) {
  settle_connect();
  if (std::exchange(is_up_, false)) --fleet_.status_.up;
  const End end{ended.cause, ended.close, ended.reason, ended.text};
  const bool is_by_us = ended.cause == client::EndCause::by_us;
  const std::string text = is_by_us ? client::to_string(ended.cause) : describe(end, ended.detail);
  fleet_.recorder_.end(text, fleet_.driver_->now(), static_cast<uint8_t>(ended.reason));
  if (is_finishing_) {
    if (ended.is_final) count_as_finished();
    return;
  }
  if (is_by_us) {
    if (ended.is_final && !std::exchange(has_left_, true)) ++fleet_.status_.left;
    return;
  }
  fleet_.recorder_.add(ended.was_connected ? Counter::disconnected : Counter::connect_failed);
  fail(failure_kind(end), text, ended.reason);
}

void Device::note(const SettledNote& settled) {
  const bool is_acknowledged = settled.how == Settlement::acknowledged && !is_failure(settled.reason);
  if (!is_acknowledged && settled.how != Settlement::written) return;
  GroupTally& tally = fleet_.tallies_[group_];
  ++tally.written;
  if (is_acknowledged) ++tally.acknowledged;
  fleet_.recorder_.add(Counter::device_sent);
}

void Device::note(const MessageNote&) {
  ++fleet_.tallies_[group_].received;
  fleet_.recorder_.add(Counter::device_received);
}

// Before its first connection a device that fails keeps the run from beginning.
void Device::fail(const char* kind, std::string text, protocol::ReasonCode reason) {
  const Instant now = fleet_.driver_->now();
  if (has_been_ready_) return fleet_.recorder_.error(text, now, static_cast<uint8_t>(reason));
  if (std::exchange(has_failed_, true)) return;  // what was wrong has been told
  ++fleet_.status_.failed;
  fleet_.fail(plan(), kind, std::move(text), static_cast<uint8_t>(reason), now);
}

}  // namespace mqtt_sim::load
