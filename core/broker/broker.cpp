#include "core/broker/broker.hpp"

#include <algorithm>
#include <utility>

#include "core/broker/connection.hpp"
#include "core/broker/fan_out.hpp"

namespace mqtt_sim::broker {

using protocol::Publish;
using protocol::QoS;
using protocol::ReasonCode;
using storage::Delivery;
using storage::Message;

namespace {

// Streams beyond the number of connections that may be there, so that one client too many is told so.
constexpr uint64_t kSlack = 64;

// The standard has no such zeros, and no message would ever flow.
BrokerOptions without_zeros(BrokerOptions options) {
  options.max_packet_size = std::clamp(options.max_packet_size, 1u, protocol::Framer::kLargestPacket);
  options.receive_maximum = std::max<uint16_t>(options.receive_maximum, 1);
  options.max_inflight = std::max<uint16_t>(options.max_inflight, 1);
  options.max_inflight_below_v5 = std::max<uint16_t>(options.max_inflight_below_v5, 1);
  return options;
}

}  // namespace

Broker::Broker(BrokerOptions options, storage::Store& store, uint64_t seed)
    : options_(with_profile(without_zeros(std::move(options)))),
      behaviour_(behaviour_of(options_)),
      store_(store),
      random_(seed),
      routes_(index_, options_),
      retained_(store, options_, stats_),
      sessions_(store, index_, options_, stats_),
      sys_topics_(options_.sys_interval),
      default_listener_(*this, {}),
      is_overseen_(has_rules()) {}

Broker::~Broker() = default;

Listener& Broker::add_listener(ListenerOptions options) {
  return *listeners_.emplace_back(std::make_unique<Listener>(*this, std::move(options)));
}

Endpoint* Broker::on_accept(const Peer& peer, Instant now) { return default_listener_.on_accept(peer, now); }

Endpoint* Broker::accept(Listener& listener, const Peer& peer, Instant now) {
  if (is_shutting_down_ || connections_.size() >= options_.max_connections + kSlack ||
      listener.streams >= listener.options().max_connections + kSlack) {
    ++stats_.refused_connections;
    return nullptr;
  }
  if (stats_.half_open >= options_.max_half_open) {
    ++stats_.refused_half_open;
    return nullptr;
  }
  ++stats_.connections_total;
  ++stats_.half_open;
  ++listener.streams;
  connections_.push_back(std::make_unique<Connection>(*this, listener, peer, connections_.size(), now));
  return connections_.back().get();
}

void Broker::release(Endpoint& endpoint) {
  const size_t place = static_cast<Connection&>(endpoint).place();
  MQTT_SIM_ASSERT(place < connections_.size() && connections_[place].get() == &endpoint);
  --connections_[place]->listener().streams;
  std::swap(connections_[place], connections_.back());
  connections_[place]->set_place(place);
  connections_.pop_back();
}

std::optional<Instant> Broker::deadline() const {
  const Instant question_due = questions_.empty() ? kNever : questions_.begin()->second.due;
  const Instant next =
      std::min({sessions_.next_due().value_or(kNever), retained_.next_due(), sys_topics_.due(), question_due});
  return next == kNever ? std::nullopt : std::optional(next);
}

void Broker::on_deadline(Instant now) {
  retained_.sweep(now);
  if (sys_topics_.due() <= now) tell_sys_topics(now);
  answer_overdue(now);
  while (Session* session = sessions_.find_due(now)) {
    if (session->expires <= now) {  // [MQTT-4.1.0-2]
      ++stats_.sessions_expired;
      end(*session, now);
      continue;
    }
    session->will_due = kNever;
    sessions_.reschedule(*session);
    publish_will(*session, now);  // [MQTT-3.1.2-8]
  }
}

void Broker::shutdown(Instant now) {
  is_shutting_down_ = true;
  for (const auto& connection : connections_) connection->shut_down(now);
}

Stats Broker::stats() const {
  Stats stats = stats_;
  stats.connections = connections_.size();
  stats.sessions = sessions_.size();
  stats.subscriptions = index_.size();
  stats.shared_subscriptions = index_.shared_size();
  stats.retained = store_.retained_count();
  stats.retained_bytes = store_.retained_bytes();
  return stats;
}

std::string Broker::assign_client_id() {
  constexpr std::string_view kDigits = "0123456789abcdef";
  for (;;) {
    std::string id = "auto-";
    for (uint64_t bits = random_.next(), i = 0; i < 16; ++i, bits >>= 4) id += kDigits[bits & 15];
    if (!sessions_.find(id)) return id;  // [MQTT-3.2.2-16]
  }
}

Broker::Routed Broker::route_by_rules(const Publish& original, const Session* publisher, Instant now, bool is_will) {
  Event event{.kind = EventKind::publish,
              .client_id = publisher ? std::string_view(publisher->client_id) : "",
              .user_name = publisher ? publisher->user_name_view() : std::nullopt,
              .topic = original.topic,
              .payload = original.payload,
              .qos = original.qos,
              .retain = original.retain,
              .is_will = is_will};
  Changes changes;
  const Verdict verdict = ask_rules(event, changes, now);
  switch (verdict.action) {
    case Verdict::Action::drop: ++stats_.dropped_by_rule; return {ReasonCode::success};
    case Verdict::Action::refuse:
      ++stats_.refused_publishes;
      return {verdict.reason, behaviour_.closes_on_refused_publish};
    case Verdict::Action::close: ++stats_.refused_publishes; return {verdict.reason, true};
    default: break;
  }
  Publish publish = original;
  changes.apply(publish);
  const ReasonCode reason = send_to_subscribers(publish, publisher, now);
  if (is_watching(NoticeKind::published) && !is_failure(reason)) tell_published(publish, publisher, now);
  return {reason};
}

ReasonCode Broker::send_to_subscribers(const Publish& publish, const Session* publisher, Instant now) {
  const Route& route = routes_.find(publish.topic);
  ReasonCode reason = route.refusal;
  if (reason == ReasonCode::not_authorized && !publisher) reason = ReasonCode::success;  // the owner may tell anything
  if (reason == ReasonCode::topic_name_invalid) {
    const bool is_long = publish.topic.size() > options_.max_topic_length;
    ++(is_long ? stats_.refused_topic_lengths : stats_.refused_topic_levels);
  } else if (!is_failure(reason) && publish.retain && options_.retain_available) {  // [MQTT-3.3.1-8]
    reason = retained_.keep(publish, now);
  }
  if (is_failure(reason)) {
    ++stats_.refused_publishes;
    return reason;
  }
  const size_t matched = FanOut(*this, publish, publisher, now).send(route);
  return matched > 0 ? ReasonCode::success : ReasonCode::no_matching_subscribers;
}

void Broker::leave(Session& session, bool with_will, Instant now) {
  leaving_ = std::exchange(session.connection, nullptr);
  --stats_.clients;
  if (session.forwarding) end_forwarding(session, now);
  conclude(session, with_will, now);
  leaving_ = nullptr;
}

void Broker::conclude(Session& session, bool with_will, Instant now) {
  if (!with_will || is_shutting_down_) session.will.reset();
  if (session.expiry_s == 0) return end(session, now);  // [MQTT-3.1.2-6] of 3.1.1
  const bool is_delayed = session.will && session.will->delay_s > 0;
  if (is_delayed) session.will_due = now + std::chrono::seconds(session.will->delay_s);
  if (session.retained_feed) queue_rest_of_retained(session, now);
  sessions_.keep(session, now);  // [MQTT-3.1.2-23], [MQTT-4.1.0-1]
  if (!is_delayed) publish_will(session, now);
}

void Broker::end(Session& session, Instant now) {
  publish_will(session, now);  // [MQTT-3.1.2-8]: also when the session ends before the delay has passed
  sessions_.end(session);
}

// [MQTT-3.1.2-8] of 3.1.1
void Broker::publish_will(Session& session, Instant now) {
  if (!session.will) return;
  const std::unique_ptr<StoredWill> will = std::move(session.will);  // [MQTT-3.1.2-10]
  ++stats_.wills;
  route(will->publish(), &session, now, true);
}

// They go where messages go, but by no rule of publishing, and what is retained of them is in no store.
void Broker::tell_sys_topics(Instant now) {
  const Stats stats = this->stats();
  const Waiting waiting = stats.queued > 0 ? sessions_.waiting() : Waiting{};
  sys_topics_.update(stats, waiting, now, [&](std::string_view topic, std::string_view text) {
    Publish publish;
    publish.topic = topic;
    publish.payload = as_bytes(text);
    publish.retain = true;
    retained_.keep_own(publish, now);
    FanOut(*this, publish, nullptr, now).send(routes_.find(topic));
    if (is_watching(NoticeKind::sys_published)) tell({.kind = NoticeKind::sys_published, .publish = &publish}, now);
  });
}

bool Broker::may_deliver(const Session& session, const Publish& publish, Changes& changes, Instant now) {
  Event event{.kind = EventKind::deliver,
              .client_id = session.client_id,
              .user_name = session.user_name_view(),
              .topic = publish.topic,
              .payload = publish.payload,
              .qos = publish.qos,
              .retain = publish.retain};
  return ask_rules(event, changes, now).action == Verdict::Action::pass;
}

bool Broker::vouches_for_users() const { return std::ranges::any_of(options_.rules, &Rule::vouches_for_users); }

Authenticator* Broker::find_authenticator(std::string_view method) const {
  const auto found = std::ranges::find(options_.authenticators, method, &Authenticator::method);
  return found == options_.authenticators.end() ? nullptr : *found;
}

}  // namespace mqtt_sim::broker
