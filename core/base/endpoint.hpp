// The one contract between machines and drivers.
//
// An Endpoint is a machine on one byte stream: an MQTT client, a broker's side of a connection, a simulated device.
// It has no socket, no clock and no thread. A driver (core/net in real time, core/sim in virtual time) moves its bytes
// and tells it the time. Driver law: after any on_* call or wake, flush output(), re-arm the one timer to deadline(),
// grant wish(). All calls on one endpoint come from one thread, and never from inside another call on it.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "core/base/bytes.hpp"
#include "core/base/time.hpp"

namespace mqtt_sim::inline base {

// Marks an endpoint's stream dirty: the driver will visit it before its turn ends. Cheap, may be called repeatedly,
// from the driver's thread only.
class Waker {
 public:
  virtual void wake() = 0;

 protected:
  ~Waker() = default;
};

enum class CloseReason : uint8_t {
  local,            // the endpoint wished it, or the driver is shutting down
  peer,             // orderly end of stream from the other side
  reset,            // connection reset, broken pipe, time-out of the network
  refused,          // nobody listens there
  unreachable,      // no route, name not found
  no_ports,         // no local address and port left
  descriptors,      // no file descriptor left
  tls_failed,       // certificate or handshake not accepted, by us or by the peer; or TLS broken later
  upgrade_refused,  // the HTTP server did not make it a WebSocket
  timed_out,        // TLS or upgrade took longer than the driver waits
  breach,           // the peer broke the rules of WebSocket
};
const char* to_string(CloseReason);

enum class StreamWish : uint8_t {
  none,   // leave the stream as it is
  open,   // connect, or connect again
  close,  // flush what waits in output(), then close
  abort,  // drop the stream at once with whatever waits (a reset)
};

// How long each step of opening took; a step that did not happen is zero.
struct Opening {
  Instant started{};   // when the driver began to connect (not when the endpoint began to wish it)
  Duration resolve{};  // name to address
  Duration tcp{};      // TCP handshake
  Duration tls{};      // TLS handshake
  Duration upgrade{};  // HTTP upgrade to WebSocket
};

// One ordered, lossless stream of bytes each way, which is what MQTT asks of a transport. [MQTT-4.2-1]
class Endpoint {
 public:
  virtual ~Endpoint() = default;

  // The stream is up. `waker` lasts until on_closed returns.
  virtual void on_open(Waker& waker, const Opening& opening, Instant now) = 0;
  // `bytes` are valid during the call only.
  virtual void on_bytes(ByteView bytes, Instant now) = 0;
  // The instant given by deadline() has come. May come late, never early.
  virtual void on_deadline(Instant now) = 0;
  // The stream is gone, or could not be opened. on_open may come again: sessions outlive streams.
  virtual void on_closed(CloseReason reason, Instant now) = 0;

  // Bytes waiting to leave, as a gather list; valid until the next call that is not const.
  virtual std::span<const ByteView> output() const = 0;
  virtual void output_sent(size_t n, Instant now) = 0;

  virtual std::optional<Instant> deadline() const = 0;
  virtual StreamWish wish() const = 0;
  // False: leave what arrives where it is, so that the peer has to wait. What has been read already is still given.
  // Asked after each call on the endpoint and after a wake. A driver without sockets may give everything all the same.
  virtual bool takes_input() const { return true; }
};

}  // namespace mqtt_sim::inline base
