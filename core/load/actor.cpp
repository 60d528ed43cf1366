#include "core/load/actor.hpp"

#include <algorithm>
#include <utility>
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
    plan_messages();
  }
  if (plan().subscribe.empty()) return;
  ledger_ = std::make_unique<Ledger>(topology.heard_by(group, index));
  for (const uint32_t share : topology.shares_of(group, index)) ledger_->join(fleet.shares_[share]);
}

const GroupPlan& Actor::plan() const { return fleet_.context_.plan.groups[group_]; }

void Actor::board(Driver& driver, const Target& target) {
  waker_ = &driver.attach(*this, target);
  if (publishing_ && publishing_->shelf) ask_for_contents(driver.now());
}

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

void Actor::plan_messages() {
  const PublishPlan& publish = *plan().publish;
  Publishing& own = *publishing_;
  const uint64_t limit = std::min(publish.messages.value_or(UINT32_MAX - 1),
                                  fleet_.writers_[group_]->message_limit(index_).value_or(UINT32_MAX - 1));
  own.planned = limit;
  if (!publish.is_unpaced()) {
    own.schedule = Schedule(publish.rate_per_s, index_, plan().count);
    own.planned = std::min(limit, own.schedule.count_before(fleet_.context_.plan.duration));
  }
  fleet_.status_.unsaid += own.planned;
  if (!publish.is_composed() || !fleet_.context_.contents || own.planned == 0) return;
  own.shelf = std::make_unique<ContentShelf>(own.stream, ContentShelf::ahead_of(fleet_.context_.plan, publish));
  if (!fleet_.context_.plan.is_virtual) ++fleet_.status_.uncomposed;  // virtual time waits when it has to
}

void Actor::start(Instant now) {
  if (!publishing_) return;
  Publishing& own = *publishing_;
  if (!plan().publish->is_unpaced()) fleet_.status_.planned += own.planned;
  own.last_progress = now;
  plan_next_deadline(now);
  waker_->wake();
}

void Actor::stop_sending() {
  if (!publishing_) return;
  note_uncomposed(fleet_.driver_->now());
  const uint64_t never = publishing_->planned - publishing_->offered;
  if (!plan().publish->is_unpaced()) fleet_.status_.planned -= never;
  fleet_.status_.unsaid -= never;
  publishing_->planned = publishing_->offered;
  next_due_ = kNever;
}

void Actor::finish(Instant now) {
  if (publishing_) note_uncomposed(now);
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
  if (suback_due_ <= now) give_up_subscribing(now);
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
    const size_t unwritten = publishing_->ends.size() - publishing_->first_end;
    fleet_.status_.unwritten -= unwritten;
    // Above QoS 0 the client keeps them for its session.
    if (plan().publish->qos == protocol::QoS::at_most_once) fleet_.recorder_.add(Counter::unsent, unwritten);
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
  const Instant own = std::min(next_due_, suback_due_);
  if (own == kNever) return of_client;
  return of_client ? std::min(*of_client, own) : own;
}

// Counts what has fallen due, whether or not it can be sent: the time a message waits from here on is the broker's, the
// time before is the generator's own lateness.
void Actor::notice_due(Instant now) {
  if (plan().publish->is_unpaced()) return;
  Publishing& own = *publishing_;
  while (own.offered < own.planned) {
    const Instant intended = fleet_.start_ + own.schedule.offset(own.offered);
    if (intended > now || !is_composed(own.offered, now)) break;
    if (own.lacks_content && intended < now) ++fleet_.tallies_[group_].content_late;
    if (intended >= fleet_.warm_) fleet_.recorder_.record(Metric::lateness, now - intended);
    ++own.offered;
    --fleet_.status_.unsaid;
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
  if (own.lacks_content) {
    next_due_ = kNever;  // contents wake us
  } else if (!plan().publish->is_unpaced()) {
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

bool Actor::has_more_to_send(Instant now) {
  const Publishing& own = *publishing_;
  if (plan().publish->is_unpaced())
    return now >= fleet_.start_ && now < fleet_.end_ && own.offered < own.planned && is_composed(own.offered, now);
  return own.sent + own.given_up < own.offered;
}

uint64_t Actor::in_flight_end_to_end() const {
  const Publishing& own = *publishing_;
  uint32_t copies = fleet_.context_.topology.streams()[own.stream].copies;
  if (own.copies > 0) copies = std::max(1u, static_cast<uint32_t>(own.copies / own.sent));  // in the middle
  return copies == 0 ? 0 : own.sent - std::min<uint64_t>(own.sent, own.arrived / copies);
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
  const ComposedContent* composed = own.shelf ? &own.shelf->front() : nullptr;
  const Content content =
      fleet_.writers_[group_]->write(stamp, {index_, client_.client_id(), own.sent + own.given_up, composed});
  client::PublishRequest request;
  request.topic = publish.has_composed_topic ? composed->topic : fleet_.context_.topology.streams()[own.stream].topic;
  request.payload = content.payload;
  request.properties = content.properties;
  request.qos = publish.qos;
  request.retain = publish.retain;
  request.cookie = static_cast<uint64_t>(to_ns(now));
  const client::PublishOutcome outcome = client_.publish(request, now);
  const bool is_impossible = client::is_refusal(outcome);
  if (outcome != client::PublishOutcome::accepted && !is_impossible) return false;
  if (publish.is_unpaced()) {
    ++own.offered;
    --fleet_.status_.unsaid;
    ++fleet_.status_.offered;
    ++fleet_.tallies_[group_].offered;
    fleet_.recorder_.add(Counter::offered);
  } else {
    --fleet_.status_.backlog;
  }
  const uint32_t copies = is_impossible ? 0 : take_copies();
  if (own.shelf) drop_content(now);
  if (is_impossible) {
    ++own.given_up;
    fleet_.recorder_.add(Counter::publish_failed);
    fleet_.recorder_.error(std::string("the broker does not take such a message: ") + client::to_string(outcome), now);
    return !publish.is_unpaced();  // nothing but the timetable would end this
  }
  own.ends.push_back(own.stream_bytes + client_.output_size());
  ++fleet_.status_.unwritten;
  ++own.sent;
  fleet_.status_.expected += copies;
  if (publish.qos != protocol::QoS::at_most_once) ++fleet_.status_.unacknowledged;
  fleet_.note_send(now);
  return true;
}

void Actor::write_off_stalled_window(Instant now) {
  Publishing& own = *publishing_;
  if (!plan().publish->is_unpaced() || !own.is_waiting || now < own.last_progress + kWindowPatience) return;
  const uint64_t copies = uint64_t{own.sent} * fleet_.context_.topology.streams()[own.stream].copies;
  own.arrived = std::max(own.arrived, copies + own.copies);
  own.last_progress = now;
}

}  // namespace mqtt_sim::load
