// The part of Client that takes what the server sends: each packet gives an answer in the output, an event, both or
// neither, and what a server must not send ends the connection with a named reason.
#include "core/client/client.hpp"
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

}  // namespace

std::optional<Event> Client::handle(const Frame& frame) {
  const PacketType type = frame.type();
  if (state_ == State::connecting && type != PacketType::connack) {  // [MQTT-3.2.0-1], [MQTT-3.14.0-1]
    return fail(ReasonCode::protocol_error, "packet before CONNACK");
  }
  if (reply_bytes_ >= kReplyLimit) return fail(ReasonCode::quota_exceeded, "server does not read acknowledgements");
  switch (type) {
    case PacketType::publish: return handle_publish(frame);
    case PacketType::puback:
    case PacketType::pubrec:
    case PacketType::pubrel:
    case PacketType::pubcomp:
      if (const PacketId id = plain_reply_id(frame)) return handle_reply(type, id, ReasonCode::success);
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
    if (!is_5()) return fail(ReasonCode::protocol_error, "DISCONNECT from a server");
    start_closing({protocol::to_string(disconnect->reason), EndCause::server_disconnect, disconnect->reason});
    return {};
  }
  if (std::holds_alternative<protocol::Auth>(packet)) {  // [MQTT-4.12.0-1] only after a method of ours in CONNECT
    return fail(ReasonCode::protocol_error, "AUTH without an authentication method");
  }
  return std::visit(
      [this](const auto& reply) -> std::optional<Event> {
        if constexpr (requires { reply.type; }) return handle_reply(reply.type, reply.packet_id, reply.reason);
        return fail(ReasonCode::protocol_error, "packet a server does not send");
      },
      packet);
}

std::optional<Event> Client::handle_connack(const protocol::Connack& connack) {
  if (state_ != State::connecting) return fail(ReasonCode::protocol_error, "second CONNACK");  // [MQTT-3.2.0-2]
  if (connack.code != 0) return handle_refusal(connack);
  if (connack.session_present && clean_start_sent_) {  // [MQTT-3.2.2-2]; 3.1.1 [MQTT-3.2.2-1]
    return fail(ReasonCode::protocol_error, "session present after a clean start");
  }
  take_limits(connack.properties);
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
  const auto handshake = std::exchange(handshake_, nullptr);
  return Connected{connack.session_present, handshake->opening, handshake->connect_sent, connack.properties};
}

std::optional<Event> Client::handle_refusal(const protocol::Connack& connack) {
  const ReasonCode reason =
      is_5() ? static_cast<ReasonCode>(connack.code) : protocol::from_connect_return_code(connack.code);
  start_closing({"refused by CONNACK", EndCause::server_disconnect, reason});
  return Refused{reason, connack.code};
}

// The values have been checked when the properties were decoded.
void Client::take_limits(const protocol::PropertyList& properties) {
  const auto number = [&](PropertyId id, uint32_t otherwise) { return properties.number(id).value_or(otherwise); };
  const uint32_t session_expiry = number(PropertyId::session_expiry_interval, options_->session_expiry_interval_s);
  limits_.maximum_packet_size = number(PropertyId::maximum_packet_size, protocol::Framer::kLargestPacket);
  limits_.receive_maximum = static_cast<uint16_t>(number(PropertyId::receive_maximum, 65535));
  limits_.topic_alias_maximum = static_cast<uint16_t>(number(PropertyId::topic_alias_maximum, 0));
  limits_.maximum_qos = static_cast<QoS>(number(PropertyId::maximum_qos, 2));
  limits_.retain_available = number(PropertyId::retain_available, 1) != 0;
  keep_alive_s_ =
      static_cast<uint16_t>(number(PropertyId::server_keep_alive, options_->keep_alive_s));  // [MQTT-3.2.2-21]
  session_persists_ = is_5() ? session_expiry > 0 : !clean_start_sent_;  // [MQTT-3.1.2-23]; 3.1.1 [MQTT-3.1.2-4]
  if (const auto assigned = properties.text(PropertyId::assigned_client_identifier); assigned && client_id_.empty()) {
    client_id_ = *assigned;
  }
}

std::optional<Event> Client::handle_publish(const Frame& frame) {
  const auto decoded = protocol::decode_publish(frame, options_->version);
  if (decoded.has_error()) {
    const auto reason = static_cast<ReasonCode>(decoded.error().reason);
    return fail(reason, protocol::to_string(reason));
  }
  const protocol::Publish& publish = *decoded;
  if (!publish.properties.empty() && publish.properties.number(PropertyId::topic_alias)) {  // [MQTT-3.1.2-27]
    return fail(ReasonCode::topic_alias_invalid, "topic alias above our maximum of 0");
  }
  if (publish.qos == QoS::at_most_once) return MessageReceived{publish};

  const bool is_repeated = publish.qos == QoS::exactly_once && received_.find(publish.packet_id) != nullptr;
  if (!is_repeated && is_5() && received_.size() >= options_->receive_maximum) {  // [MQTT-3.3.4-9]
    return fail(ReasonCode::receive_maximum_exceeded, "more publishes than our receive maximum");
  }
  if (publish.qos == QoS::at_least_once) {  // [MQTT-4.3.2-4]
    reply(PacketType::puback, publish.packet_id);
    return MessageReceived{publish};
  }
  reply(PacketType::pubrec, publish.packet_id);  // [MQTT-4.3.3-8]
  if (is_repeated) return {};                    // [MQTT-4.3.3-10]
  received_.insert({publish.packet_id});
  return MessageReceived{publish};
}

std::optional<Event> Client::handle_reply(PacketType type, PacketId id, ReasonCode reason) {
  switch (type) {
    case PacketType::puback: return handle_puback(id, reason);
    case PacketType::pubrec: return handle_pubrec(id, reason);
    case PacketType::pubrel: return handle_pubrel(id);
    default: return handle_pubcomp(id, reason);
  }
}

std::optional<Event> Client::handle_puback(PacketId id, ReasonCode reason) {
  Inflight::Entry* entry = inflight_.find(id);
  if (!entry || entry->awaiting == Inflight::Awaiting::nothing) {
    ++unexpected_acks_;
    return {};
  }
  if (entry->awaiting != Inflight::Awaiting::puback)
    return fail(ReasonCode::protocol_error, "PUBACK for no QoS 1 publish");
  return complete(*entry, reason);
}

std::optional<Event> Client::handle_pubrec(PacketId id, ReasonCode reason) {
  using Awaiting = Inflight::Awaiting;
  Inflight::Entry* entry = inflight_.find(id);
  if (!entry) {
    ++unexpected_acks_;
    if (!is_failure(reason)) reply_not_found(PacketType::pubrel, id);
    return {};
  }
  if (entry->awaiting == Awaiting::nothing) {
    ++unexpected_acks_;  // it will be sent again, and answered again
    return {};
  }
  if (entry->awaiting != Awaiting::pubrec && entry->awaiting != Awaiting::pubcomp) {
    return fail(ReasonCode::protocol_error, "PUBREC for no QoS 2 publish");
  }
  if (is_failure(reason)) return complete(*entry, reason);  // [MQTT-4.4.0-2]
  entry->awaiting = Awaiting::pubcomp;
  entry->copy.reset();
  reply(PacketType::pubrel, id);  // [MQTT-4.3.3-4]
  return {};
}

std::optional<Event> Client::handle_pubrel(PacketId id) {
  ReceivedId* received = received_.find(id);
  if (!received) {
    ++unexpected_acks_;
    reply_not_found(PacketType::pubcomp, id);
    return {};
  }
  received_.erase(*received);      // [MQTT-4.3.3-12]
  reply(PacketType::pubcomp, id);  // [MQTT-4.3.3-11]
  return {};
}

std::optional<Event> Client::handle_pubcomp(PacketId id, ReasonCode reason) {
  Inflight::Entry* entry = inflight_.find(id);
  if (!entry || entry->awaiting == Inflight::Awaiting::nothing) {
    ++unexpected_acks_;
    return {};
  }
  if (entry->awaiting != Inflight::Awaiting::pubcomp) {
    return fail(ReasonCode::protocol_error, "PUBCOMP for no released publish");
  }
  return complete(*entry, reason);
}

std::optional<Event> Client::complete(Inflight::Entry& entry, ReasonCode reason) {
  const PublishCompleted completed{entry.cookie, entry.qos, reason};
  inflight_.erase(entry);
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
  const Subscribed subscribed{entry->cookie, suback.codes};
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
  const Unsubscribed unsubscribed{entry->cookie, unsuback.codes};
  inflight_.erase(*entry);
  return unsubscribed;
}

// The server broke the protocol: say so where the protocol level can, then close. [MQTT-4.13.1-1]; 3.1.1 [MQTT-4.8.0-1]
std::optional<Event> Client::fail(ReasonCode reason, std::string_view text) {
  if (is_5()) send_disconnect(reason);
  start_closing({text, EndCause::protocol_error, reason});
  return {};
}

void Client::reply(PacketType type, PacketId id) {
  const size_t before = output_.size();
  protocol::encode_reply(type, id, output_);
  reply_bytes_ += static_cast<uint32_t>(output_.size() - before);
}

// The answer for an identifier we know nothing of; below 5.0 it cannot say so and merely ends the exchange.
void Client::reply_not_found(PacketType type, PacketId id) {
  if (!is_5()) return reply(type, id);
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
