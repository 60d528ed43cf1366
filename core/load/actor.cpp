#include "core/load/actor.hpp"

#include <algorithm>
#include <variant>

#include "core/base/driver.hpp"
#include "core/base/random.hpp"
#include "core/load/fleet.hpp"
#include "core/load/stamp.hpp"

namespace mqtt_sim::load {
namespace {

using metrics::Counter;
using metrics::Metric;

// An unpaced producer whose window has not moved for this long takes what is missing for lost and goes on.
constexpr Duration kWindowPatience = std::chrono::seconds(1);

uint64_t client_seed(const Plan& plan, uint32_t group, uint32_t index) {
  return Random(plan.seed).fork(uint64_t{group} << 32 | index).next();
}

const char* failure_kind(const client::Disconnected& event) {
  switch (event.cause) {
    case client::EndCause::connect_timeout: return "connect_timeout";
    case client::EndCause::stream: break;
    default: return "refused";
  }
  switch (event.close) {
    case CloseReason::no_ports: return "no_ports";
    case CloseReason::descriptors: return "descriptors";
    case CloseReason::refused:
    case CloseReason::unreachable: return "unreachable";
    default: return "refused";
  }
}

std::string describe(const client::Disconnected& event) {
  if (!event.text.empty()) return std::string(event.text);
  if (event.cause == client::EndCause::stream) return to_string(event.close);
  std::string text = client::to_string(event.cause);
  if (is_failure(event.reason)) text += ": " + std::string(protocol::to_string(event.reason));
  return text;
}

}  // namespace

Actor::Actor(Fleet& fleet, uint32_t group, uint32_t index)
    : fleet_(fleet),
      client_(fleet.context_.plan.groups[group].client, client_id_of(fleet.context_.plan.groups[group], index),
              client_seed(fleet.context_.plan, group, index)),
      group_(group),
      index_(index) {
  const Topology& topology = fleet.context_.topology;
  if (plan().publish) {
    publishing_ = std::make_unique<Publishing>();
    publishing_->stream = topology.stream_of(group, index);
  }
  if (!plan().subscribe.empty()) ledger_ = std::make_unique<Ledger>(topology.heard_by(group, index));
}

const GroupPlan& Actor::plan() const { return fleet_.context_.plan.groups[group_]; }

void Actor::board(Driver& driver, const Address& target) { waker_ = &driver.attach(*this, target); }

void Actor::connect_at(Instant at) {
  is_waiting_to_connect_ = true;
  next_due_ = at;
  waker_->wake();
}

void Actor::connect() {
  is_connecting_ = true;
  client_.connect();
  waker_->wake();
}

void Actor::settle_connect() {
  if (!is_connecting_) return;
  is_connecting_ = false;
  fleet_.connect_settled();
}

void Actor::start(Instant now) {
  if (!publishing_) return;
  const PublishPlan& publish = *plan().publish;
  Publishing& own = *publishing_;
  const uint64_t limit = std::min(publish.messages.value_or(UINT32_MAX - 1),
                                  fleet_.writers_[group_]->message_limit(index_).value_or(UINT32_MAX - 1));
  own.planned = limit;
  if (!publish.is_unpaced()) {
    own.schedule = Schedule(publish.rate_per_s, index_, plan().count);
    own.planned = std::min(limit, own.schedule.count_before(fleet_.context_.plan.duration));
    fleet_.status_.planned += own.planned;
  }
  own.last_progress = now;
  plan_next_deadline(now);
  waker_->wake();
}

void Actor::stop_sending() {
  if (!publishing_) return;
  if (!plan().publish->is_unpaced()) fleet_.status_.planned -= publishing_->planned - publishing_->offered;
  publishing_->planned = publishing_->offered;
  next_due_ = kNever;
}

void Actor::finish(Instant now) {
  is_finishing_ = true;
  is_waiting_to_connect_ = false;
  next_due_ = kNever;
  const auto state = client_.state();
  if (state == client::State::idle || state == client::State::closed) {
    ++fleet_.status_.finished;
    return;
  }
  client_.disconnect(now);
  drain_events(now);
  waker_->wake();
}

void Actor::on_open(Waker& waker, const Opening& opening, Instant now) {
  client_.on_open(waker, opening, now);
  drain_events(now);
}

void Actor::on_bytes(ByteView bytes, Instant now) {
  fleet_.recorder_.add(Counter::bytes_in, bytes.size());
  client_.on_bytes(bytes, now);
  drain_events(now);
  if (publishing_ && publishing_->is_waiting) pump(now);
  fleet_.settle(now);
}

void Actor::on_deadline(Instant now) {
  if (const auto due = client_.deadline(); due && *due <= now) {
    client_.on_deadline(now);
    drain_events(now);
  }
  if (next_due_ > now) return;
  if (is_waiting_to_connect_) {
    is_waiting_to_connect_ = false;
    next_due_ = kNever;
    fleet_.ask_to_connect(*this);
    return;
  }
  if (!publishing_) return;
  notice_due(now);
  write_off_stalled_window(now);
  pump(now);
}

void Actor::on_closed(CloseReason reason, Instant now) {
  if (publishing_) {
    fleet_.status_.unwritten -= publishing_->ends.size() - publishing_->first_end;
    publishing_->ends.clear();
    publishing_->first_end = 0;
    publishing_->stream_bytes = 0;
  }
  client_.on_closed(reason, now);
  drain_events(now);
}

void Actor::output_sent(size_t n, Instant now) {
  client_.output_sent(n, now);
  fleet_.recorder_.add(Counter::bytes_out, n);
  if (!publishing_) return;
  Publishing& own = *publishing_;
  own.stream_bytes += n;
  const size_t before = own.first_end;
  while (own.first_end < own.ends.size() && own.ends[own.first_end] <= own.stream_bytes) ++own.first_end;
  const uint64_t written = own.first_end - before;
  if (2 * own.first_end >= own.ends.size()) {
    own.ends.erase(own.ends.begin(), own.ends.begin() + static_cast<std::ptrdiff_t>(own.first_end));
    own.first_end = 0;
  }
  fleet_.status_.unwritten -= written;
  fleet_.recorder_.add(Counter::written, written);
  fleet_.tallies_[group_].written += written;
  if (!own.is_waiting) return;
  pump(now);
  waker_->wake();
}

std::optional<Instant> Actor::deadline() const {
  const auto of_client = client_.deadline();
  if (next_due_ == kNever) return of_client;
  return of_client ? std::min(*of_client, next_due_) : next_due_;
}

void Actor::drain_events(Instant now) {
  while (const auto event = client_.poll_event())
    std::visit([&](const auto& concrete) { handle(concrete, now); }, *event);
}

void Actor::handle(const client::Connected& event, Instant now) {
  settle_connect();
  metrics::Recorder& recorder = fleet_.recorder_;
  recorder.record(Metric::connect, now - event.opening.started);
  recorder.record(Metric::connect_tcp, event.opening.tcp);
  recorder.record(Metric::connect_connack, now - event.connect_sent);
  is_up_ = true;
  ++fleet_.status_.up;
  recorder.add(has_been_ready_ ? Counter::reconnected : Counter::connected);
  if (plan().subscribe.empty()) {
    become_ready();
  } else if (!event.session_present || !has_been_ready_) {
    subscribe(now);
  }
  if (has_been_ready_ && publishing_) pump(now);
}

void Actor::handle(const client::Refused& event, Instant now) {
  fleet_.recorder_.add(Counter::refused);
  std::string text = "broker refused the connection: ";
  text += protocol::to_string(event.reason);
  if (!has_been_ready_ && !has_failed_) {
    has_failed_ = true;
    ++fleet_.status_.failed;
    fleet_.fail("refused", std::move(text), static_cast<uint8_t>(event.reason), now);
  } else {
    fleet_.recorder_.error(text, now, static_cast<uint8_t>(event.reason));
  }
}

void Actor::handle(const client::Disconnected& event, Instant now) {
  settle_connect();
  if (is_up_) --fleet_.status_.up;
  is_up_ = false;
  if (is_finishing_) {
    if (client_.state() == client::State::closed) ++fleet_.status_.finished;
    return;
  }
  if (!event.was_connected) fleet_.recorder_.add(Counter::connect_failed);
  if (event.was_connected) fleet_.recorder_.add(Counter::disconnected);
  if (has_failed_) return;  // what was wrong has been told
  const std::string text = describe(event);
  if (has_been_ready_) return fleet_.recorder_.error(text, now, static_cast<uint8_t>(event.reason));
  has_failed_ = true;
  ++fleet_.status_.failed;
  fleet_.fail(failure_kind(event), text, static_cast<uint8_t>(event.reason), now);
}

void Actor::handle(const client::MessageReceived& event, Instant now) {
  const auto stamp = find_stamp(event.publish);
  metrics::Recorder& recorder = fleet_.recorder_;
  if (!stamp) return recorder.add(Counter::undecodable);
  if (stamp->run != fleet_.context_.run_id || stamp->stream >= fleet_.producers_.size() || !ledger_)
    return recorder.add(Counter::foreign);
  StreamLedger* stream = ledger_->find(stamp->stream);
  if (!stream) return recorder.add(Counter::foreign);
  recorder.add(Counter::delivered);
  if (!stream->receive(stamp->sequence)) return;
  ++fleet_.status_.received;
  ++fleet_.tallies_[group_].received;
  if (stamp->intended >= fleet_.warm_) {
    recorder.record(Metric::latency, now - stamp->intended);
    recorder.record(Metric::latency_uncorrected, now - stamp->sent);
  }
  fleet_.note_arrival(stamp->stream);
}

void Actor::handle(const client::PublishCompleted& event, Instant now) {
  --fleet_.status_.unacknowledged;
  if (is_failure(event.reason)) {
    fleet_.recorder_.add(Counter::publish_failed);
    fleet_.recorder_.error("publish refused: " + std::string(protocol::to_string(event.reason)), now,
                           static_cast<uint8_t>(event.reason));
    return;
  }
  fleet_.recorder_.add(Counter::acknowledged);
  ++fleet_.tallies_[group_].acknowledged;
  const Instant sent = instant_from_ns(static_cast<int64_t>(event.cookie));
  if (sent >= fleet_.warm_) fleet_.recorder_.record(Metric::publish_ack, now - sent);
}

void Actor::handle(const client::PublishDropped&, Instant now) {
  --fleet_.status_.unacknowledged;
  fleet_.recorder_.add(Counter::publish_failed);
  fleet_.recorder_.error("connection lost before the publish was acknowledged", now);
}

void Actor::handle(const client::Subscribed& event, Instant now) {
  fleet_.recorder_.record(Metric::suback, now - request_sent_);
  for (const uint8_t code : event.codes) {
    if (code < 0x80) continue;
    std::string text = "broker refused the subscription: ";
    text += protocol::to_string(static_cast<protocol::ReasonCode>(code));
    if (has_failed_) return;
    has_failed_ = true;
    ++fleet_.status_.failed;
    return fleet_.fail("refused", std::move(text), code, now);
  }
  become_ready();
}

void Actor::handle(const client::Unsubscribed&, Instant) {}

void Actor::subscribe(Instant now) {
  const std::vector<std::string> filters = filters_of(plan(), index_);
  std::vector<protocol::SubscribeEntry> entries;
  for (size_t i = 0; i < filters.size(); ++i) {
    protocol::SubscriptionOptions options;
    options.qos = plan().subscribe[i].qos;
    entries.push_back({filters[i], options});
  }
  request_sent_ = now;
  client_.subscribe(entries, 0, now);
}

void Actor::become_ready() {
  if (has_been_ready_) return;
  has_been_ready_ = true;
  ++fleet_.status_.ready;
}

// Counts what has fallen due, whether or not it can be sent: the time a message waits from here on is the broker's, the
// time before is the generator's own lateness.
void Actor::notice_due(Instant now) {
  if (plan().publish->is_unpaced()) return;
  Publishing& own = *publishing_;
  while (own.offered < own.planned) {
    const Instant intended = fleet_.start_ + own.schedule.offset(own.offered);
    if (intended > now) break;
    if (intended >= fleet_.warm_) fleet_.recorder_.record(Metric::lateness, now - intended);
    ++own.offered;
    ++fleet_.status_.offered;
    ++fleet_.status_.backlog;
    if (now > fleet_.end_) ++fleet_.status_.offered_late;
    fleet_.recorder_.add(Counter::offered);
    ++fleet_.tallies_[group_].offered;
  }
  plan_next_deadline(now);
}

void Actor::plan_next_deadline(Instant now) {
  const Publishing& own = *publishing_;
  if (!plan().publish->is_unpaced()) {
    next_due_ = own.offered < own.planned ? fleet_.start_ + own.schedule.offset(own.offered) : kNever;
  } else if (now >= fleet_.end_ || own.offered >= own.planned) {
    next_due_ = kNever;
  } else {
    next_due_ = own.is_waiting ? own.last_progress + kWindowPatience : std::max(now, fleet_.start_);
  }
}

bool Actor::credit(uint32_t copies) {
  publishing_->arrived += copies;
  if (!publishing_->is_waiting || publishing_->is_listed) return false;
  publishing_->is_listed = true;
  return true;
}

void Actor::go_on(Instant now) {
  publishing_->is_listed = false;
  pump(now);
  waker_->wake();
}

void Actor::pump(Instant now) {
  Publishing& own = *publishing_;
  own.is_waiting = false;
  const uint32_t before = own.sent;
  while (has_more_to_send(now)) {
    if (publish_next(now)) continue;
    own.is_waiting = true;
    break;
  }
  if (!plan().publish->is_unpaced()) return;
  if (own.sent != before) own.last_progress = now;
  plan_next_deadline(now);
}

bool Actor::has_more_to_send(Instant now) const {
  const Publishing& own = *publishing_;
  if (plan().publish->is_unpaced()) return now >= fleet_.start_ && now < fleet_.end_ && own.offered < own.planned;
  return own.sent + own.given_up < own.offered;
}

uint64_t Actor::in_flight_end_to_end() const {
  const uint32_t copies = fleet_.context_.topology.streams()[publishing_->stream].copies;
  return copies == 0 ? 0 : publishing_->sent - std::min<uint64_t>(publishing_->sent, publishing_->arrived / copies);
}

// Hands the next message to the client. False when it has to wait.
bool Actor::publish_next(Instant now) {
  Publishing& own = *publishing_;
  const PublishPlan& publish = *plan().publish;
  if (client_.state() != client::State::connected) return false;
  if (publish.is_unpaced() && in_flight_end_to_end() >= publish.in_flight) return false;
  Stamp stamp;
  stamp.run = fleet_.context_.run_id;
  stamp.stream = own.stream;
  stamp.sequence = own.sent;
  stamp.sent = now;
  stamp.intended = publish.is_unpaced() ? now : fleet_.start_ + own.schedule.offset(own.sent + own.given_up);
  const Content content = fleet_.writers_[group_]->write(stamp, {index_, client_.client_id(), own.sent + own.given_up});
  client::PublishRequest request;
  request.topic = fleet_.context_.topology.streams()[own.stream].topic;
  request.payload = content.payload;
  request.properties = content.properties;
  request.qos = publish.qos;
  request.retain = publish.retain;
  request.cookie = static_cast<uint64_t>(to_ns(now));
  const client::PublishOutcome outcome = client_.publish(request, now);
  const bool is_impossible =
      outcome == client::PublishOutcome::too_large || outcome == client::PublishOutcome::not_supported;
  if (outcome != client::PublishOutcome::accepted && !is_impossible) return false;
  if (publish.is_unpaced()) {
    ++own.offered;
    ++fleet_.status_.offered;
    ++fleet_.tallies_[group_].offered;
    fleet_.recorder_.add(Counter::offered);
  } else {
    --fleet_.status_.backlog;
  }
  if (is_impossible) {
    ++own.given_up;
    fleet_.recorder_.add(Counter::publish_failed);
    fleet_.recorder_.error("the broker does not take such a message (size, QoS or retain)", now);
    return !publish.is_unpaced();  // nothing but the timetable would end this
  }
  own.ends.push_back(own.stream_bytes + client_.output_size());
  ++fleet_.status_.unwritten;
  ++own.sent;
  fleet_.status_.expected += fleet_.context_.topology.streams()[own.stream].copies;
  if (publish.qos != protocol::QoS::at_most_once) ++fleet_.status_.unacknowledged;
  fleet_.note_send(now);
  return true;
}

void Actor::write_off_stalled_window(Instant now) {
  Publishing& own = *publishing_;
  if (!plan().publish->is_unpaced() || !own.is_waiting || now < own.last_progress + kWindowPatience) return;
  const uint32_t copies = fleet_.context_.topology.streams()[own.stream].copies;
  own.arrived = std::max<uint64_t>(own.arrived, uint64_t{own.sent} * copies);
  own.last_progress = now;
}

}  // namespace mqtt_sim::load
