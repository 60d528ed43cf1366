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
  const uint32_t identifier = subscribe.properties.number(PropertyId::subscription_identifier).value_or(0);
  std::vector<uint8_t> codes;
  std::vector<const SubscribeEntry*> with_retained;
  for (const SubscribeEntry& entry : subscribe.entries) {  // [MQTT-3.8.4-5]
    bool sends_retained = false;
    const ReasonCode reason = subscribe_one(entry, identifier, sends_retained, now);
    if (is_failure(reason)) ++broker_.counters().refused_subscriptions;
    const bool has_code = has_properties(version_) || !is_failure(reason);
    codes.push_back(static_cast<uint8_t>(has_code ? reason : ReasonCode::unspecified_error));
    if (sends_retained) with_retained.push_back(&entry);
  }
  send(protocol::Suback{subscribe.packet_id, {}, codes});  // [MQTT-3.8.4-1], [MQTT-3.8.4-2], [MQTT-3.9.3-1]
  for (const SubscribeEntry* entry : with_retained) {
    broker_.send_retained(*session_, *entry, identifier, now);
  }
}

ReasonCode Connection::subscribe_one(const SubscribeEntry& entry, uint32_t identifier, bool& sends_retained,
                                     Instant now) {
  const BrokerOptions& options = broker_.options();
  const auto levels = static_cast<uint32_t>(std::ranges::count(entry.filter, '/')) + 1;
  if (!protocol::is_valid_topic_filter(entry.filter) || entry.filter.size() > options.max_topic_length ||
      levels > options.max_topic_levels) {
    return ReasonCode::topic_filter_invalid;
  }
  const auto granted = static_cast<ReasonCode>(entry.options.qos);  // [MQTT-3.8.4-7]
  if (broker_.has_rules()) {
    const Verdict verdict = broker_.ask_rules({.kind = EventKind::subscribe,
                                               .client_id = session_->client_id,
                                               .user_name = session_->user_name_view(),
                                               .topic = entry.filter,
                                               .qos = entry.options.qos},
                                              now);
    if (verdict.action == Verdict::Action::drop) return granted;
    if (verdict.action == Verdict::Action::refuse) return verdict.reason;
  }
  bool is_new = false;
  if (!broker_.sessions().subscribe(*session_, entry.filter, entry.options, identifier, is_new)) {
    return ReasonCode::quota_exceeded;
  }
  const bool is_shared = protocol::parse_shared_filter(entry.filter).has_value();
  const RetainHandling handling = entry.options.retain_handling;
  sends_retained = !is_shared && (handling == RetainHandling::send ||                    // [MQTT-3.3.1-9]
                                  (handling == RetainHandling::send_if_new && is_new));  // [MQTT-3.3.1-10]
  return granted;
}

void Connection::handle_unsubscribe(const protocol::Unsubscribe& unsubscribe) {
  std::vector<uint8_t> codes;
  for (const std::string_view filter : unsubscribe.filters) {  // [MQTT-3.10.4-6]
    const bool was_there = broker_.sessions().unsubscribe(*session_, filter);
    codes.push_back(static_cast<uint8_t>(was_there ? ReasonCode::success : ReasonCode::no_subscription_existed));
  }
  protocol::Unsuback unsuback{unsubscribe.packet_id, {}, {}};  // [MQTT-3.10.4-4], [MQTT-3.10.4-5]
  if (has_properties(version_)) unsuback.codes = codes;        // [MQTT-3.11.3-1]
  send(unsuback);
}

}  // namespace mqtt_sim::broker
