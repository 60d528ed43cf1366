// What a connection tells the witness, and what the owner does to it by hand.
#include "core/base/assert.hpp"
#include "core/broker/broker.hpp"
#include "core/broker/connection.hpp"

namespace mqtt_sim::broker {

using protocol::ReasonCode;

ClientFacts Connection::facts() const {
  ClientFacts facts{.listener = listener_.options().name, .version = version_, .keep_alive_s = keep_alive_s_};
  if (session_) {
    facts.client_id = session_->client_id;
    facts.user_name = session_->user_name_view();
  }
  if (origin_) {
    facts.number = origin_->number;
    facts.address = origin_->address;
    facts.clean_start = origin_->clean_start;
  }
  return facts;
}

void Connection::tell(NoticeKind kind, Instant now) const {
  if (broker_.is_watching(kind)) broker_.tell({.kind = kind, .connection = this, .cause = cause_}, now);
}

void Connection::tell_failed(ReasonCode reason, std::string_view text, Instant now) const {
  if (!broker_.is_watching(NoticeKind::failed)) return;
  const std::string_view words = text.empty() ? std::string_view(protocol::to_string(reason)) : text;
  broker_.tell({.kind = NoticeKind::failed, .connection = this, .reason = reason, .text = words}, now);
}

void Connection::tell_unsubscribed_all(Instant now) const {
  std::vector<protocol::SubscribeEntry> filters;
  for (const auto& [filter, subscription] : session_->subscriptions) filters.push_back({filter, {}});
  if (filters.empty()) return;
  broker_.tell({.kind = NoticeKind::unsubscribed, .connection = this, .filters = filters}, now);
}

// Before the message is forgotten.
void Connection::tell_acknowledged(protocol::PacketId id, Instant now) const {
  const storage::Delivery* delivery = session_->outgoing->find_published(id);
  if (!delivery || !delivery->message) return;
  const protocol::Publish publish = publish_of(*delivery);
  broker_.tell({.kind = NoticeKind::acknowledged, .connection = this, .publish = &publish}, now);
}

void Connection::disconnect(ReasonCode reason, Instant now) {
  cause_ = EndCause::owner;
  close_with(reason, now);
}

void Connection::cut_off_by_owner(Instant now) {
  cause_ = EndCause::owner;
  cut_off(now);
}

ReasonCode Connection::subscribe_by_owner(const protocol::SubscribeEntry& entry, Instant now) {
  if (const ReasonCode problem = check_filter(entry.filter); is_failure(problem)) return problem;
  Subscribed subscribed;
  const ReasonCode reason = add_subscription(entry, 0, subscribed);
  if (is_failure(reason)) return reason;
  if (broker_.is_watching(NoticeKind::subscribed)) {
    broker_.tell({.kind = NoticeKind::subscribed, .connection = this, .filters = std::span(&entry, 1)}, now);
  }
  if (subscribed.sends_retained) broker_.send_retained(*session_, entry, 0, now);
  return reason;
}

bool Connection::unsubscribe_by_owner(std::string_view filter, Instant now) {
  if (!broker_.sessions().unsubscribe(*session_, filter)) return false;
  if (broker_.is_watching(NoticeKind::unsubscribed)) {
    const protocol::SubscribeEntry entry{filter, {}};
    broker_.tell({.kind = NoticeKind::unsubscribed, .connection = this, .filters = std::span(&entry, 1)}, now);
  }
  return true;
}

}  // namespace mqtt_sim::broker
