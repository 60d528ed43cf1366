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
  write_variable_byte_integer(out, properties.encoded().size());  // [MQTT-2.2.2-1]
  out.put(properties.encoded());
}

// One for each field that put_body() writes, and no other: [MQTT-3.1.2-11], [MQTT-3.1.2-13], [MQTT-3.1.2-16],
// [MQTT-3.1.2-17], [MQTT-3.1.2-18], [MQTT-3.1.2-19].
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
  put_field(out, connect.client_id);  // [MQTT-3.1.3-1], [MQTT-3.1.3-3]
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

// The flags that mean nothing are as listed. [MQTT-2.1.3-1]
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

// A value of an enumeration that is none would flow into the bits beside its own two.
template <class Choice>
bool fits_two_bits(Choice choice) {
  return static_cast<unsigned>(choice) <= 3;
}

struct FitsItsBits {
  bool operator()(const Connect& packet) const { return !packet.will || fits_two_bits(packet.will->qos); }
  bool operator()(const Publish& packet) const { return fits_two_bits(packet.qos); }
  bool operator()(const Subscribe& packet) const {
    for (const SubscribeEntry& entry : packet.entries) {
      if (!fits_two_bits(entry.options.qos) || !fits_two_bits(entry.options.retain_handling)) return false;
    }
    return true;
  }
  template <class Other>
  bool operator()(const Other&) const {
    return true;
  }
};

// Space for one packet; the usual ones need no allocation.
class Scratch {
 public:
  explicit Scratch(size_t size) {
    if (size > sizeof small_) large_.resize(size);
    space_ = size > sizeof small_ ? std::span<uint8_t>(large_) : std::span<uint8_t>(small_).first(size);
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  std::span<uint8_t> space() { return space_; }

 private:
  uint8_t small_[512];
  std::vector<uint8_t> large_;
  std::span<uint8_t> space_;
};

// Appends what decode() would read; what it would refuse is refused here: nobody is sent what we would not accept.
template <class Body>
Expected<size_t> encode_checked(const Body& body, uint8_t first, ProtocolVersion version, OutputQueue* out) {
  const Expected<size_t> size = measure(body, version);
  if (!size) return size.error();
  Scratch scratch(with_header(*size));
  const std::span<uint8_t> bytes = scratch.space();
  write(bytes, first, *size, body, version);
  const Frame frame{first, bytes.last(*size)};
  if (const Expected<Packet> decoded = decode(frame, version); !decoded) return decoded.error();
  if (out) out->append(bytes);
  return bytes.size();
}

Expected<size_t> encode_body(const Publish& publish, uint8_t first, ProtocolVersion version, OutputQueue& out) {
  if (publish.qos == QoS::at_most_once && publish.packet_id != 0) {  // [MQTT-2.2.1-2]
    return make_error(ReasonCode::protocol_error, "packet identifier with QoS 0");
  }
  Publish head = publish;
  head.payload = {};  // a payload is never refused, and may be large
  if (const auto checked = encode_checked(head, first, version, nullptr); !checked) return checked.error();
  return encode_publish(publish, version, out);
}

template <class Body>
Expected<size_t> encode_body(const Body& body, uint8_t first, ProtocolVersion version, OutputQueue& out) {
  return encode_checked(body, first, version, &out);
}

}  // namespace

Expected<size_t> encode(const Packet& packet, ProtocolVersion version, OutputQueue& out) {
  if (const Connect* connect = std::get_if<Connect>(&packet)) version = connect->version;
  if (!has_properties(version) && std::visit(IsLostBelow5(), packet)) {
    return make_error(ReasonCode::protocol_error, "packet holds what only MQTT 5.0 can carry");
  }
  if (!std::visit(FitsItsBits(), packet)) {
    return make_error(ReasonCode::malformed_packet, "QoS or retain handling over 3");
  }
  const uint8_t first = first_byte(packet);
  return std::visit([&](const auto& body) { return encode_body(body, first, version, out); }, packet);
}

Expected<size_t> encode_publish(const Publish& publish, ProtocolVersion version, OutputQueue& out) {
  MQTT_SIM_ASSERT(publish.qos == QoS::at_most_once || publish.packet_id != 0);  // [MQTT-2.2.1-3]
  Expected<size_t> size = measure(publish, version);
  if (!size) return size;
  const size_t whole = with_header(*size);
  write(out.extend(whole), first_byte(publish), *size, publish, version);
  return whole;
}

Expected<size_t> encode_publish(const Publish& publish, ProtocolVersion version, OutputQueue& out,
                                const SharedBytes& payload) {
  MQTT_SIM_ASSERT(publish.qos == QoS::at_most_once || publish.packet_id != 0);  // [MQTT-2.2.1-3]
  MQTT_SIM_ASSERT(payload.size() == publish.payload.size());
  Expected<size_t> size = measure(publish, version);
  if (!size) return size;
  Publish head = publish;
  head.payload = {};
  const size_t whole = with_header(*size);
  write(out.extend(whole - payload.size()), first_byte(publish), *size, head, version);
  out.append(payload);
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
