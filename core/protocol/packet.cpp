#include "core/protocol/packet.hpp"

namespace mqtt_sim::protocol {

std::string_view to_string(PacketType type) {
  switch (type) {
    case PacketType::reserved: return "RESERVED";
    case PacketType::connect: return "CONNECT";
    case PacketType::connack: return "CONNACK";
    case PacketType::publish: return "PUBLISH";
    case PacketType::puback: return "PUBACK";
    case PacketType::pubrec: return "PUBREC";
    case PacketType::pubrel: return "PUBREL";
    case PacketType::pubcomp: return "PUBCOMP";
    case PacketType::subscribe: return "SUBSCRIBE";
    case PacketType::suback: return "SUBACK";
    case PacketType::unsubscribe: return "UNSUBSCRIBE";
    case PacketType::unsuback: return "UNSUBACK";
    case PacketType::pingreq: return "PINGREQ";
    case PacketType::pingresp: return "PINGRESP";
    case PacketType::disconnect: return "DISCONNECT";
    case PacketType::auth: return "AUTH";
  }
  return "UNKNOWN";
}

// The alternatives of Packet stand in the order of the packet types, which begin at 1.
static_assert(std::is_same_v<std::variant_alternative_t<0, Packet>, Connect>);
static_assert(std::is_same_v<std::variant_alternative_t<7, Packet>, Subscribe>);
static_assert(std::is_same_v<std::variant_alternative_t<14, Packet>, Auth>);

PacketType type_of(const Packet& packet) { return static_cast<PacketType>(packet.index() + 1); }

}  // namespace mqtt_sim::protocol
