#include "core/protocol/encode.hpp"

#include <type_traits>
#include <variant>
#include <vector>

#include "core/protocol/decode.hpp"
#include "core/protocol/variable_byte_integer.hpp"

namespace mqtt_sim::protocol {
namespace {

constexpr size_t kLongestField = 0xFFFF;

// A body is described once, by put_body(), and goes into a Meter first and into Bytes then.
struct Meter {
  size_t size = 0;
  bool has_long_field = false;

  void u8(uint8_t) { size += 1; }
  void u16(uint16_t) { size += 2; }
  void put(ByteView bytes) { size += bytes.size(); }
  void length(size_t n) {
    size += 2;
    if (n > kLongestField) has_long_field = true;
  }
};

struct Bytes : ByteWriter {
  using ByteWriter::ByteWriter;
  void length(size_t n) { u16(static_cast<uint16_t>(n)); }
};

template <class Out>
void put_field(Out& out, ByteView bytes) {
  out.length(bytes.size());
  out.put(bytes);
}

template <class Out>
void put_field(Out& out, std::string_view text) {
  put_field(out, as_bytes(text));
}

template <class Out>
void put_properties(Out& out, const PropertyList& properties) {
  write_variable_byte_integer(out, properties.encoded().size());
  out.put(properties.encoded());
}

uint8_t connect_flags(const Connect& connect) {
  unsigned flags = connect.clean_start ? 0x02 : 0;
  if (connect.will) {
    flags |= 0x04 | static_cast<unsigned>(connect.will->qos) << 3 | (connect.will->retain ? 0x20 : 0);
  }
  if (connect.password) flags |= 0x40;
  if (connect.user_name) flags |= 0x80;
  return static_cast<uint8_t>(flags);
}

template <class Out>
void put_body(Out& out, const Connect& connect, ProtocolVersion version) {
  put_field(out, std::string_view(version == ProtocolVersion::v3_1 ? "MQIsdp" : "MQTT"));
  out.u8(static_cast<uint8_t>(version));
  out.u8(connect_flags(connect));
  out.u16(connect.keep_alive_s);
  if (has_properties(version)) put_properties(out, connect.properties);
  put_field(out, connect.client_id);
  if (connect.will) {
    if (has_properties(version)) put_properties(out, connect.will->properties);
    put_field(out, connect.will->topic);
    put_field(out, connect.will->payload);
  }
  if (connect.user_name) put_field(out, *connect.user_name);
  if (connect.password) put_field(out, *connect.password);
}

template <class Out>
void put_body(Out& out, const Connack& connack, ProtocolVersion version) {
  out.u8(connack.session_present && version != ProtocolVersion::v3_1 ? 1 : 0);
  out.u8(connack.code);
  if (has_properties(version)) put_properties(out, connack.properties);
}

template <class Out>
void put_body(Out& out, const Publish& publish, ProtocolVersion version) {
  put_field(out, publish.topic);
  if (publish.qos != QoS::at_most_once) out.u16(publish.packet_id);
  if (has_properties(version)) put_properties(out, publish.properties);
  out.put(publish.payload);
}

template <class Out, PacketType type>
void put_body(Out& out, const PublishReply<type>& reply, ProtocolVersion version) {
  out.u16(reply.packet_id);
  if (!has_properties(version)) return;
  if (reply.properties.empty() && reply.reason == ReasonCode::success) return;
  out.u8(static_cast<uint8_t>(reply.reason));
  if (!reply.properties.empty()) put_properties(out, reply.properties);
}

uint8_t option_bits(const SubscriptionOptions& options) {
  return static_cast<uint8_t>(static_cast<unsigned>(options.qos) | (options.no_local ? 0x04u : 0u) |
                              (options.retain_as_published ? 0x08u : 0u) |
                              static_cast<unsigned>(options.retain_handling) << 4);
}

template <class Out>
void put_body(Out& out, const Subscribe& subscribe, ProtocolVersion version) {
  out.u16(subscribe.packet_id);
  if (has_properties(version)) put_properties(out, subscribe.properties);
  for (const SubscribeEntry& entry : subscribe.entries) {
    put_field(out, entry.filter);
    out.u8(option_bits(entry.options));
  }
}

template <class Out>
void put_body(Out& out, const Unsubscribe& unsubscribe, ProtocolVersion version) {
  out.u16(unsubscribe.packet_id);
  if (has_properties(version)) put_properties(out, unsubscribe.properties);
  for (const std::string_view filter : unsubscribe.filters) put_field(out, filter);
}

template <class Out, class Acknowledgement>
void put_acknowledgement(Out& out, const Acknowledgement& packet, ProtocolVersion version) {
  out.u16(packet.packet_id);
  if (has_properties(version)) put_properties(out, packet.properties);
  out.put(packet.codes);
}

template <class Out>
void put_body(Out& out, const Suback& suback, ProtocolVersion version) {
  put_acknowledgement(out, suback, version);
}

template <class Out>
void put_body(Out& out, const Unsuback& unsuback, ProtocolVersion version) {
  put_acknowledgement(out, unsuback, version);
}

template <class Out>
void put_body(Out&, const Pingreq&, ProtocolVersion) {}

template <class Out>
void put_body(Out&, const Pingresp&, ProtocolVersion) {}

template <class Out>
void put_body(Out& out, const Disconnect& disconnect, ProtocolVersion version) {
  if (!has_properties(version)) return;
  if (disconnect.properties.empty() && disconnect.reason == ReasonCode::success) return;
  out.u8(static_cast<uint8_t>(disconnect.reason));
  if (!disconnect.properties.empty()) put_properties(out, disconnect.properties);
}

template <class Out>
void put_body(Out& out, const Auth& auth, ProtocolVersion) {
  if (auth.properties.empty() && auth.reason == ReasonCode::success) return;
  out.u8(static_cast<uint8_t>(auth.reason));
  put_properties(out, auth.properties);
}

uint8_t first_byte(PacketType type) {
  const bool has_fixed_flags =
      type == PacketType::pubrel || type == PacketType::subscribe || type == PacketType::unsubscribe;
  return static_cast<uint8_t>(static_cast<unsigned>(type) << 4 | (has_fixed_flags ? 0x02u : 0u));
}

uint8_t first_byte(const Publish& publish) {
  return static_cast<uint8_t>(0x30u | (publish.dup ? 0x08u : 0u) | static_cast<unsigned>(publish.qos) << 1 |
                              (publish.retain ? 0x01u : 0u));
}

uint8_t first_byte(const Packet& packet) {
  const Publish* publish = std::get_if<Publish>(&packet);
  return publish ? first_byte(*publish) : first_byte(type_of(packet));
}

template <class Body>
Expected<size_t> measure(const Body& body, ProtocolVersion version) {
  Meter meter;
  put_body(meter, body, version);
  if (meter.has_long_field) return make_error(ReasonCode::packet_too_large, "string or binary data over 65,535 bytes");
  if (meter.size > kLargestVariableByteInteger) {
    return make_error(ReasonCode::packet_too_large, "packet over the largest remaining length");
  }
  return meter.size;
}

size_t with_header(size_t body_size) { return 1 + size_of_variable_byte_integer(body_size) + body_size; }

// `space` is exactly with_header(body_size).
template <class Body>
void write(std::span<uint8_t> space, uint8_t first, size_t body_size, const Body& body, ProtocolVersion version) {
  Bytes out(space);
  out.u8(first);
  write_variable_byte_integer(out, body_size);
  put_body(out, body, version);
  MQTT_SIM_ASSERT(out.written() == space.size());
}

// What the bytes of a protocol level below 5.0 have no place for and would lose without a word.
struct IsLostBelow5 {
  bool operator()(const Connect& packet) const {
    return !packet.properties.empty() || (packet.will && !packet.will->properties.empty());
  }
  bool operator()(const Subscribe& packet) const {
    for (const SubscribeEntry& entry : packet.entries) {
      if (entry.options != SubscriptionOptions{.qos = entry.options.qos}) return true;
    }
    return !packet.properties.empty();
  }
  bool operator()(const Unsuback& packet) const { return !packet.properties.empty() || !packet.codes.empty(); }
  bool operator()(const Pingreq&) const { return false; }
  bool operator()(const Pingresp&) const { return false; }
  template <class Other>
  bool operator()(const Other& packet) const {
    if constexpr (requires { packet.reason; }) {
      if (packet.reason != ReasonCode::success) return true;
    }
    return !packet.properties.empty();
  }
};

// The packet's bytes, refused where decode() would refuse them: nobody is sent what we would not accept.
Expected<std::vector<uint8_t>> to_bytes(const Packet& packet, ProtocolVersion version) {
  const Expected<size_t> size = std::visit([&](const auto& body) { return measure(body, version); }, packet);
  if (!size) return size.error();
  std::vector<uint8_t> bytes(with_header(*size));
  const uint8_t first = first_byte(packet);
  std::visit([&](const auto& body) { write(bytes, first, *size, body, version); }, packet);
  const Frame frame{first, ByteView(bytes).last(*size)};
  if (const Expected<Packet> decoded = decode(frame, version); !decoded) return decoded.error();
  return bytes;
}

}  // namespace

Expected<size_t> encode(const Packet& packet, ProtocolVersion version, OutputQueue& out) {
  if (const Connect* connect = std::get_if<Connect>(&packet)) version = connect->version;
  if (!has_properties(version) && std::visit(IsLostBelow5(), packet)) {
    return make_error(ReasonCode::protocol_error, "packet holds what only MQTT 5.0 can carry");
  }
  if (const Publish* publish = std::get_if<Publish>(&packet)) {
    if (publish->qos == QoS::at_most_once && publish->packet_id != 0) {  // [MQTT-2.2.1-2]
      return make_error(ReasonCode::protocol_error, "packet identifier with QoS 0");
    }
    Publish head = *publish;
    head.payload = {};  // a payload is never refused, and may be large
    if (const auto checked = to_bytes(head, version); !checked) return checked.error();
    return encode_publish(*publish, version, out);
  }
  const Expected<std::vector<uint8_t>> bytes = to_bytes(packet, version);
  if (!bytes) return bytes.error();
  out.append(*bytes);
  return bytes->size();
}

Expected<size_t> encode_publish(const Publish& publish, ProtocolVersion version, OutputQueue& out) {
  MQTT_SIM_ASSERT(publish.qos == QoS::at_most_once || publish.packet_id != 0);  // [MQTT-2.2.1-3]
  Expected<size_t> size = measure(publish, version);
  if (!size) return size;
  const size_t whole = with_header(*size);
  write(out.extend(whole), first_byte(publish), *size, publish, version);
  return whole;
}

void encode_reply(PacketType type, PacketId packet_id, OutputQueue& out) {
  MQTT_SIM_ASSERT(type >= PacketType::puback && type <= PacketType::pubcomp);
  MQTT_SIM_ASSERT(packet_id != 0);
  ByteWriter bytes(out.extend(4));
  bytes.u8(first_byte(type));
  bytes.u8(2);
  bytes.u16(packet_id);
}

size_t encoded_size(const Publish& publish, ProtocolVersion version) {
  Meter meter;
  put_body(meter, publish, version);
  return with_header(meter.size);
}

}  // namespace mqtt_sim::protocol
