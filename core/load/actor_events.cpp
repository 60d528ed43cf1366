// What an actor makes of what its client tells: counts, latencies, subscriptions, and the name of every end.
#include <algorithm>
#include <utility>
#include <variant>

#include "core/base/driver.hpp"
#include "core/load/actor.hpp"
#include "core/load/end_words.hpp"
#include "core/load/fleet.hpp"
#include "core/load/sparse_ledger.hpp"
#include "core/load/stamp.hpp"

namespace mqtt_sim::load {
namespace {

using metrics::Counter;
using metrics::Metric;

End end_of(const client::Disconnected& event) { return {event.cause, event.close, event.reason, event.text}; }

// Where a server that does not want us sends us.
std::string redirection(const protocol::PropertyList& properties) {
  const std::string_view there = client::server_reference_of(properties);
  return there.empty() ? std::string() : ", server reference " + std::string(beginning_of(there));
}

}  // namespace

void Actor::drain_events(Instant now) {
  while (const auto event = client_.poll_event())
    std::visit([&](const auto& concrete) { handle(concrete, now); }, *event);
}

void Actor::handle(const client::Connected& event, Instant now) {
  settle_connect();
  metrics::Recorder& recorder = fleet_.recorder_;
  recorder.record(Metric::connect, now - event.opening.started);
  recorder.record(Metric::connect_tcp, event.opening.tcp);
  const auto record_step = [&](Metric metric, Duration step) {
    if (step > Duration(0)) recorder.record(metric, step);
  };
  record_step(Metric::connect_dns, event.opening.resolve);
  record_step(Metric::connect_tls, event.opening.tls);
  record_step(Metric::connect_upgrade, event.opening.upgrade);
  recorder.record(Metric::connect_connack, now - event.connect_sent);
  note_words("CONNACK", event.properties, protocol::ReasonCode::success, now);
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
  text += redirection(event.properties);
  note_words("CONNACK", event.properties, event.reason, now);
  if (!has_been_ready_ && !has_failed_) {
    has_failed_ = true;
    ++fleet_.status_.failed;
    fleet_.fail(plan(), "refused", std::move(text), static_cast<uint8_t>(event.reason), now);
  } else {
    fleet_.recorder_.error(text, now, static_cast<uint8_t>(event.reason));
  }
}

void Actor::handle(const client::Disconnected& event, Instant now) {
  settle_connect();
  if (is_up_) --fleet_.status_.up;
  is_up_ = false;
  suback_due_ = kNever;
  note_end(event, now);
  if (is_finishing_) {
    if (client_.state() == client::State::closed) ++fleet_.status_.finished;
    return;
  }
  if (!event.was_connected) fleet_.recorder_.add(Counter::connect_failed);
  if (event.was_connected) fleet_.recorder_.add(Counter::disconnected);
  if (has_failed_) return;  // what was wrong has been told
  const std::string text = describe(end_of(event), fleet_.driver_->close_detail()) + redirection(event.properties);
  if (has_been_ready_) return fleet_.recorder_.error(text, now, static_cast<uint8_t>(event.reason));
  has_failed_ = true;
  ++fleet_.status_.failed;
  fleet_.fail(plan(), failure_kind(end_of(event)), text, static_cast<uint8_t>(event.reason), now);
}

// Every end by its name: the cause, and beside it what is known of it.
void Actor::note_end(const client::Disconnected& event, Instant now) {
  using client::EndCause;
  std::string text = client::to_string(event.cause);
  if (event.cause == EndCause::server_disconnect && !event.was_connected) {
    text += ": refused by CONNACK: " + std::string(protocol::to_string(event.reason));
  } else if (event.cause != EndCause::by_us) {
    text += ": " + describe(end_of(event), fleet_.driver_->close_detail());
  }
  fleet_.recorder_.end(text + redirection(event.properties), now, static_cast<uint8_t>(event.reason));
  if (event.was_connected) note_words("DISCONNECT", event.properties, event.reason, now);
  fleet_.recorder_.add(Counter::unexpected_acks, client_.unexpected_acks() - unexpected_acks_);
  unexpected_acks_ = client_.unexpected_acks();
}

// What the server said in its own words, if anything.
void Actor::note_words(std::string_view packet, const protocol::PropertyList& properties, protocol::ReasonCode reason,
                       Instant now) {
  const std::string_view words = client::reason_string_of(properties);
  if (words.empty()) return;
  const std::string text = std::string(packet) + ": " + std::string(beginning_of(words));
  fleet_.recorder_.quote(text, now, static_cast<uint8_t>(reason));
}

void Actor::handle(const client::AuthReceived&, Instant) {}

void Actor::handle(const client::MessageReceived& event, Instant now) {
  const auto stamp = find_stamp(event.publish);
  metrics::Recorder& recorder = fleet_.recorder_;
  if (!stamp) return recorder.add(Counter::undecodable);
  if (stamp->run != fleet_.context_.run_id) return recorder.add(Counter::foreign);
  const size_t streams = fleet_.producers_.size();
  if (stamp->stream >= streams && stamp->stream - streams < fleet_.context_.plan.device_count()) {
    ++fleet_.tallies_[group_].received;
    return fleet_.note_stamped(*stamp, now);
  }
  const std::optional<bool> is_new = hear(*stamp);
  if (!is_new) return recorder.add(Counter::foreign);
  recorder.add(Counter::delivered);
  if (!*is_new) return;
  ++fleet_.status_.received;
  ++fleet_.tallies_[group_].received;
  if (stamp->intended >= fleet_.warm_) {
    recorder.record(Metric::latency, now - stamp->intended);
    recorder.record(Metric::latency_uncorrected, now - stamp->sent);
  }
  fleet_.note_arrival(stamp->stream);
}

std::optional<bool> Actor::hear(const Stamp& stamp) {
  if (stamp.stream >= fleet_.producers_.size() || !ledger_) return std::nullopt;
  if (fleet_.context_.topology.has_own_topics(stamp.stream))
    return ledger_->sparse(stamp.stream).receive(stamp.sequence);
  return ledger_->receive(stamp.stream, stamp.sequence);
}

void Actor::handle(const client::PublishCompleted& event, Instant now) {
  --fleet_.status_.unacknowledged;
  note_words(event.qos == protocol::QoS::at_least_once ? "PUBACK" : "PUBREC or PUBCOMP", event.properties, event.reason,
             now);
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
  if (is_finishing_) return fleet_.recorder_.add(Counter::unacknowledged);
  fleet_.recorder_.add(Counter::publish_failed);
  fleet_.recorder_.error("connection lost before the publish was acknowledged", now);
}

void Actor::handle(const client::Subscribed& event, Instant now) {
  suback_due_ = kNever;
  fleet_.recorder_.record(Metric::suback, now - request_sent_);
  note_words("SUBACK", event.properties, protocol::ReasonCode::success, now);
  for (const uint8_t code : event.codes) {
    if (code < 0x80) continue;
    std::string text = "broker refused the subscription: ";
    text += protocol::to_string(static_cast<protocol::ReasonCode>(code));
    if (has_failed_) return;
    has_failed_ = true;
    ++fleet_.status_.failed;
    return fleet_.fail(plan(), "refused", std::move(text), code, now);
  }
  become_ready();
}

void Actor::handle(const client::Unsubscribed&, Instant) {}

void Actor::subscribe(Instant now) {
  const std::vector<std::string> filters = filters_of(plan(), index_);
  std::vector<protocol::SubscribeEntry> entries;
  for (size_t i = 0; i < filters.size(); ++i) entries.push_back({filters[i], plan().subscribe[i].options});
  protocol::PropertyWriter properties;
  if (const uint32_t identifier = plan().subscription_identifier; identifier > 0)
    properties.number(protocol::PropertyId::subscription_identifier, identifier);
  request_sent_ = now;
  suback_due_ = now + plan().client.connect_timeout;
  client_.subscribe(entries, 0, now, properties.list());
}

void Actor::give_up_subscribing(Instant now) {
  suback_due_ = kNever;
  constexpr std::string_view kText = "no answer to SUBSCRIBE in time";
  if (has_been_ready_) return fleet_.recorder_.error(kText, now);
  if (std::exchange(has_failed_, true)) return;
  ++fleet_.status_.failed;
  fleet_.fail(plan(), "subscribe_timeout", std::string(kText), 0, now);
}

void Actor::become_ready() {
  if (has_been_ready_) return;
  has_been_ready_ = true;
  ++fleet_.status_.ready;
}

}  // namespace mqtt_sim::load
