#include "core/protocol/decode.hpp"

#include "core/protocol/field_reader.hpp"
#include "core/protocol/topic.hpp"

namespace mqtt_sim::protocol {
namespace {

// Bits of the CONNECT flags.
constexpr uint8_t kUserNameFlag = 0x80;
constexpr uint8_t kPasswordFlag = 0x40;
constexpr uint8_t kWillRetainFlag = 0x20;
constexpr uint8_t kWillQosBits = 0x18;
constexpr uint8_t kWillFlag = 0x04;
constexpr uint8_t kCleanStartFlag = 0x02;
constexpr uint8_t kReservedFlag = 0x01;

constexpr uint8_t kNoQos = 3;  // the value of two QoS bits that is none

constexpr size_t kUsualFilters = 4;  // in one packet: so many cost a single allocation

std::optional<ProtocolVersion> version_of(std::string_view name, uint8_t level) {
  if (name == "MQTT" && level == 4) return ProtocolVersion::v3_1_1;
  if (name == "MQTT" && level == 5) return ProtocolVersion::v5_0;
  if (name == "MQIsdp" && level == 3) return ProtocolVersion::v3_1;
  return std::nullopt;
}

void check_connect_flags(FieldReader& in, uint8_t flags, ProtocolVersion version) {
  const bool has_will = flags & kWillFlag;
  if (version != ProtocolVersion::v3_1) {  // 3.1 disregards these bits
    if (flags & kReservedFlag) {           // [MQTT-3.1.2-3]
      in.refuse(ReasonCode::malformed_packet, "reserved connect flag is set");
    }
    if (!has_will && (flags & (kWillQosBits | kWillRetainFlag))) {  // [MQTT-3.1.2-11], [MQTT-3.1.2-13]
      in.refuse(ReasonCode::malformed_packet, "will QoS or will retain without a will");
    }
  }
  if (has_will && (flags & kWillQosBits) == kWillQosBits) {  // [MQTT-3.1.2-12]
    in.refuse(ReasonCode::malformed_packet, "will QoS is 3");
  }
  if (!has_properties(version) && (flags & kPasswordFlag) && !(flags & kUserNameFlag)) {  // [MQTT-3.1.2-22] of 3.1.1
    in.refuse(ReasonCode::malformed_packet, "password without a user name");
  }
}

Will read_will(FieldReader& in, uint8_t flags, ProtocolVersion version) {
  Will will;
  if (has_properties(version)) will.properties = in.properties(kWillProperties);
  will.topic = in.text();                                // [MQTT-3.1.3-11]
  if (will.topic.empty() || has_wildcard(will.topic)) {  // [MQTT-3.3.2-2], [MQTT-4.7.3-1]
    in.refuse(ReasonCode::topic_name_invalid, "will topic is not a topic name");
  }
  will.payload = in.binary();
  will.qos = static_cast<QoS>((flags & kWillQosBits) >> 3);
  will.retain = flags & kWillRetainFlag;
  return will;
}

Expected<Packet> decode_connect(ByteView body) {
  FieldReader in(body);
  const std::string_view name = as_text(in.binary());
  const uint8_t level = in.u8();
  const std::optional<ProtocolVersion> version = version_of(name, level);
  if (!version) {  // [MQTT-3.1.2-1], [MQTT-3.1.2-2]
    in.refuse(ReasonCode::unsupported_protocol_version, "unknown protocol name or version");
    return in.finish<Packet>(Connect());
  }
  Connect connect;
  connect.version = *version;
  const uint8_t flags = in.u8();
  check_connect_flags(in, flags, *version);
  connect.clean_start = flags & kCleanStartFlag;
  connect.keep_alive_s = in.u16();
  if (has_properties(*version)) connect.properties = in.properties(place_of(PacketType::connect));
  connect.client_id = in.text();                                         // [MQTT-3.1.3-3], [MQTT-3.1.3-4]
  if (flags & kWillFlag) connect.will = read_will(in, flags, *version);  // [MQTT-3.1.2-9], [MQTT-3.1.3-1]

  // In 3.1 the remaining length takes precedence over these two flags: the fields may be missing at the end.
  const auto is_missing = [&] { return *version == ProtocolVersion::v3_1 && in.is_done(); };
  // [MQTT-3.1.2-16], [MQTT-3.1.2-17], [MQTT-3.1.3-12]
  if ((flags & kUserNameFlag) && !is_missing()) connect.user_name = in.text();
  if ((flags & kPasswordFlag) && !is_missing()) connect.password = in.binary();  // [MQTT-3.1.2-18], [MQTT-3.1.2-19]
  return in.finish<Packet>(std::move(connect));
}

// A server that does not know 5.0 refuses in the form of its own level, with a return code. [MQTT-3.1.2-2] of 3.1.1
bool is_refusal_below_5(ByteView body) {
  constexpr uint8_t kLast = static_cast<uint8_t>(ConnectReturnCode::not_authorized);
  return body.size() == 2 && body[0] == 0 && body[1] > 0 && body[1] <= kLast;
}

Expected<Packet> decode_connack(ByteView body, ProtocolVersion version) {
  if (has_properties(version) && is_refusal_below_5(body)) {
    return Packet(Connack{.code = static_cast<uint8_t>(from_connect_return_code(body[1])), .properties = {}});
  }
  FieldReader in(body);
  Connack connack;
  const uint8_t flags = in.u8();
  connack.code = in.u8();
  if (version != ProtocolVersion::v3_1) {  // where the first byte is reserved, and not used
    if (flags & 0xFE) in.refuse(ReasonCode::malformed_packet, "reserved acknowledge flag is set");  // [MQTT-3.2.2-1]
    connack.session_present = flags & 0x01;
  }
  if (connack.session_present && connack.code != 0) {  // [MQTT-3.2.2-6]
    in.refuse(ReasonCode::protocol_error, "session present in a refusal");
  }
  const bool is_known = has_properties(version)
                            ? is_reason_of(connack.code, place_of(PacketType::connack))
                            : connack.code <= static_cast<uint8_t>(ConnectReturnCode::not_authorized);
  if (!is_known) in.refuse(ReasonCode::protocol_error, "CONNACK does not have this code");  // [MQTT-3.2.2-8]
  if (has_properties(version)) connack.properties = in.properties(place_of(PacketType::connack));
  return in.finish<Packet>(std::move(connack));
}

ReasonCode read_reason(FieldReader& in, PacketType type) {
  const uint8_t code = in.u8();
  if (!is_reason_of(code, place_of(type)))
    in.refuse(ReasonCode::protocol_error, "packet does not have this reason code");
  return static_cast<ReasonCode>(code);
}

// [MQTT-3.4.2-1], [MQTT-3.5.2-1], [MQTT-3.6.2-1], [MQTT-3.7.2-1]
template <class Reply>
Expected<Packet> decode_reply(ByteView body, ProtocolVersion version) {
  FieldReader in(body);
  Reply reply;
  reply.packet_id = in.packet_id();
  if (has_properties(version) && !in.is_done()) {  // absent: success and no properties
    reply.reason = read_reason(in, Reply::type);
    if (!in.is_done()) reply.properties = in.properties(place_of(Reply::type));
  }
  return in.finish<Packet>(std::move(reply));
}

SubscriptionOptions read_options(FieldReader& in, ProtocolVersion version) {
  const uint8_t bits = in.u8();
  const uint8_t reserved = has_properties(version) ? 0xC0 : 0xFC;
  if (bits & reserved) {  // [MQTT-3.8.3-5], [MQTT-3.8.3-4] of 3.1.1
    in.refuse(ReasonCode::malformed_packet, "reserved subscription option is set");
  }
  if ((bits & 3) == kNoQos) {
    in.refuse(has_properties(version) ? ReasonCode::protocol_error : ReasonCode::malformed_packet,
              "requested QoS is 3");
  }
  if ((bits >> 4 & 3) == 3) in.refuse(ReasonCode::protocol_error, "retain handling is 3");
  SubscriptionOptions options;
  options.qos = static_cast<QoS>(bits & 3);
  options.no_local = bits & 0x04;
  options.retain_as_published = bits & 0x08;
  options.retain_handling = static_cast<RetainHandling>(bits >> 4 & 3);
  return options;
}

std::string_view read_filter(FieldReader& in, ProtocolVersion version) {
  const std::string_view filter = in.text();  // [MQTT-3.8.3-1], [MQTT-3.10.3-1]
  if (filter.empty()) in.refuse(ReasonCode::malformed_packet, "topic filter is empty");  // [MQTT-4.7.3-1]
  if (!has_properties(version) && !has_well_placed_wildcards(filter)) {  // [MQTT-4.7.1-1], [MQTT-4.7.1-2]
    in.refuse(ReasonCode::malformed_packet, "wildcard at a wrong place in a topic filter");
  }
  return filter;
}

Expected<Packet> decode_subscribe(ByteView body, ProtocolVersion version) {
  FieldReader in(body);
  Subscribe subscribe;
  subscribe.packet_id = in.packet_id();
  if (has_properties(version)) subscribe.properties = in.properties(place_of(PacketType::subscribe));
  if (in.is_done()) in.refuse(ReasonCode::protocol_error, "SUBSCRIBE without a topic filter");  // [MQTT-3.8.3-2]
  subscribe.entries.reserve(kUsualFilters);
  while (!in.is_done()) {
    SubscribeEntry entry;
    entry.filter = read_filter(in, version);
    entry.options = read_options(in, version);
    if (entry.options.no_local && parse_shared_filter(entry.filter)) {  // [MQTT-3.8.3-4]
      in.refuse(ReasonCode::protocol_error, "no local on a shared subscription");
    }
    subscribe.entries.push_back(entry);
  }
  return in.finish<Packet>(std::move(subscribe));
}

Expected<Packet> decode_unsubscribe(ByteView body, ProtocolVersion version) {
  FieldReader in(body);
  Unsubscribe unsubscribe;
  unsubscribe.packet_id = in.packet_id();
  if (has_properties(version)) unsubscribe.properties = in.properties(place_of(PacketType::unsubscribe));
  if (in.is_done()) in.refuse(ReasonCode::protocol_error, "UNSUBSCRIBE without a topic filter");  // [MQTT-3.10.3-2]
  unsubscribe.filters.reserve(kUsualFilters);
  while (!in.is_done()) unsubscribe.filters.push_back(read_filter(in, version));
  return in.finish<Packet>(std::move(unsubscribe));
}

ByteView read_codes(FieldReader& in, PacketType type, ProtocolVersion version) {
  if (in.is_done()) in.refuse(ReasonCode::protocol_error, "acknowledgement without a reason code");
  const ByteView codes = in.rest();
  for (const uint8_t code : codes) {
    const bool is_known = has_properties(version) ? is_reason_of(code, place_of(type)) : code <= 2 || code == 0x80;
    // [MQTT-3.9.3-2] of 3.1.1
    if (!is_known) in.refuse(ReasonCode::protocol_error, "packet does not have this reason code");  // [MQTT-3.9.3-2]
  }
  return codes;
}

Expected<Packet> decode_suback(ByteView body, ProtocolVersion version) {
  FieldReader in(body);
  Suback suback;
  suback.packet_id = in.packet_id();
  if (has_properties(version)) suback.properties = in.properties(place_of(PacketType::suback));
  suback.codes = read_codes(in, PacketType::suback, version);
  return in.finish<Packet>(std::move(suback));
}

Expected<Packet> decode_unsuback(ByteView body, ProtocolVersion version) {
  FieldReader in(body);
  Unsuback unsuback;
  unsuback.packet_id = in.packet_id();
  if (has_properties(version)) {
    unsuback.properties = in.properties(place_of(PacketType::unsuback));
    unsuback.codes = read_codes(in, PacketType::unsuback, version);  // [MQTT-3.11.3-2]
  }
  return in.finish<Packet>(std::move(unsuback));
}

Expected<Packet> decode_disconnect(ByteView body, ProtocolVersion version) {
  FieldReader in(body);
  Disconnect disconnect;
  if (has_properties(version) && !in.is_done()) {                 // absent: normal disconnection
    disconnect.reason = read_reason(in, PacketType::disconnect);  // [MQTT-3.14.2-1]
    if (!in.is_done()) disconnect.properties = in.properties(place_of(PacketType::disconnect));
  }
  return in.finish<Packet>(std::move(disconnect));
}

Expected<Packet> decode_auth(ByteView body, ProtocolVersion version) {
  FieldReader in(body);
  Auth auth;
  if (!has_properties(version)) in.refuse(ReasonCode::malformed_packet, "AUTH below MQTT 5.0");
  if (!in.is_done()) {                                // absent: success and no properties
    auth.reason = read_reason(in, PacketType::auth);  // [MQTT-3.15.2-1]
    auth.properties = in.properties(place_of(PacketType::auth));
    if (!auth.properties.text(PropertyId::authentication_method)) {
      in.refuse(ReasonCode::protocol_error, "AUTH without an authentication method");
    }
  }
  return in.finish<Packet>(std::move(auth));
}

template <class Empty>
Expected<Packet> decode_empty(ByteView body) {
  return FieldReader(body).finish<Packet>(Empty());
}

// The flags of the fixed header where they mean nothing. [MQTT-2.1.3-1], [MQTT-2.2.2-2] of 3.1.1
bool has_its_flags(const Frame& frame, ProtocolVersion version) {
  switch (frame.type()) {
    case PacketType::publish: return true;
    case PacketType::pubrel:       // [MQTT-3.6.1-1]
    case PacketType::subscribe:    // [MQTT-3.8.1-1]
    case PacketType::unsubscribe:  // [MQTT-3.10.1-1]
      return frame.flags() == 0x02 ||
             (version == ProtocolVersion::v3_1 && frame.flags() == 0x0A);  // 3.1 has a DUP here
    default: return frame.flags() == 0;                                    // [MQTT-3.14.1-1], [MQTT-3.15.1-1]
  }
}

}  // namespace

Expected<Publish> decode_publish(const Frame& frame, ProtocolVersion version) {
  MQTT_SIM_ASSERT(frame.type() == PacketType::publish);
  FieldReader in(frame.body);
  Publish publish;
  const uint8_t qos = frame.flags() >> 1 & 3;
  if (qos == kNoQos) in.refuse(ReasonCode::malformed_packet, "QoS is 3");  // [MQTT-3.3.1-4]
  publish.qos = static_cast<QoS>(qos);
  publish.dup = frame.flags() & 0x08;
  publish.retain = frame.flags() & 0x01;
  if (publish.dup && qos == 0) in.refuse(ReasonCode::malformed_packet, "DUP with QoS 0");  // [MQTT-3.3.1-2]
  publish.topic = in.text();                                                               // [MQTT-3.3.2-1]
  if (has_wildcard(publish.topic)) {                                                       // [MQTT-3.3.2-2]
    in.refuse(ReasonCode::topic_name_invalid, "wildcard in a topic name");
  }
  if (qos > 0) publish.packet_id = in.packet_id();  // [MQTT-2.2.1-2]
  if (has_properties(version)) publish.properties = in.properties(place_of(PacketType::publish));
  if (publish.topic.empty()) {
    if (!has_properties(version)) in.refuse(ReasonCode::topic_name_invalid, "topic name is empty");  // [MQTT-4.7.3-1]
    if (!publish.properties.number(PropertyId::topic_alias)) {
      in.refuse(ReasonCode::protocol_error, "topic name is empty without a topic alias");
    }
  }
  publish.payload = in.rest();
  return in.finish<Publish>(publish);
}

Expected<Packet> decode(const Frame& frame, ProtocolVersion version) {
  if (!has_its_flags(frame, version))
    return make_error(ReasonCode::malformed_packet, "reserved flag in the fixed header");
  switch (frame.type()) {
    case PacketType::reserved: break;
    case PacketType::connect: return decode_connect(frame.body);
    case PacketType::connack: return decode_connack(frame.body, version);
    case PacketType::publish: {
      Expected<Publish> publish = decode_publish(frame, version);
      if (!publish) return std::move(publish).error();
      return Packet(*publish);
    }
    case PacketType::puback: return decode_reply<Puback>(frame.body, version);
    case PacketType::pubrec: return decode_reply<Pubrec>(frame.body, version);
    case PacketType::pubrel: return decode_reply<Pubrel>(frame.body, version);
    case PacketType::pubcomp: return decode_reply<Pubcomp>(frame.body, version);
    case PacketType::subscribe: return decode_subscribe(frame.body, version);
    case PacketType::suback: return decode_suback(frame.body, version);
    case PacketType::unsubscribe: return decode_unsubscribe(frame.body, version);
    case PacketType::unsuback: return decode_unsuback(frame.body, version);
    case PacketType::pingreq: return decode_empty<Pingreq>(frame.body);
    case PacketType::pingresp: return decode_empty<Pingresp>(frame.body);
    case PacketType::disconnect: return decode_disconnect(frame.body, version);
    case PacketType::auth: return decode_auth(frame.body, version);
  }
  return make_error(ReasonCode::malformed_packet, "packet type 0");
}

}  // namespace mqtt_sim::protocol
