#include "core/broker/retained_feed.hpp"

#include <algorithm>
#include <utility>

#include "core/broker/broker.hpp"
#include "core/broker/connection.hpp"

namespace mqtt_sim::broker {

using protocol::Publish;
using protocol::QoS;
using storage::Delivery;
using storage::Message;

void Broker::send_retained(Session& session, const protocol::SubscribeEntry& entry, uint32_t identifier, Instant now) {
  if (!options_.retain_available) return;
  if (session.retained_feed) return session.retained_feed->add(entry.filter);
  std::vector<Message> messages = retained_.match(entry.filter, now);
  const Subscription to{.session = &session, .identifier = identifier, .options = entry.options};
  size_t sent = 0;
  while (sent < messages.size() && send_one_retained(to, messages[sent], now)) ++sent;
  if (sent == messages.size()) return;
  session.retained_feed = std::make_unique<RetainedFeed>();
  session.retained_feed->filter = entry.filter;
  session.retained_feed->messages = std::move(messages);
  session.retained_feed->next = sent;
}

void Broker::feed_retained(Session& session, Instant now) {
  RetainedFeed& feed = *session.retained_feed;
  while (begin_next_retained(feed, now)) {
    const Subscription& to = session.subscriptions.find(feed.filter)->second;
    const auto current = retained_.find(feed.messages[feed.next].topic(), now);  // it may have been replaced or cleared
    if (current && !send_one_retained(to, *current, now)) return;
    feed.messages[feed.next++] = {};
  }
  session.retained_feed.reset();
}

// Whether there is a next message; if the present subscription has had all of its own, the next subscription begins.
bool Broker::begin_next_retained(RetainedFeed& feed, Instant now) {
  while (feed.is_done()) {
    if (feed.later.empty()) return false;
    feed.filter = std::move(feed.later.extract(feed.later.begin()).value());
    feed.messages = retained_.match(feed.filter, now);
    feed.next = 0;
  }
  return true;
}

// False: no room now.
bool Broker::send_one_retained(const Subscription& to, const Message& message, Instant now) {
  Session& session = *to.session;
  Connection& connection = *session.connection;
  if (!connection.has_room_for_retained(message.size())) {
    connection.expect_drain(now);
    return false;
  }
  const bool asks = forwards_to(session);
  if (asks && !may_forward_retained(session, message.size())) return false;
  if (!asks && retained_qos(to, message) != QoS::at_most_once && !session.make_outgoing().is_open()) return false;
  const auto delivery = make_retained_delivery(to, message, now);
  if (!delivery) return true;
  if (asks) {
    forward(session, *delivery, now);
    return true;
  }
  if (delivery->qos == QoS::at_most_once) {
    connection.send_unnumbered(*delivery, now);
  } else {
    deliver(session, *delivery, now);
  }
  return true;
}

QoS Broker::retained_qos(const Subscription& to, const Message& message) const {
  return options_.upgrade_outgoing_qos ? to.options.qos : std::min(message.qos(), to.options.qos);
}

// Nothing: a rule does not let it go there.
std::optional<Delivery> Broker::make_retained_delivery(const Subscription& to, const Message& message, Instant now) {
  Delivery delivery;
  delivery.message = message;  // [MQTT-3.3.1-6] of 3.1.1
  delivery.qos = retained_qos(to, message);
  delivery.retain = behaviour_.flags_retained;  // [MQTT-3.3.1-8] of 3.1.1
  if (has_rules()) {
    Publish publish = publish_of(delivery);
    Changes changes;
    if (!may_deliver(*to.session, publish, changes, now)) {
      ++stats_.dropped_by_rule;
      return std::nullopt;
    }
    changes.apply(publish);
    delivery.message = rewritten(message, changes, now);
    delivery.qos = publish.qos;
    delivery.retain = publish.retain;
  }
  Grant grant;
  grant.add(to);
  delivery.identifiers = grant.identifiers;
  return delivery;
}

// The client went away before it had read them all: what its session keeps for it are those of QoS 1 and 2.
void Broker::queue_rest_of_retained(Session& session, Instant now) {
  const std::unique_ptr<RetainedFeed> feed = std::move(session.retained_feed);
  Outgoing& outgoing = session.make_outgoing();
  while (begin_next_retained(*feed, now)) {
    const Subscription& to = session.subscriptions.find(feed->filter)->second;
    const auto delivery = make_retained_delivery(to, feed->messages[feed->next++], now);
    if (!delivery) continue;
    if (delivery->qos == QoS::at_most_once && !options_.queue_qos0) {
      ++stats_.dropped_absent;
      continue;
    }
    const size_t size = delivery->message.size();
    if (outgoing.queued() >= options_.max_queued || outgoing.queued_bytes() + size > options_.max_queued_bytes) {
      stats_.dropped_queue_full += feed->messages.size() - feed->next + 1;
      return;  // whatever the drop policy: they push out nothing that is newer
    }
    ++stats_.queued;
    outgoing.push(*delivery);
  }
}

}  // namespace mqtt_sim::broker
