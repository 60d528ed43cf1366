// A Packet to bytes, appended to an output queue in one piece. Refuses with an Error, appending nothing, what the
// protocol level cannot carry (properties or AUTH below 5.0, a reason the packet does not have, ...), strings over
// 65,535 bytes or not well-formed UTF-8, and packets over the largest remaining length.
#pragma once

#include "core/base/expected.hpp"
#include "core/base/output_queue.hpp"
#include "core/protocol/packet.hpp"

namespace mqtt_sim::protocol {

// Result: the number of bytes appended. A CONNECT is written at its own version, whatever `version` says. Session
// present of a CONNACK is left out in 3.1, where its bit is reserved.
Expected<size_t> encode(const Packet&, ProtocolVersion, OutputQueue&);

// The message path, without the variant. encode_publish trusts topic, properties and payload to be well formed (they
// were decoded, or checked when the plan was built) and checks only sizes. Below 5.0 it leaves the properties out, so
// that one message serves subscribers of all levels; asserts that a QoS above 0 comes with a packet identifier.
Expected<size_t> encode_publish(const Publish&, ProtocolVersion, OutputQueue&);
// PUBACK, PUBREC, PUBREL or PUBCOMP with success and no properties.
void encode_reply(PacketType, PacketId, OutputQueue&);

// Bytes that encode_publish would append.
size_t encoded_size(const Publish&, ProtocolVersion);

}  // namespace mqtt_sim::protocol
