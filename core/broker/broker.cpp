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
    : options_(without_zeros(std::move(options))),
      store_(store),
      random_(seed),
      routes_(index_, options_),
      retained_(store, options_),
      sessions_(store, index_, options_, stats_) {}

Broker::~Broker() = default;

Endpoint* Broker::on_accept(const Peer&, Instant now) {
  if (is_shutting_down_ || connections_.size() >= options_.max_connections) {
    ++stats_.refused_connections;
    return nullptr;
  }
  ++stats_.connections_total;
  connections_.push_back(std::make_unique<Connection>(*this, connections_.size(), now));
  return connections_.back().get();
}

void Broker::release(Endpoint& endpoint) {
  const size_t place = static_cast<Connection&>(endpoint).place();
  MQTT_SIM_ASSERT(place < connections_.size() && connections_[place].get() == &endpoint);
  std::swap(connections_[place], connections_.back());
  connections_[place]->set_place(place);
  connections_.pop_back();
}

std::optional<Instant> Broker::deadline() const { return sessions_.next_due(); }

void Broker::on_deadline(Instant now) {
  while (Session* session = sessions_.find_due(now)) {
    if (session->expires <= now) {  // [MQTT-4.1.0-2]
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

ReasonCode Broker::route(const Publish& publish, const Session* publisher, Instant now) {
  if (has_rules()) {
    const Verdict verdict = ask_rules({.kind = EventKind::publish,
                                       .client_id = publisher ? std::string_view(publisher->client_id) : "",
                                       .user_name = publisher ? publisher->user_name_view() : std::nullopt,
                                       .topic = publish.topic,
                                       .payload = publish.payload,
                                       .qos = publish.qos,
                                       .retain = publish.retain},
                                      now);
    if (verdict.action == Verdict::Action::drop) {
      ++stats_.dropped_by_rule;
      return ReasonCode::success;
    }
    if (verdict.action == Verdict::Action::refuse) {
      ++stats_.refused_publishes;
      return verdict.reason;
    }
  }
  const Route& route = routes_.find(publish.topic);
  ReasonCode reason = route.refusal;
  if (publish.retain && !is_failure(reason)) reason = retained_.keep(publish, now);
  if (is_failure(reason)) {
    ++stats_.refused_publishes;
    return reason;
  }
  const size_t matched = FanOut(*this, publish, publisher, now).send(route);
  return matched > 0 ? ReasonCode::success : ReasonCode::no_matching_subscribers;
}

void Broker::deliver(Session& session, Delivery delivery, Instant now) {
  if (!session.connection) {  // [MQTT-3.1.2-5] of 3.1.1, [MQTT-4.5.0-1]
    if (!session.is_kept) {
      ++stats_.dropped_session_end;
    } else if (!sessions_.append(session, std::move(delivery))) {
      ++stats_.dropped_queue_full;
    }
    return;
  }
  Connection& connection = *session.connection;
  Outgoing& outgoing = session.make_outgoing();
  if (outgoing.is_open() && connection.has_room_for(delivery.message.size())) {
    return connection.send_delivery(outgoing.open(std::move(delivery)), false, now);
  }
  if (outgoing.queued() >= options_.max_queued ||
      outgoing.queued_bytes() + delivery.message.size() > options_.max_queued_bytes) {
    ++stats_.dropped_queue_full;
    return;
  }
  outgoing.push(std::move(delivery));
}

void Broker::send_retained(Session& session, const protocol::SubscribeEntry& entry, uint32_t identifier, Instant now) {
  Grant grant;
  grant.add({.session = &session, .identifier = identifier, .options = entry.options});
  retained_.match(entry.filter, now, [&](const Message& message) {
    Publish publish;
    publish.qos = std::min(message.qos(), entry.options.qos);
    publish.retain = true;  // [MQTT-3.3.1-8] of 3.1.1
    publish.topic = message.topic();
    publish.properties = message.properties();
    publish.payload = message.payload();
    if (has_rules() && !may_deliver(session, publish, publish.qos, now)) return;
    if (publish.qos != QoS::at_most_once) {
      deliver(session, {.message = message, .identifiers = grant.identifiers, .qos = publish.qos, .retain = true}, now);
    } else if (session.connection) {
      session.connection->send_at_most_once(
          publish, {.expires = message.expires(), .identifiers = grant.identifiers.view()}, now);
    }
  });
}

void Broker::leave(Session& session, bool with_will, Instant now) {
  session.connection = nullptr;
  --stats_.clients;
  if (!with_will || is_shutting_down_) session.will.reset();
  if (session.expiry_s == 0) return end(session, now);  // [MQTT-3.1.2-6] of 3.1.1
  const bool is_delayed = session.will && session.will->delay_s > 0;
  if (is_delayed) session.will_due = now + std::chrono::seconds(session.will->delay_s);
  sessions_.keep(session, now);  // [MQTT-3.1.2-23]
  if (!is_delayed) publish_will(session, now);
}

void Broker::end(Session& session, Instant now) {
  publish_will(session, now);  // [MQTT-3.1.2-8]: also when the session ends before the delay has passed
  sessions_.end(session);
}

void Broker::publish_will(Session& session, Instant now) {
  if (!session.will) return;
  const std::unique_ptr<StoredWill> will = std::move(session.will);  // [MQTT-3.1.2-10]
  ++stats_.wills;
  route(will->publish(), &session, now);
}

Verdict Broker::ask_rules(const Event& event, Instant now) {
  for (Rule* rule : options_.rules) {
    const Verdict verdict = rule->on_event(event, now);
    if (verdict.action != Verdict::Action::pass) return verdict;
  }
  return Verdict::pass();
}

bool Broker::may_deliver(const Session& session, const Publish& publish, QoS qos, Instant now) {
  const Verdict verdict = ask_rules({.kind = EventKind::deliver,
                                     .client_id = session.client_id,
                                     .user_name = session.user_name_view(),
                                     .topic = publish.topic,
                                     .payload = publish.payload,
                                     .qos = qos,
                                     .retain = publish.retain},
                                    now);
  if (verdict.action == Verdict::Action::pass) return true;
  ++stats_.dropped_by_rule;
  return false;
}

}  // namespace mqtt_sim::broker
