// The part of Client that sends what its owner asks for: PUBLISH, SUBSCRIBE, UNSUBSCRIBE, and publishes of a resumed
// session once more.
#include <algorithm>
#include <utility>

#include "core/client/client.hpp"
#include "core/client/features.hpp"
#include "core/client/text_payload.hpp"
#include "core/protocol/encode.hpp"
#include "core/protocol/topic.hpp"

namespace mqtt_sim::client {

using protocol::PacketId;
using protocol::PacketType;
using protocol::PropertyId;
using protocol::QoS;
using protocol::ReasonCode;

const char* to_string(PublishOutcome outcome) {
  switch (outcome) {
    case PublishOutcome::accepted: return "accepted";
    case PublishOutcome::not_connected: return "not connected";
    case PublishOutcome::window_full: return "window full";
    case PublishOutcome::output_full: return "output full";
    case PublishOutcome::too_large: return "too large";
    case PublishOutcome::qos_not_supported: return "QoS above the maximum of the server";
    case PublishOutcome::retain_not_supported: return "server keeps no retained messages";
    case PublishOutcome::alias_not_usable: return "topic alias that cannot be used";
    case PublishOutcome::not_allowed: return "not allowed";
  }
  return "unknown";
}

size_t Client::window() const {
  return std::min<size_t>({options_->in_flight_maximum, limits_.receive_maximum, Inflight::kLargestWindow});
}

PublishOutcome Client::publish(const PublishRequest& request, Instant now) {
  now_ = now;
  if (state_ != State::connected) return PublishOutcome::not_connected;
  const bool has_id = request.qos != QoS::at_most_once;
  // [MQTT-4.3.1-1], [MQTT-4.3.2-2], [MQTT-4.3.3-2]
  protocol::Publish publish{false, request.qos, request.retain, request.topic, 0, request.properties, request.payload};
  uint16_t owners_alias = 0;
  if (!publish.properties.empty()) {
    if (const auto objection = objection_to_properties(publish, owners_alias)) return *objection;
  }
  if (publish.topic.empty() && owners_alias == 0) return PublishOutcome::not_allowed;  // [MQTT-4.7.3-1]
  if (const auto refusal = refusal_of(publish)) return *refusal;
  // What is held goes first. [MQTT-4.6.0-1]
  // [MQTT-4.9.0-2], [MQTT-4.9.0-3], [MQTT-3.3.4-8]
  if (has_id && (inflight_.publishes() >= window() || inflight_.held() > 0)) return PublishOutcome::window_full;
  if (output_.size() >= options_->output_limit) return PublishOutcome::output_full;
  // [MQTT-2.2.1-3], [MQTT-4.3.2-1], [MQTT-4.3.3-1]
  if (has_id) publish.packet_id = request.packet_id != 0 ? request.packet_id : inflight_.next_id();
  if (features_ || owners_alias != 0) return publish_with_alias(publish, owners_alias, request.cookie);
  if (!protocol::encode_publish(publish, options_->version, output_).has_value()) return PublishOutcome::too_large;
  if (has_id) keep(publish, request.cookie);
  return PublishOutcome::accepted;
}

void Client::keep(const protocol::Publish& publish, uint64_t cookie) {
  StoredPacket copy = session_persists_ ? StoredPacket(publish) : StoredPacket();
  inflight_.add_publish(publish.packet_id, publish.qos, cookie, std::move(copy));
}

PublishOutcome Client::publish_with_alias(const protocol::Publish& publish, uint16_t owners_alias, uint64_t cookie) {
  if (owners_alias != 0) return publish_with_owners_alias(publish, owners_alias, cookie);
  if (features_->sent_aliases) return publish_with_chosen_alias(publish, cookie);
  return send_publish(publish, publish, cookie);
}

// `sent` goes out now; `whole` is the same as any connection could carry it, with its topic and without an alias.
PublishOutcome Client::send_publish(const protocol::Publish& sent, const protocol::Publish& whole, uint64_t cookie) {
  if (!protocol::encode_publish(sent, options_->version, output_).has_value()) return PublishOutcome::too_large;
  if (sent.qos != QoS::at_most_once) keep(whole, cookie);
  return PublishOutcome::accepted;
}

// The owner's alias stands for the topic given with it, or for the one it was last given with on this connection. What
// may have to be sent again on another connection is kept without it [MQTT-3.3.2-7].
PublishOutcome Client::publish_with_owners_alias(const protocol::Publish& publish, uint16_t alias, uint64_t cookie) {
  AliasTable& aliases = features().owners_aliases;
  protocol::Publish whole = publish;
  if (publish.topic.empty()) whole.topic = aliases.topic_of(alias);
  if (whole.topic.empty()) return PublishOutcome::alias_not_usable;
  protocol::PropertyWriter others;
  for (const protocol::Property& property : publish.properties) {
    if (property.id != PropertyId::topic_alias) others.copy(property);
  }
  whole.properties = others.list();
  const PublishOutcome outcome = send_publish(publish, whole, cookie);
  if (outcome == PublishOutcome::accepted && !publish.topic.empty()) aliases.set(alias, publish.topic);
  return outcome;
}

PublishOutcome Client::publish_with_chosen_alias(const protocol::Publish& whole, uint64_t cookie) {
  AliasChooser& aliases = *features_->sent_aliases;
  const AliasChooser::Choice choice = aliases.choose(whole.topic);
  std::vector<uint8_t>& properties = features_->properties;
  properties.assign({static_cast<uint8_t>(PropertyId::topic_alias), static_cast<uint8_t>(choice.alias >> 8),
                     static_cast<uint8_t>(choice.alias)});
  const ByteView given = whole.properties.encoded();
  properties.insert(properties.end(), given.begin(), given.end());
  protocol::Publish sent = whole;
  sent.properties = protocol::PropertyList(properties);
  if (choice.is_known) sent.topic = {};
  if (choice.alias == 0 || is_too_large(sent)) return send_publish(whole, whole, cookie);
  const PublishOutcome outcome = send_publish(sent, whole, cookie);
  if (outcome == PublishOutcome::accepted) aliases.note_sent(choice, whole.topic);
  return outcome;
}

// Why this server must not be sent it, now or again.
std::optional<PublishOutcome> Client::refusal_of(const protocol::Publish& publish) const {
  if (publish.qos > limits_.maximum_qos) return PublishOutcome::qos_not_supported;               // [MQTT-3.2.2-11]
  if (publish.retain && !limits_.retain_available) return PublishOutcome::retain_not_supported;  // [MQTT-3.2.2-14]
  if (limits_.maximum_packet_size < protocol::Framer::kLargestPacket && is_too_large(publish)) {
    return PublishOutcome::too_large;
  }
  return {};
}

bool Client::is_too_large(const protocol::Publish& publish) const {  // [MQTT-3.2.2-15]
  return protocol::encoded_size(publish, options_->version) > limits_.maximum_packet_size;
}

// What the owner must not put into a PUBLISH; else its topic alias, 0 when it gives none.
std::optional<PublishOutcome> Client::objection_to_properties(const protocol::Publish& publish, uint16_t& alias) const {
  if (!is_5()) return PublishOutcome::not_allowed;
  for (const protocol::Property& property : publish.properties) {
    if (property.id == PropertyId::subscription_identifier) return PublishOutcome::not_allowed;  // [MQTT-3.3.4-6]
    if (property.id == PropertyId::payload_format_indicator && property.number == 1 &&
        options_->checks_payload_format && !is_text_payload(as_text(publish.payload))) {
      return PublishOutcome::not_allowed;
    }
    if (property.id != PropertyId::topic_alias) continue;
    const bool is_usable = options_->topic_alias_mode == TopicAliasMode::by_owner && property.number > 0 &&
                           property.number <= limits_.topic_alias_maximum;
    if (!is_usable) return PublishOutcome::alias_not_usable;  // [MQTT-3.2.2-17], [MQTT-3.3.2-8], [MQTT-3.3.2-9]
    alias = static_cast<uint16_t>(property.number);
  }
  return {};
}

void Client::subscribe(std::span<const protocol::SubscribeEntry> entries, uint64_t cookie, Instant now,
                       const protocol::PropertyList& properties) {
  MQTT_SIM_ASSERT(state_ == State::connected && !entries.empty());  // [MQTT-3.8.3-2]
  now_ = now;
  const PacketId id = inflight_.next_id();
  const protocol::Subscribe subscribe{id, properties, {entries.begin(), entries.end()}};
  const ReasonCode refusal = refusal_of(subscribe);
  if (refusal != ReasonCode::success) {
    return pending().add_unsent(true, cookie, entries.size(), static_cast<uint8_t>(refusal));
  }
  send_request(subscribe, Inflight::Awaiting::suback, id, entries.size(), cookie, StoredPacket(entries));
}

// Why this server must not be sent it: what it has said in CONNACK that it does not have.
ReasonCode Client::refusal_of(const protocol::Subscribe& subscribe) const {
  if (!limits_.identifiers_available && subscribe.properties.number(PropertyId::subscription_identifier)) {
    return ReasonCode::subscription_identifiers_not_supported;
  }
  for (const protocol::SubscribeEntry& entry : subscribe.entries) {
    if (!limits_.shared_available && protocol::parse_shared_filter(entry.filter)) {
      return ReasonCode::shared_subscriptions_not_supported;
    }
    if (!limits_.wildcard_available && protocol::has_wildcard(entry.filter)) {
      return ReasonCode::wildcard_subscriptions_not_supported;
    }
  }
  return ReasonCode::success;
}

void Client::unsubscribe(std::span<const std::string_view> filters, uint64_t cookie, Instant now,
                         const protocol::PropertyList& properties) {
  MQTT_SIM_ASSERT(state_ == State::connected && !filters.empty());  // [MQTT-3.10.3-2]
  now_ = now;
  const PacketId id = inflight_.next_id();
  const protocol::Unsubscribe unsubscribe{id, properties, {filters.begin(), filters.end()}};
  send_request(unsubscribe, Inflight::Awaiting::unsuback, id, filters.size(), cookie, {});
}

void Client::send_request(const protocol::Packet& packet, Inflight::Awaiting awaiting, PacketId id, size_t filters,
                          uint64_t cookie, StoredPacket copy) {
  if (const auto size = send_if_it_fits(packet); size.has_error()) {
    return pending().add_unsent(awaiting == Inflight::Awaiting::suback, cookie, filters, size.error().reason);
  }
  inflight_.add_request(id, awaiting, cookie, filters, std::move(copy));
}

// PUBLISH with DUP, or PUBREL, with the identifiers they had and in the order they had [MQTT-4.4.0-1], [MQTT-4.6.0-1];
// no more at once than the server's window [MQTT-3.3.4-7] and the output take.
void Client::resend_held() {
  while (inflight_.held() > 0 && inflight_.publishes_on_wire() < window() && output_.size() < options_->output_limit) {
    Inflight::Entry& entry = inflight_.next_held();
    if (send_again(entry)) continue;
    pending().add_dropped(entry.cookie);
    inflight_.erase(entry);
  }
}

// False: it must not be sent to this server, or was forgotten.
bool Client::send_again(Inflight::Entry& entry) {
  if (!entry.copy && entry.qos == QoS::exactly_once) {  // [MQTT-4.3.3-6]
    entry.awaiting = Inflight::Awaiting::pubcomp;
    protocol::encode_reply(PacketType::pubrel, entry.id, output_);
    return true;
  }
  if (!entry.copy) return false;
  protocol::Publish publish = entry.copy.publish();  // DUP is set [MQTT-3.3.1-1]
  publish.qos = entry.qos;
  publish.packet_id = entry.id;
  if (refusal_of(publish) || !protocol::encode_publish(publish, options_->version, output_).has_value()) return false;
  // [MQTT-4.3.3-7], [MQTT-2.3.1-3] of 3.1.1
  entry.awaiting = entry.qos == QoS::at_least_once ? Inflight::Awaiting::puback : Inflight::Awaiting::pubrec;
  return true;
}

}  // namespace mqtt_sim::client
