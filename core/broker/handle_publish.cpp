// PUBLISH from a client (section 3.3): the message path. QoS 2 messages are routed when the PUBLISH comes and their
// identifiers remembered until PUBREL (method B of section 4.3.3).
#include "core/broker/broker.hpp"
#include "core/broker/connection.hpp"
#include "core/protocol/decode.hpp"
#include "core/protocol/topic.hpp"

namespace mqtt_sim::broker {

using protocol::PacketType;
using protocol::PropertyId;
using protocol::Publish;
using protocol::QoS;
using protocol::ReasonCode;

// Nothing: a rule has ended this connection.
inline std::optional<ReasonCode> Connection::route(const Publish& publish, Instant now) {
  if (parked_) return route_as_answered(publish, now);
  return route_now(publish, now);
}

inline std::optional<ReasonCode> Connection::route_now(const Publish& publish, Instant now) {
  const Broker::Routed routed = broker_.route(publish, session_, now);
  if (!routed.ends_connection) return routed.reason;
  cause_ = EndCause::refused;
  tell_failed(routed.reason, {}, now);
  close_with(routed.reason, now);
  return std::nullopt;
}

// Its acknowledgement waits for the gate.
inline bool Connection::waits_to_reply(const Publish& publish, PacketType type, ReasonCode reason, Instant now) {
  return broker_.asks(QuestionKind::published) && park_reply(publish, type, reason, now);
}

// As the gate said, when the packet was parked for that.
std::optional<ReasonCode> Connection::route_as_answered(const Publish& original, Instant now) {
  if (parked_->kind != QuestionKind::publish) return route_now(original, now);
  MQTT_SIM_ASSERT(!parked_->verdicts.empty());
  const Verdict& verdict = parked_->verdicts.front();
  switch (verdict.action) {
    case Verdict::Action::drop: ++broker_.counters().dropped_by_rule; return ReasonCode::success;
    case Verdict::Action::refuse: ++broker_.counters().refused_publishes; return verdict.reason;
    case Verdict::Action::close:
      ++broker_.counters().refused_publishes;
      cause_ = EndCause::refused;
      tell_failed(verdict.reason, {}, now);
      close_with(verdict.reason, now);
      return std::nullopt;
    default: break;
  }
  Publish publish = original;
  if (verdict.rewrite) {
    if (verdict.rewrite->topic && !protocol::is_valid_topic_name(*verdict.rewrite->topic)) {
      ++broker_.counters().refused_publishes;
      return ReasonCode::topic_name_invalid;
    }
    verdict.rewrite->apply(publish);
  }
  return route_now(publish, now);
}

void Connection::handle_publish(const protocol::Frame& frame, Instant now) {
  auto decoded = decode_publish(frame, version_);
  if (!decoded) return fail(protocol::reason_of(decoded.error()), now);
  Publish& publish = *decoded;
  ++broker_.counters().messages_in;
  broker_.counters().payload_bytes_in += publish.payload.size();
  const BrokerOptions& options = broker_.options();
  if (publish.qos > options.max_qos) return refuse_feature(ReasonCode::qos_not_supported, now);
  if (publish.retain && !options.retain_available) return refuse_feature(ReasonCode::retain_not_supported, now);
  protocol::PropertyWriter space;  // allocates nothing unless used
  if (!publish.properties.empty()) {
    if (has_too_many_user_properties(publish.properties)) return refuse_user_properties(now);
    if (publish.properties.number(PropertyId::subscription_identifier)) {  // [MQTT-3.3.4-6]
      return fail(ReasonCode::protocol_error, now);
    }
    if (!resolve_alias(publish, space, now)) return;
  }
  switch (publish.qos) {
    case QoS::at_most_once:  // no answer [MQTT-3.3.4-1]
      if (broker_.has_gate()) return handle_at_most_once_by_gate(publish, now);
      route_now(publish, now);
      return;
    case QoS::at_least_once: return handle_at_least_once(publish, now);
    case QoS::exactly_once:
      if (const auto how = broker_.behaviour().on_qos2_publish) return handle_without_exactly_once(publish, *how, now);
      return handle_exactly_once(publish, now);
  }
}

void Connection::handle_at_most_once_by_gate(const Publish& publish, Instant now) {
  if (const auto reason = route(publish, now)) waits_to_reply(publish, {}, *reason, now);
}

void Connection::handle_at_least_once(const Publish& publish, Instant now) {
  if (received_ >= broker_.options().receive_maximum && has_properties(version_)) {  // [MQTT-3.3.4-7]
    return fail(ReasonCode::receive_maximum_exceeded, now);
  }
  // [MQTT-4.3.2-4], [MQTT-4.3.2-5]
  const auto reason = route(publish, now);
  if (!reason || waits_to_reply(publish, PacketType::puback, *reason, now)) return;
  reply(PacketType::puback, publish.packet_id, *reason);
}  // [MQTT-4.3.2-4]

// At a broker that has no QoS 2 and no word for that.
void Connection::handle_without_exactly_once(Publish& publish, OnQos2Publish how, Instant now) {
  switch (how) {
    case OnQos2Publish::ignore: return;
    case OnQos2Publish::noack: route(publish, now); return;
    case OnQos2Publish::drop_to_qos1: publish.qos = QoS::at_least_once; return handle_at_least_once(publish, now);
    case OnQos2Publish::disconnect: cause_ = EndCause::protocol; return close(true, now);
  }
}

void Connection::handle_exactly_once(const Publish& publish, Instant now) {
  PacketIdSet& ids = session_->make_received();
  ReasonCode reason = ReasonCode::success;
  if (!ids.contains(publish.packet_id)) {  // else it was routed when it came first [MQTT-4.3.3-10] [MQTT-4.3.3-13]
    if (received_ >= broker_.options().receive_maximum && has_properties(version_)) {
      return fail(ReasonCode::receive_maximum_exceeded, now);
    }
    const auto routed = route(publish, now);
    if (!routed) return;
    reason = *routed;
    if (!is_failure(reason) || !has_properties(version_)) {  // [MQTT-4.3.3-9]
      ids.insert(publish.packet_id);
      ++received_;
    }
    if (waits_to_reply(publish, PacketType::pubrec, reason, now)) return;
  }
  reply(PacketType::pubrec, publish.packet_id, reason);  // [MQTT-4.3.3-8]
}

// Puts the topic name in the place of its alias, learns new aliases, and takes the alias off the message.
bool Connection::resolve_alias(Publish& publish, protocol::PropertyWriter& space, Instant now) {
  const auto alias = publish.properties.number(PropertyId::topic_alias);
  if (!alias) return true;
  if (*alias == 0 || *alias > broker_.options().topic_alias_maximum) {  // [MQTT-3.3.2-8], [MQTT-3.3.2-9]
    fail(ReasonCode::topic_alias_invalid, now);
    return false;
  }
  if (!aliases_) aliases_ = std::make_unique<TopicAliases>();
  auto& names = aliases_->received;
  if (names.size() < *alias) names.resize(*alias);
  std::string& name = names[*alias - 1];
  if (!publish.topic.empty()) {
    name = publish.topic;  // [MQTT-3.3.2-12]
  } else if (name.empty()) {
    fail(ReasonCode::protocol_error, now);
    return false;
  } else {
    publish.topic = name;
  }
  publish.properties = without_property(publish.properties, PropertyId::topic_alias, space);
  return true;
}

}  // namespace mqtt_sim::broker
