// A Packet to bytes, appended to an output queue in one piece. Refuses with an Error, appending nothing, what the
// protocol level cannot carry (properties or AUTH below 5.0, a reason the packet does not have, ...), strings over
// 65,535 bytes or not well-formed UTF-8, and packets over the largest remaining length.
//
// A decoded packet is written back as the same bytes, unless it came in another form than this one:
//   - PUBACK, PUBREC, PUBREL, PUBCOMP, DISCONNECT, AUTH: no reason code where it would be success and there are no
//     properties; of the first five also no property length where there are no properties.
//   - 3.1: bits that it reserves or ignores are 0: DUP of SUBSCRIBE, UNSUBSCRIBE and PUBREL, the reserved bit of
//   CONNECT,
//     its will QoS and will retain without a will, the first byte of CONNACK. A CONNECT that announces a user name or a
//     password and ends before it announces none.
//   - 5.0: a CONNACK in which a server of an older level refuses has the reason code of 5.0 and a property length.
// Properties keep their order; lengths have one form only, the shortest.
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
// The same, but of the payload only a reference goes out: `payload` holds the bytes of publish.payload.
Expected<size_t> encode_publish(const Publish&, ProtocolVersion, OutputQueue&, const SharedBytes& payload);
// PUBACK, PUBREC, PUBREL or PUBCOMP with success and no properties.
void encode_reply(PacketType, PacketId, OutputQueue&);

// Bytes that encode_publish would append.
size_t encoded_size(const Publish&, ProtocolVersion);

}  // namespace mqtt_sim::protocol
