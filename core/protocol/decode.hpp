// Bytes of one whole packet to a Packet. Total: any byte sequence gives a packet or an Error that holds the reason code
// the standard asks for (malformed_packet, protocol_error, unsupported_protocol_version, ...). No allocation except the
// entry lists of SUBSCRIBE and UNSUBSCRIBE.
//
// Decided elsewhere: what depends on who sent the packet, or on what came before it (a second CONNECT, an unknown
// alias, a subscription identifier from a client), an empty client identifier, and in 5.0 the place of wildcards in a
// topic filter, which a broker refuses for each filter alone (topic.hpp). Below 5.0 such a SUBSCRIBE is malformed as a
// whole.
#pragma once

#include "core/base/expected.hpp"
#include "core/protocol/framer.hpp"
#include "core/protocol/packet.hpp"

namespace mqtt_sim::protocol {

// `frame` as cut by the Framer. `version` is that of the connection; a CONNECT states its own. The packet's views point
// into `frame.body`.
Expected<Packet> decode(const Frame& frame, ProtocolVersion version);

// The same for a PUBLISH alone, for the message path: frame.type() must be publish.
Expected<Publish> decode_publish(const Frame& frame, ProtocolVersion version);

}  // namespace mqtt_sim::protocol
