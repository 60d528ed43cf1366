// Input: protocol level, first byte, body.
#include <variant>

#include "core/protocol/decode.hpp"
#include "core/protocol/encode.hpp"
#include "tests/cpp/protocol/same_packet.hpp"
#include "tests/fuzz/script.hpp"
#include "tests/fuzz/targets.hpp"

namespace mqtt_sim::fuzz {
namespace {

using namespace protocol;

std::vector<uint8_t> bytes_of(const OutputQueue& queue) {
  std::vector<uint8_t> bytes;
  for (const ByteView view : queue.views()) bytes.insert(bytes.end(), view.begin(), view.end());
  return bytes;
}

std::vector<uint8_t> encoded(const Packet& packet, ProtocolVersion version) {
  OutputQueue queue;
  const Expected<size_t> size = encode(packet, version, queue);
  MQTT_SIM_ASSERT(size.has_value());
  MQTT_SIM_ASSERT(*size == queue.size());
  return bytes_of(queue);
}

// Every way to read a list agrees with its bytes.
void read_properties(const PropertyList& list) {
  PropertyWriter copy;
  for (const Property& property : list) {
    MQTT_SIM_ASSERT(find_property_row(static_cast<uint8_t>(property.id)) != nullptr);
    MQTT_SIM_ASSERT(list.number(property.id).has_value());
    if (property.id == PropertyId::user_property) MQTT_SIM_ASSERT(list.user_property(property.text).has_value());
    copy.copy(property);
  }
  MQTT_SIM_ASSERT(IsSame::same(copy.list(), list));
}

void read_properties(const Packet& packet) {
  std::visit(
      [](const auto& body) {
        if constexpr (requires { body.properties; }) read_properties(body.properties);
      },
      packet);
  const Connect* connect = std::get_if<Connect>(&packet);
  if (connect && connect->will) read_properties(connect->will->properties);
}

}  // namespace

void decode_fuzz(ByteView input) {
  Script script(input);
  const auto version = static_cast<ProtocolVersion>(3 + script.u8() % 3);
  const uint8_t first = script.u8();
  const std::vector<uint8_t> body = copy_of(script.rest());

  const Expected<Packet> packet = decode({first, body}, version);
  if (!packet) {
    MQTT_SIM_ASSERT(is_failure(reason_of(packet.error())));
    MQTT_SIM_ASSERT(!packet.error().text.empty());
    return;
  }
  MQTT_SIM_ASSERT(static_cast<uint8_t>(type_of(*packet)) == first >> 4);
  read_properties(*packet);

  const std::vector<uint8_t> written = encoded(*packet, version);
  Framer framer;
  framer.feed(written);
  const auto frame = framer.next();
  MQTT_SIM_ASSERT(frame.has_value() && frame->has_value());
  const Expected<Packet> again = decode(**frame, version);
  MQTT_SIM_ASSERT(again.has_value());
  MQTT_SIM_ASSERT(is_same(*packet, *again));
  MQTT_SIM_ASSERT(encoded(*again, version) == written);

  if (const Publish* publish = std::get_if<Publish>(&*packet)) {  // the message path says the same
    OutputQueue queue;
    MQTT_SIM_ASSERT(encode_publish(*publish, version, queue).has_value());
    MQTT_SIM_ASSERT(bytes_of(queue) == written);
    MQTT_SIM_ASSERT(encoded_size(*publish, version) == written.size());
    MQTT_SIM_ASSERT(IsSame()(*decode_publish({first, body}, version), *publish));
  }
}

}  // namespace mqtt_sim::fuzz
