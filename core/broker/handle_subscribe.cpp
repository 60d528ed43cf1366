// SUBSCRIBE and UNSUBSCRIBE (sections 3.8, 3.10): one code for each filter, then the retained messages.
#include <algorithm>
#include <vector>

#include "core/broker/broker.hpp"
#include "core/broker/connection.hpp"
#include "core/protocol/topic.hpp"

namespace mqtt_sim::broker {

using protocol::PropertyId;
using protocol::ReasonCode;
using protocol::RetainHandling;
using protocol::SubscribeEntry;

void Connection::handle_subscribe(const protocol::Subscribe& subscribe, Instant now) {
  if (const ReasonCode problem = check_features(subscribe); is_failure(problem)) return refuse_feature(problem, now);
  const uint32_t identifier = subscribe.properties.number(PropertyId::subscription_identifier).value_or(0);
  std::vector<uint8_t> codes;
  std::vector<Subscribed> with_retained;
  std::vector<SubscribeEntry> granted;                     // for the witness, as asked for
  for (const SubscribeEntry& entry : subscribe.entries) {  // [MQTT-3.8.4-5]
    Subscribed subscribed;
    const ReasonCode reason = subscribe_one(entry, codes.size(), identifier, subscribed, now);
    if (!session_) return;  // a rule has ended this connection
    if (subscribed.is_granted) {
      granted.push_back(entry);
      granted.back().options.qos = static_cast<protocol::QoS>(reason);
    }
    if (is_failure(reason)) ++broker_.counters().refused_subscriptions;
    const bool is_known = protocol::is_reason_of(static_cast<uint8_t>(reason), place_of(protocol::PacketType::suback));
    const bool has_code = !is_failure(reason) || (has_properties(version_) && is_known);
    codes.push_back(static_cast<uint8_t>(has_code ? reason : ReasonCode::unspecified_error));
    if (subscribed.sends_retained) with_retained.push_back(std::move(subscribed));
  }
  // [MQTT-2.2.1-6], [MQTT-3.9.2-1], [MQTT-3.9.2-2], [MQTT-3.8.4-6]
  send(protocol::Suback{subscribe.packet_id, {}, codes});  // [MQTT-3.8.4-1], [MQTT-3.8.4-2], [MQTT-3.9.3-1]
  if (!granted.empty() && broker_.is_watching(NoticeKind::subscribed)) {
    broker_.tell({.kind = NoticeKind::subscribed, .connection = this, .filters = granted}, now);
  }
  for (const Subscribed& subscribed : with_retained) {
    broker_.send_retained(*session_, {subscribed.filter, subscribed.options}, identifier, now);
  }
}

// What was told not to be available is a protocol error (sections 3.2.2.3.11 to 3.2.2.3.13); where nothing could be
// told each filter alone is refused.
ReasonCode Connection::check_features(const protocol::Subscribe& subscribe) const {
  if (!has_properties(version_)) return ReasonCode::success;
  if (!broker_.options().subscription_identifiers_available &&
      subscribe.properties.number(PropertyId::subscription_identifier)) {
    return ReasonCode::subscription_identifiers_not_supported;
  }
  for (const SubscribeEntry& entry : subscribe.entries) {
    if (const ReasonCode missing = missing_feature(entry.filter); is_failure(missing)) return missing;
  }
  return ReasonCode::success;
}

ReasonCode Connection::missing_feature(std::string_view filter) const {
  const BrokerOptions& options = broker_.options();
  if (!options.shared_available && protocol::parse_shared_filter(filter)) {
    return ReasonCode::shared_subscriptions_not_supported;
  }
  if (!options.wildcard_available && protocol::has_wildcard(filter)) {  // [MQTT-3.8.3-2] of 3.1.1
    return ReasonCode::wildcard_subscriptions_not_supported;
  }
  return ReasonCode::success;
}

ReasonCode Connection::subscribe_one(const SubscribeEntry& asked, size_t index, uint32_t identifier,
                                     Subscribed& subscribed, Instant now) {
  const ReasonCode problem = check_filter(asked.filter);
  if (is_failure(problem)) return problem;
  SubscribeEntry entry = asked;
  entry.options.qos = std::min(asked.options.qos, broker_.behaviour().granted_qos);  // [MQTT-3.2.2-10]
  ReasonCode reason{};
  if (parked_ && !is_granted(index, entry, reason)) return reason;
  if (parked_ && entry.filter != asked.filter) return subscribe_instead(asked.filter, entry, identifier, subscribed);
  if (broker_.has_rules()) return subscribe_by_rules(entry, identifier, subscribed, now);
  return add_subscription(entry, identifier, subscribed);
}

ReasonCode Connection::check_filter(std::string_view filter) const {
  const BrokerOptions& options = broker_.options();
  if (!protocol::is_valid_topic_filter(filter)) return ReasonCode::topic_filter_invalid;
  if (filter.size() > options.max_topic_length) {
    ++broker_.counters().refused_topic_lengths;
    return ReasonCode::topic_filter_invalid;
  }
  if (static_cast<uint64_t>(std::ranges::count(filter, '/')) >= options.max_topic_levels) {
    ++broker_.counters().refused_topic_levels;
    return ReasonCode::topic_filter_invalid;
  }
  const ReasonCode missing = missing_feature(filter);
  if (is_failure(missing)) ++broker_.counters().refused_features;
  return missing;
}

ReasonCode Connection::subscribe_by_rules(const SubscribeEntry& asked, uint32_t identifier, Subscribed& subscribed,
                                          Instant now) {
  Event event{.kind = EventKind::subscribe,
              .client_id = session_->client_id,
              .user_name = session_->user_name_view(),
              .topic = asked.filter,
              .qos = asked.options.qos};
  Changes changes;
  const Verdict verdict = broker_.ask_rules(event, changes, now);
  switch (verdict.action) {
    case Verdict::Action::drop: return static_cast<ReasonCode>(asked.options.qos);
    case Verdict::Action::refuse: return verdict.reason;
    case Verdict::Action::close:
      cause_ = EndCause::refused;
      close_with(verdict.reason, now);
      return verdict.reason;
    default: break;
  }
  SubscribeEntry entry{event.topic, asked.options};
  entry.options.qos = event.qos;
  return subscribe_instead(asked.filter, entry, identifier, subscribed);
}

// `entry` for the filter `asked`.
ReasonCode Connection::subscribe_instead(std::string_view asked, const SubscribeEntry& entry, uint32_t identifier,
                                         Subscribed& subscribed) {
  if (const ReasonCode problem = check_filter(entry.filter); is_failure(problem)) return problem;
  if (!broker_.sessions().remember_asked(*session_, asked, entry.filter)) {
    ++broker_.counters().refused_subscription_count;
    return ReasonCode::quota_exceeded;
  }
  return add_subscription(entry, identifier, subscribed);
}

ReasonCode Connection::add_subscription(const SubscribeEntry& entry, uint32_t identifier, Subscribed& subscribed) {
  bool is_new = false;
  if (!broker_.sessions().subscribe(*session_, entry.filter, entry.options, identifier, is_new)) {
    ++broker_.counters().refused_subscription_count;
    return ReasonCode::quota_exceeded;
  }
  subscribed.is_granted = true;
  const bool is_shared = protocol::parse_shared_filter(entry.filter).has_value();
  const RetainHandling handling = entry.options.retain_handling;
  subscribed.sends_retained = !is_shared && (handling == RetainHandling::send ||  // [MQTT-3.3.1-9]
                                                                                  // [MQTT-3.3.1-11], [MQTT-3.8.4-4]
                                             (handling == RetainHandling::send_if_new && is_new));  // [MQTT-3.3.1-10]
  if (subscribed.sends_retained) {
    subscribed.filter = entry.filter;
    subscribed.options = entry.options;
  }
  return static_cast<ReasonCode>(entry.options.qos);  // [MQTT-3.8.4-7]
}

void Connection::handle_unsubscribe(const protocol::Unsubscribe& unsubscribe, Instant now) {
  std::vector<uint8_t> codes;
  std::vector<SubscribeEntry> gone;
  for (const std::string_view filter : unsubscribe.filters) {  // [MQTT-3.10.4-6]
    const bool was_there = broker_.sessions().unsubscribe(*session_, filter);
    codes.push_back(static_cast<uint8_t>(was_there ? ReasonCode::success : ReasonCode::no_subscription_existed));
    if (was_there) gone.push_back({filter, {}});
  }
  // [MQTT-2.2.1-6], [MQTT-3.11.2-1], [MQTT-3.11.2-2]
  protocol::Unsuback unsuback{unsubscribe.packet_id, {}, {}};  // [MQTT-3.10.4-4], [MQTT-3.10.4-5]
  if (has_properties(version_)) unsuback.codes = codes;        // [MQTT-3.11.3-1]
  send(unsuback);
  if (!gone.empty() && broker_.is_watching(NoticeKind::unsubscribed)) {
    broker_.tell({.kind = NoticeKind::unsubscribed, .connection = this, .filters = gone}, now);
  }
}

}  // namespace mqtt_sim::broker
