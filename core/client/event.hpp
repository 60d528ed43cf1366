// What a client tells its owner, one value at a time, out of Client::poll_event(). Views in an event point into the
// bytes just read and are valid until the next call on the client; they may be arguments of that call.
#pragma once

#include <cstdint>
#include <string_view>
#include <variant>

#include "core/base/bytes.hpp"
#include "core/base/endpoint.hpp"
#include "core/protocol/packet.hpp"

namespace mqtt_sim::client {

// CONNACK with success. `properties` tell, among others, a reason string and the response information asked for.
struct Connected {
  bool session_present;
  Opening opening;
  Instant connect_sent;
  protocol::PropertyList properties;
};

// CONNACK with a failure. Disconnected{server_disconnect} follows when the stream is gone.
struct Refused {
  protocol::ReasonCode reason;          // below 5.0 the nearest one
  uint8_t code;                         // as on the wire; the reason code where an older server refused 5.0
  protocol::PropertyList properties{};  // reason string, server reference, ...
};

enum class EndCause : uint8_t {
  by_us,                   // disconnect() or kill()
  stream,                  // the stream failed, or could not be opened: see `close`
  server_disconnect,       // DISCONNECT of a 5.0 server, or a refusing CONNACK
  protocol_error,          // the server broke the protocol: see `reason` and `text`
  connect_timeout,         // no CONNACK in time
  keep_alive_timeout,      // no PINGRESP in time
  authentication_timeout,  // no answer in time to a re-authentication
};
const char* to_string(EndCause);

// One connection, or one attempt at it, is over. The state is then `reconnecting` or `closed`.
struct Disconnected {
  EndCause cause;
  CloseReason close;
  protocol::ReasonCode reason;  // success where nobody named one
  std::string_view text;        // constant and short
  bool was_connected;           // a CONNACK with success had come
  // Of the DISCONNECT or refusing CONNACK of the server: reason string, server reference, user properties.
  protocol::PropertyList properties{};
};

struct MessageReceived {
  protocol::Publish publish;
  uint64_t token = 0;  // for acknowledge(); 0 where the client has answered, or nothing is to be answered
};

// A publish above QoS 0 has been acknowledged, be it with a failure: PUBACK, PUBCOMP, or a failing PUBREC.
struct PublishCompleted {
  uint64_t cookie;
  protocol::QoS qos;
  protocol::ReasonCode reason;
  protocol::PropertyList properties{};
};

// A publish above QoS 0 will never be acknowledged: its session is gone, or the server of the resumed session has
// lowered its limits so that it must not be sent again.
struct PublishDropped {
  uint64_t cookie;
};

// SUBACK, or our own refusal of a SUBSCRIBE that this server cannot be sent (then each code says why). Requests that
// wait when a connection ends are forgotten without an event.
struct Subscribed {
  uint64_t cookie;
  ByteView codes;
  protocol::PropertyList properties{};
};

struct Unsubscribed {
  uint64_t cookie;
  ByteView codes;  // empty below 5.0
  protocol::PropertyList properties{};
};

// AUTH of the server that the owner has to know of: each one of a method that is the owner's, and with any method the
// success that ends a re-authentication.
struct AuthReceived {
  protocol::ReasonCode reason;  // continue_authentication: answer with authenticate(); or success
  std::string_view data;
  protocol::PropertyList properties;
};

// An exchange of QoS 2 waits for continue_exchange(): PUBREC (with success) of a message sent, or PUBREL of one
// received. Only where the owner writes the session down.
struct ExchangeAdvanced {
  protocol::PacketType received;
  protocol::PacketId packet_id;
};

using Event = std::variant<Connected, Refused, Disconnected, MessageReceived, PublishCompleted, PublishDropped,
                           Subscribed, Unsubscribed, AuthReceived, ExchangeAdvanced>;

// What a server says in words; empty when it does not.
inline std::string_view reason_string_of(const protocol::PropertyList& properties) {
  return properties.empty() ? std::string_view()
                            : properties.text(protocol::PropertyId::reason_string).value_or(std::string_view());
}
// Where a server that sends us away (0x9C, 0x9D) wants us to go; empty when it does not say.
inline std::string_view server_reference_of(const protocol::PropertyList& properties) {
  return properties.empty() ? std::string_view()
                            : properties.text(protocol::PropertyId::server_reference).value_or(std::string_view());
}

}  // namespace mqtt_sim::client
