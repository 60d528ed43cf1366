// PUBACK, PUBREC, PUBREL and PUBCOMP from a client (sections 3.4 to 3.7, 4.3), and those we answer with.
#include "core/broker/broker.hpp"
#include "core/broker/connection.hpp"
#include "core/protocol/encode.hpp"

namespace mqtt_sim::broker {

using protocol::PacketId;
using protocol::PacketType;
using protocol::ReasonCode;

namespace {
// A session without messages under way knows no identifier.
constexpr auto kUnknown = Outgoing::Answer::unknown;
constexpr auto kWrong = Outgoing::Answer::wrong;
}  // namespace

void Connection::handle_puback(PacketId id, Instant now) {
  Outgoing* outgoing = session_->outgoing.get();
  if (outgoing && broker_.is_watching(NoticeKind::acknowledged)) tell_acknowledged(id, now);
  const auto answer = outgoing ? outgoing->on_puback(id) : kUnknown;  // [MQTT-4.3.2-3]
  if (answer == kWrong) return fail(ReasonCode::protocol_error, now);
  if (outgoing) pump(now);
}

void Connection::handle_pubrec(const protocol::Pubrec& pubrec, Instant now) {
  Outgoing* outgoing = session_->outgoing.get();
  const bool is_refused = is_failure(pubrec.reason);
  if (outgoing && !is_refused && broker_.is_watching(NoticeKind::acknowledged))
    tell_acknowledged(pubrec.packet_id, now);
  const auto answer = outgoing ? outgoing->on_pubrec(pubrec.packet_id, is_refused) : kUnknown;
  if (answer == kWrong) return fail(ReasonCode::protocol_error, now);
  if (!is_refused) {  // [MQTT-4.3.3-4]
    reply(PacketType::pubrel, pubrec.packet_id,
          answer == kUnknown ? ReasonCode::packet_identifier_not_found : ReasonCode::success);
  }
  if (outgoing) pump(now);
}

void Connection::handle_pubrel(const protocol::Pubrel& pubrel) {
  const bool was_received = session_->received && session_->received->erase(pubrel.packet_id);  // [MQTT-4.3.3-12]
  if (was_received && received_ > 0) --received_;
  reply(PacketType::pubcomp, pubrel.packet_id,
        was_received ? ReasonCode::success : ReasonCode::packet_identifier_not_found);  // [MQTT-4.3.3-11]
}

void Connection::handle_pubcomp(PacketId id, Instant now) {
  Outgoing* outgoing = session_->outgoing.get();
  const auto answer = outgoing ? outgoing->on_pubcomp(id) : kUnknown;  // [MQTT-4.3.3-5]
  if (answer == kWrong) return fail(ReasonCode::protocol_error, now);
  if (outgoing) pump(now);
}

// Below 5.0 there is no reason to tell: what was refused is acknowledged like the rest [MQTT-3.3.5-2] of 3.1.1.
// [MQTT-2.2.1-5], [MQTT-3.4.2-2], [MQTT-3.4.2-3], [MQTT-3.5.2-2], [MQTT-3.5.2-3], [MQTT-3.6.2-2], [MQTT-3.6.2-3],
// [MQTT-3.7.2-2], [MQTT-3.7.2-3]
void Connection::reply(PacketType type, PacketId id, ReasonCode reason) {
  if (reason == ReasonCode::success || !has_properties(version_)) {
    constexpr size_t kReplySize = 4;
    if (maximum_packet_size_ < kReplySize) return;
    begin_output();
    return encode_reply(type, id, output_);
  }
  if (!protocol::is_reason_of(static_cast<uint8_t>(reason), place_of(type))) reason = ReasonCode::unspecified_error;
  switch (type) {
    case PacketType::puback: return send(protocol::Puback{id, reason, {}});
    case PacketType::pubrec: return send(protocol::Pubrec{id, reason, {}});
    case PacketType::pubrel: return send(protocol::Pubrel{id, reason, {}});
    default: return send(protocol::Pubcomp{id, reason, {}});
  }
}

}  // namespace mqtt_sim::broker
