// The part of Client that takes what the server sends: each packet gives an answer in the output, an event, both or
// neither, and what a server must not send ends the connection with a named reason.
#include <algorithm>

#include "core/client/client.hpp"
#include "core/client/features.hpp"
#include "core/client/text_payload.hpp"
#include "core/protocol/decode.hpp"
#include "core/protocol/encode.hpp"

namespace mqtt_sim::client {
namespace {

using protocol::Frame;
using protocol::PacketId;
using protocol::PacketType;
using protocol::PropertyId;
using protocol::QoS;
using protocol::ReasonCode;

// The acknowledgement that almost all are, success without properties: the packet identifier and nothing else.
// 0 when it is anything else, be it wrong.
PacketId plain_reply_id(const Frame& frame) {
  const uint8_t flags = frame.type() == PacketType::pubrel ? 2 : 0;
  if (frame.body.size() != 2 || frame.flags() != flags) return 0;
  return static_cast<PacketId>(frame.body[0] << 8 | frame.body[1]);
}

// The smallest maximum packet size with which we can acknowledge anything.
constexpr uint32_t kAcknowledgementSize = 4;

constexpr std::string_view kUnasked = "reason string or user property that was not asked for";

}  // namespace

std::optional<Event> Client::handle(const Frame& frame) {
  const PacketType type = frame.type();
  const bool may_precede_connack =
      type == PacketType::connack || (type == PacketType::auth && is_5() && options_->authentication);
  if (state_ == State::connecting && !may_precede_connack) {  // [MQTT-3.2.0-1], [MQTT-3.14.0-1]
    return fail(ReasonCode::protocol_error, "packet before CONNACK");
  }
  // [MQTT-4.8.0-2] of 3.1.1
  if (reply_bytes_ >= kReplyLimit) return fail(ReasonCode::quota_exceeded, "server does not read acknowledgements");
  switch (type) {
    case PacketType::publish: return handle_publish(frame);
    case PacketType::puback:
    case PacketType::pubrec:
    case PacketType::pubrel:
    case PacketType::pubcomp:
      if (const PacketId id = plain_reply_id(frame)) return handle_reply(type, {.packet_id = id});
      break;
    case PacketType::connect: return fail(ReasonCode::protocol_error, "CONNECT from a server");
    case PacketType::subscribe: return fail(ReasonCode::protocol_error, "SUBSCRIBE from a server");
    case PacketType::unsubscribe: return fail(ReasonCode::protocol_error, "UNSUBSCRIBE from a server");
    case PacketType::pingreq: return fail(ReasonCode::protocol_error, "PINGREQ from a server");
    default: break;
  }
  const auto packet = protocol::decode(frame, options_->version);
  if (packet.has_value()) return handle_packet(*packet);
  const auto reason = static_cast<ReasonCode>(packet.error().reason);
  return fail(reason, protocol::to_string(reason));
}

std::optional<Event> Client::handle_packet(const protocol::Packet& packet) {
  if (const auto* connack = std::get_if<protocol::Connack>(&packet)) return handle_connack(*connack);
  if (const auto* suback = std::get_if<protocol::Suback>(&packet)) return handle_suback(*suback);
  if (const auto* unsuback = std::get_if<protocol::Unsuback>(&packet)) return handle_unsuback(*unsuback);
  if (std::holds_alternative<protocol::Pingresp>(packet)) {
    ping_outstanding_ = false;
    return {};
  }
  if (const auto* disconnect = std::get_if<protocol::Disconnect>(&packet)) {
    return handle_disconnect(*disconnect);
  }
  if (const auto* auth = std::get_if<protocol::Auth>(&packet)) return handle_auth(*auth);
  return std::visit(
      [this](const auto& reply) -> std::optional<Event> {
        if constexpr (requires { reply.type; }) {
          if (tells_unasked(reply.properties)) return fail(ReasonCode::protocol_error, kUnasked);
          return handle_reply(reply.type, {reply.packet_id, reply.reason, reply.properties});
        }
        return fail(ReasonCode::protocol_error, "packet a server does not send");
      },
      packet);
}

std::optional<Event> Client::handle_connack(const protocol::Connack& connack) {
  if (state_ != State::connecting) return fail(ReasonCode::protocol_error, "second CONNACK");  // [MQTT-3.2.0-2]
  if (connack.code != 0) return handle_refusal(connack);
  if (connack.session_present && clean_start_sent_) {  // [MQTT-3.2.2-2], [MQTT-3.2.2-4]
    return fail(ReasonCode::protocol_error, "session present after a clean start");
  }
  if (connack.session_present && is_5() && !has_session_ && !options_->adopts_session) {  // [MQTT-3.2.2-4]
    return fail(ReasonCode::protocol_error, "session present that is not ours");
  }
  if (const auto objection = settle_authentication(connack.properties); !objection.empty()) {
    return fail(ReasonCode::protocol_error, objection);
  }
  take_limits(connack.properties);
  if (limits_.maximum_packet_size < kAcknowledgementSize) {
    return fail(ReasonCode::packet_too_large, "maximum packet size below that of an acknowledgement");
  }
  enter(State::connected);
  was_connected_ = true;
  failures_ = 0;
  resumes_ = is_5() && session_persists_;
  timer_ = keep_alive_s_ == 0 ? kNever : last_sent_ + std::chrono::seconds(keep_alive_s_);
  // 3.1 does not say whether there is a session; one that was asked for is taken to be there.
  const bool is_resumed =
      options_->version == protocol::ProtocolVersion::v3_1 ? !clean_start_sent_ : connack.session_present;
  if (is_resumed) {
    inflight_.hold_publishes();
    resend_held();
  } else {
    drop_session();  // [MQTT-3.2.2-5]
  }
  has_session_ = session_persists_;
  const auto handshake = std::exchange(handshake_, nullptr);
  return Connected{connack.session_present, handshake->opening, handshake->connect_sent, connack.properties};
}

std::optional<Event> Client::handle_refusal(const protocol::Connack& connack) {
  const ReasonCode reason =
      is_5() ? static_cast<ReasonCode>(connack.code) : protocol::from_connect_return_code(connack.code);
  const ByteView properties = connack.properties.encoded();
  start_closing({"refused by CONNACK", EndCause::server_disconnect, reason, {properties.begin(), properties.end()}});
  return Refused{reason, connack.code, protocol::PropertyList(ending_->properties)};
}

std::optional<Event> Client::handle_disconnect(const protocol::Disconnect& disconnect) {
  if (!is_5()) return fail(ReasonCode::protocol_error, "DISCONNECT from a server");
  if (disconnect.reason == ReasonCode::disconnect_with_will_message) {  // [MQTT-3.14.2-1]
    return fail(ReasonCode::protocol_error, "DISCONNECT with a reason that only a client has");
  }
  if (disconnect.properties.number(PropertyId::session_expiry_interval)) {  // [MQTT-3.14.2-2]
    return fail(ReasonCode::protocol_error, "session expiry interval in DISCONNECT of a server");
  }
  const ByteView properties = disconnect.properties.encoded();
  start_closing({protocol::to_string(disconnect.reason),
                 EndCause::server_disconnect,
                 disconnect.reason,
                 {properties.begin(), properties.end()}});
  return {};
}

// The values have been checked when the properties were decoded.
void Client::take_limits(const protocol::PropertyList& properties) {
  const auto number = [&](PropertyId id, uint32_t otherwise) { return properties.number(id).value_or(otherwise); };
  const uint32_t session_expiry = number(PropertyId::session_expiry_interval, options_->session_expiry_interval_s);
  limits_.maximum_packet_size = number(PropertyId::maximum_packet_size, protocol::Framer::kLargestPacket);
  limits_.receive_maximum = static_cast<uint16_t>(number(PropertyId::receive_maximum, 65535));      // [MQTT-4.9.0-1]
  limits_.topic_alias_maximum = static_cast<uint16_t>(number(PropertyId::topic_alias_maximum, 0));  // [MQTT-3.2.2-18]
  limits_.maximum_qos = static_cast<QoS>(number(PropertyId::maximum_qos, 2));
  limits_.retain_available = number(PropertyId::retain_available, 1) != 0;
  limits_.wildcard_available = number(PropertyId::wildcard_subscription_available, 1) != 0;
  limits_.shared_available = number(PropertyId::shared_subscription_available, 1) != 0;
  limits_.identifiers_available = number(PropertyId::subscription_identifier_available, 1) != 0;
  if (options_->topic_alias_mode == TopicAliasMode::automatic && limits_.topic_alias_maximum > 0) {
    features().sent_aliases.emplace(std::min(limits_.topic_alias_maximum, options_->sent_topic_alias_maximum));
  }
  keep_alive_s_ =
      // [MQTT-3.2.2-21], [MQTT-3.1.2-21]
      static_cast<uint16_t>(number(PropertyId::server_keep_alive, options_->keep_alive_s));
  // [MQTT-3.1.2-23], [MQTT-3.1.2-4] of 3.1.1, [MQTT-3.1.2-6] of 3.1.1
  session_persists_ = is_5() ? session_expiry > 0 : !clean_start_sent_;
  if (const auto assigned = properties.text(PropertyId::assigned_client_identifier); assigned && client_id_.empty()) {
    client_id_ = *assigned;
  }
}

std::optional<Event> Client::handle_publish(const Frame& frame) {
  auto decoded = protocol::decode_publish(frame, options_->version);
  if (decoded.has_error()) {
    const auto reason = static_cast<ReasonCode>(decoded.error().reason);
    return fail(reason, protocol::to_string(reason));
  }
  protocol::Publish& publish = *decoded;
  if (!publish.properties.empty()) {
    if (const auto breach = settle_properties(publish)) return fail(breach->reason, breach->text);
  }
  if (publish.qos == QoS::at_most_once) return MessageReceived{publish};  // [MQTT-3.3.4-1]

  const ReceivedId* received = publish.qos == QoS::exactly_once ? received_.find(publish.packet_id) : nullptr;
  const bool is_repeated = received != nullptr;
  // What was acknowledged during this read the server sent before it could know. [MQTT-3.3.4-9]
  const size_t owed = features_ && features_->owed ? features_->owed->at_least_once : 0;
  if (!is_repeated && is_5() && received_.size() + owed + acked_in_read_ >= options_->receive_maximum) {
    return fail(ReasonCode::receive_maximum_exceeded, "more publishes than our receive maximum");
  }
  if (options_->acknowledges_by_owner && !is_repeated) return leave_to_owner(publish);
  if (publish.qos == QoS::at_least_once) {  // [MQTT-4.3.2-4]
    ++acked_in_read_;
    reply(PacketType::puback, publish.packet_id);  // [MQTT-2.2.1-5], [MQTT-4.6.0-2], [MQTT-4.3.2-5]
    return MessageReceived{publish};
  }
  if (is_repeated && received->is_owed) return {};
  reply(PacketType::pubrec, publish.packet_id);  // [MQTT-4.3.3-8], [MQTT-2.2.1-5], [MQTT-4.6.0-3], [MQTT-4.5.0-2]
  if (is_repeated) return {};                    // [MQTT-4.3.3-10]
  received_.insert({publish.packet_id});
  return MessageReceived{publish};
}

// Learns and applies a topic alias, and looks whether a text payload is one. What is wrong, if anything.
std::optional<Client::Breach> Client::settle_properties(protocol::Publish& publish) {
  if (const auto alias = publish.properties.number(PropertyId::topic_alias)) {
    if (*alias > options_->topic_alias_maximum) {  // [MQTT-3.1.2-26], [MQTT-3.1.2-27]
      return Breach{ReasonCode::topic_alias_invalid, "topic alias above our maximum"};
    }
    AliasTable& aliases = features().received_aliases;  // [MQTT-3.3.2-10]
    if (!publish.topic.empty()) aliases.set(static_cast<uint16_t>(*alias), publish.topic);
    publish.topic = aliases.topic_of(static_cast<uint16_t>(*alias));
    if (publish.topic.empty()) return Breach{ReasonCode::protocol_error, "topic alias that stands for no topic"};
  }
  if (options_->checks_payload_format && publish.properties.number(PropertyId::payload_format_indicator) == 1u &&
      !is_text_payload(as_text(publish.payload))) {
    return Breach{ReasonCode::payload_format_invalid, "payload is not the text that it claims to be"};
  }
  return {};
}

std::optional<Event> Client::handle_reply(PacketType type, const Reply& reply) {
  switch (type) {
    case PacketType::puback: return handle_puback(reply);
    case PacketType::pubrec: return handle_pubrec(reply);
    case PacketType::pubrel: return handle_pubrel(reply.packet_id);
    default: return handle_pubcomp(reply);
  }
}

bool Client::tells_unasked(const protocol::PropertyList& properties) const {  // [MQTT-3.1.2-29]
  if (options_->request_problem_information || properties.empty()) return false;
  for (const protocol::Property& property : properties) {
    if (property.id == PropertyId::reason_string || property.id == PropertyId::user_property) return true;
  }
  return false;
}

std::optional<Event> Client::handle_puback(const Reply& puback) {
  Inflight::Entry* entry = inflight_.find(puback.packet_id);
  if (!entry || entry->awaiting == Inflight::Awaiting::nothing) {
    ++unexpected_acks_;
    return {};
  }
  if (entry->awaiting != Inflight::Awaiting::puback)  // [MQTT-4.3.2-3]
    return fail(ReasonCode::protocol_error, "PUBACK for no QoS 1 publish");
  return complete(*entry, puback);
}

std::optional<Event> Client::handle_pubrec(const Reply& pubrec) {
  using Awaiting = Inflight::Awaiting;
  Inflight::Entry* entry = inflight_.find(pubrec.packet_id);
  if (!entry) {
    ++unexpected_acks_;
    if (!is_failure(pubrec.reason)) reply_not_found(PacketType::pubrel, pubrec.packet_id);
    return {};
  }
  if (entry->awaiting == Awaiting::nothing) {
    ++unexpected_acks_;  // it will be sent again, and answered again
    return {};
  }
  if (entry->awaiting == Awaiting::owner) return {};
  if (entry->awaiting != Awaiting::pubrec && entry->awaiting != Awaiting::pubcomp) {
    return fail(ReasonCode::protocol_error, "PUBREC for no QoS 2 publish");
  }
  if (is_failure(pubrec.reason)) return complete(*entry, pubrec);  // [MQTT-4.4.0-2]
  if (options_->session_of_owner && entry->awaiting == Awaiting::pubrec) {
    entry->awaiting = Awaiting::owner;
    return ExchangeAdvanced{PacketType::pubrec, pubrec.packet_id};
  }
  entry->awaiting = Awaiting::pubcomp;
  entry->copy.reset();                          // [MQTT-4.3.3-3], [MQTT-4.3.3-6]
  reply(PacketType::pubrel, pubrec.packet_id);  // [MQTT-4.3.3-4], [MQTT-4.6.0-4]
  return {};
}

std::optional<Event> Client::handle_pubrel(PacketId id) {
  ReceivedId* received = received_.find(id);
  if (!received) {
    ++unexpected_acks_;
    reply_not_found(PacketType::pubcomp, id);
    return {};
  }
  if (options_->session_of_owner) return ExchangeAdvanced{PacketType::pubrel, id};
  received_.erase(*received);  // [MQTT-4.3.3-12]
  ++acked_in_read_;
  reply(PacketType::pubcomp, id);  // [MQTT-4.3.3-11], [MQTT-4.3.3-13]
  return {};
}

std::optional<Event> Client::handle_pubcomp(const Reply& pubcomp) {
  Inflight::Entry* entry = inflight_.find(pubcomp.packet_id);
  if (!entry || entry->awaiting == Inflight::Awaiting::nothing) {
    ++unexpected_acks_;
    return {};
  }
  if (entry->awaiting != Inflight::Awaiting::pubcomp) {  // [MQTT-4.3.3-5]
    return fail(ReasonCode::protocol_error, "PUBCOMP for no released publish");
  }
  return complete(*entry, pubcomp);
}

std::optional<Event> Client::complete(Inflight::Entry& entry, const Reply& reply) {
  const PublishCompleted completed{entry.cookie, entry.qos, reply.reason, reply.properties};
  inflight_.erase(entry);  // [MQTT-2.3.1-3] of 3.1.1
  if (inflight_.held() > 0) resend_held();
  return completed;
}

std::optional<Event> Client::handle_suback(const protocol::Suback& suback) {
  Inflight::Entry* entry = inflight_.find(suback.packet_id);
  if (!entry || entry->awaiting != Inflight::Awaiting::suback) {  // [MQTT-3.8.4-2]
    return fail(ReasonCode::protocol_error, "SUBACK for no SUBSCRIBE");
  }
  if (suback.codes.size() != entry->filters) {  // [MQTT-3.8.4-6]
    return fail(ReasonCode::protocol_error, "SUBACK with another number of codes");
  }
  if (tells_unasked(suback.properties)) return fail(ReasonCode::protocol_error, kUnasked);
  for (size_t i = 0; i < suback.codes.size(); ++i) {  // [MQTT-3.8.4-7]
    if (suback.codes[i] < 0x80 && suback.codes[i] > entry->copy.qos_asked(i)) {
      return fail(ReasonCode::protocol_error, "SUBACK grants more than was asked for");
    }
  }
  const Subscribed subscribed{entry->cookie, suback.codes, suback.properties};
  inflight_.erase(*entry);
  return subscribed;
}

std::optional<Event> Client::handle_unsuback(const protocol::Unsuback& unsuback) {
  Inflight::Entry* entry = inflight_.find(unsuback.packet_id);
  if (!entry || entry->awaiting != Inflight::Awaiting::unsuback) {
    return fail(ReasonCode::protocol_error, "UNSUBACK for no UNSUBSCRIBE");
  }
  if (is_5() && unsuback.codes.size() != entry->filters) {
    return fail(ReasonCode::protocol_error, "UNSUBACK with another number of codes");
  }
  if (tells_unasked(unsuback.properties)) return fail(ReasonCode::protocol_error, kUnasked);
  const Unsubscribed unsubscribed{entry->cookie, unsuback.codes, unsuback.properties};
  inflight_.erase(*entry);
  return unsubscribed;
}

// The server broke the protocol: say so where the protocol level can, then close. [MQTT-4.13.1-1], [MQTT-4.13.2-1],
// [MQTT-4.8.0-1] of 3.1.1
std::optional<Event> Client::fail(ReasonCode reason, std::string_view text) {
  if (is_5()) send_disconnect(reason, {});
  start_closing({text, EndCause::protocol_error, reason});
  return {};
}

// An identifier and nothing that could be too large for the server: [MQTT-3.4.2-2], [MQTT-3.4.2-3], [MQTT-3.5.2-2],
// [MQTT-3.5.2-3], [MQTT-3.6.2-2], [MQTT-3.6.2-3], [MQTT-3.7.2-2], [MQTT-3.7.2-3].
void Client::reply(PacketType type, PacketId id) {
  const size_t before = output_.size();
  protocol::encode_reply(type, id, output_);
  reply_bytes_ += static_cast<uint32_t>(output_.size() - before);
}

// The answer for an identifier we know nothing of; below 5.0 it cannot say so and merely ends the exchange.
void Client::reply_not_found(PacketType type, PacketId id) {
  constexpr uint32_t kSize = kAcknowledgementSize + 1;
  if (!is_5() || limits_.maximum_packet_size < kSize) return reply(type, id);
  constexpr ReasonCode reason = ReasonCode::packet_identifier_not_found;
  const size_t before = output_.size();
  if (type == PacketType::pubrel) {
    static_cast<void>(protocol::encode(protocol::Pubrel{id, reason, {}}, options_->version, output_));
  } else {
    static_cast<void>(protocol::encode(protocol::Pubcomp{id, reason, {}}, options_->version, output_));
  }
  reply_bytes_ += static_cast<uint32_t>(output_.size() - before);
}

}  // namespace mqtt_sim::client
