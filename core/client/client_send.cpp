// The part of Client that sends what its owner asks for: PUBLISH, SUBSCRIBE, UNSUBSCRIBE, and publishes of a resumed
// session once more.
#include <algorithm>

#include "core/client/client.hpp"
#include "core/protocol/encode.hpp"

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
    case PublishOutcome::not_supported: return "not supported";
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
  protocol::Publish publish{false, request.qos, request.retain, request.topic, 0, request.properties, request.payload};
  if (const auto refusal = refusal_of(publish)) return *refusal;
  // What is held goes first. [MQTT-4.6.0-1]
  if (has_id && (inflight_.publishes() >= window() || inflight_.held() > 0)) return PublishOutcome::window_full;
  if (output_.size() >= options_->output_limit) return PublishOutcome::output_full;
  if (has_id) publish.packet_id = inflight_.next_id();  // [MQTT-2.2.1-3], [MQTT-4.3.2-1]; 3.1.1 [MQTT-2.3.1-2]
  if (!protocol::encode_publish(publish, options_->version, output_).has_value()) return PublishOutcome::too_large;
  if (has_id) {
    StoredPublish copy = session_persists_ ? StoredPublish(publish) : StoredPublish();
    inflight_.add_publish(publish.packet_id, request.qos, request.cookie, std::move(copy));
  }
  return PublishOutcome::accepted;
}

// Why this server must not be sent it, now or again.
std::optional<PublishOutcome> Client::refusal_of(const protocol::Publish& publish) const {
  if (publish.qos > limits_.maximum_qos) return PublishOutcome::not_supported;            // [MQTT-3.2.2-11]
  if (publish.retain && !limits_.retain_available) return PublishOutcome::not_supported;  // [MQTT-3.2.2-14]
  if (!publish.properties.empty() && (!is_5() || !has_usable_alias(publish))) return PublishOutcome::not_supported;
  if (limits_.maximum_packet_size < protocol::Framer::kLargestPacket &&
      protocol::encoded_size(publish, options_->version) > limits_.maximum_packet_size) {
    return PublishOutcome::too_large;  // [MQTT-3.2.2-15]
  }
  return {};
}

// No topic alias, or one within the server's maximum [MQTT-3.2.2-17]. What may have to be sent again on another
// connection cannot have one: aliases do not outlive a connection [MQTT-3.3.2-7].
bool Client::has_usable_alias(const protocol::Publish& publish) const {
  const auto alias = publish.properties.number(PropertyId::topic_alias);
  if (!alias) return true;
  const bool may_repeat = session_persists_ && publish.qos != QoS::at_most_once;
  return *alias > 0 && *alias <= limits_.topic_alias_maximum && !may_repeat;
}

void Client::subscribe(std::span<const protocol::SubscribeEntry> entries, uint64_t cookie, Instant now) {
  MQTT_SIM_ASSERT(state_ == State::connected && !entries.empty());  // [MQTT-3.8.3-2]
  now_ = now;
  const PacketId id = inflight_.next_id();
  const protocol::Subscribe subscribe{id, {}, {entries.begin(), entries.end()}};
  send_request(subscribe, Inflight::Awaiting::suback, id, entries.size(), cookie);
}

void Client::unsubscribe(std::span<const std::string_view> filters, uint64_t cookie, Instant now) {
  MQTT_SIM_ASSERT(state_ == State::connected && !filters.empty());  // [MQTT-3.10.3-2]
  now_ = now;
  const PacketId id = inflight_.next_id();
  const protocol::Unsubscribe unsubscribe{id, {}, {filters.begin(), filters.end()}};
  send_request(unsubscribe, Inflight::Awaiting::unsuback, id, filters.size(), cookie);
}

// Encoded aside first: a request over the server's maximum packet size must not leave [MQTT-3.2.2-15].
void Client::send_request(const protocol::Packet& packet, Inflight::Awaiting awaiting, PacketId id, size_t filters,
                          uint64_t cookie) {
  OutputQueue request;
  const auto size = protocol::encode(packet, options_->version, request);
  if (size.has_error() || *size > limits_.maximum_packet_size) {
    const uint8_t reason = size.has_error() ? size.error().reason : static_cast<uint8_t>(ReasonCode::packet_too_large);
    return pending().add_unsent(awaiting == Inflight::Awaiting::suback, cookie, filters, reason);
  }
  while (!request.empty()) {
    const ByteView part = request.views().front();
    output_.append(part);
    request.consume(part.size());
  }
  inflight_.add_request(id, awaiting, cookie, filters);
}

// PUBLISH with DUP, or PUBREL, with the identifiers they had and in the order they had [MQTT-4.4.0-1], [MQTT-4.6.0-1];
// no more at once than the server's window [MQTT-3.3.4-7] and the output take.
void Client::resend_held() {
  while (inflight_.held() > 0 && inflight_.publishes_on_wire() < window() && output_.size() < options_->output_limit) {
    Inflight::Entry& entry = inflight_.next_held();
    if (!entry.copy) {  // [MQTT-4.3.3-6]
      entry.awaiting = Inflight::Awaiting::pubcomp;
      protocol::encode_reply(PacketType::pubrel, entry.id, output_);
      continue;
    }
    protocol::Publish publish = entry.copy.view();  // DUP is set [MQTT-3.3.1-1]
    publish.qos = entry.qos;
    publish.packet_id = entry.id;
    if (refusal_of(publish) || !protocol::encode_publish(publish, options_->version, output_).has_value()) {
      pending().add_dropped(entry.cookie);
      inflight_.erase(entry);
      continue;
    }
    entry.awaiting = entry.qos == QoS::at_least_once ? Inflight::Awaiting::puback : Inflight::Awaiting::pubrec;
  }
}

}  // namespace mqtt_sim::client
