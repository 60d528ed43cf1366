// One endpoint's place in a driver, and its stream while there is one. It applies the driver law: after any call on
// the endpoint it is marked, and when the turn ends visit() writes output(), grants wish() and re-arms deadline(). An
// outbound one lasts as long as the driver and is opened again and again by its Dialer; an arrived one ends with its
// stream. Owned by Loop, its thread only.
//
//   state     what leads out of it
//   idle      wish open -> dialling (outbound only)
//   dialling  the Dialer succeeded -> open; it failed, or wish close or abort -> idle
//   open      wish close and no output left -> draining; end or error of the stream, or wish abort -> idle or gone
//   draining  our end has been sent; the peer's end, an error or one second -> idle or gone
//   gone      (arrived only) the service has released the endpoint; removed when no handler is pending
//
// A byte-to-byte layer (TLS, WebSocket) belongs between the two halves of the private part: below are receive() and
// send(), which know the socket, above are deliver() and flush(), which know the endpoint.
#pragma once

#include <boost/system/error_code.hpp>
#include <cstdint>
#include <optional>
#include <span>

#include "core/base/driver.hpp"
#include "core/base/endpoint.hpp"
#include "core/net/loop.hpp"

namespace mqtt_sim::net {

class Dialer;

class Connection final : public Waker, public DeadlineHolder {
 public:
  Connection(Loop& loop, Endpoint& endpoint, Dialer& dialer);    // outbound
  Connection(Loop& loop, Endpoint& endpoint, Service& service);  // arrived
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection() = default;

  void wake() override;

  // From the dialer or the listener: the stream is up; or it could not be opened.
  void on_stream(Socket socket, const Opening& opening, Instant now);
  void on_dial_failed(CloseReason reason, Instant now);

  // From the loop: does what the driver law asks. True: gone, to be removed.
  bool visit();
  std::optional<Instant> deadline() const override;
  void on_deadline(Instant now) override;
  uint32_t place_in_loop = 0;

  // The driver ends: drops the stream, if there is one, as closed here.
  void drop(Instant now);

 private:
  enum class State : uint8_t { idle, dialling, open, draining, gone };

  void visit_open(Instant now);
  void begin_close(Instant now);
  void abort(Instant now);
  void end(CloseReason reason, Instant now);
  bool wishes_to_end() const;

  void deliver(ByteView bytes, Instant now);
  void flush(Instant now);
  void on_peer_end(Instant now);
  void on_send_error(Instant now);

  void wait_readable();
  void on_readable(const boost::system::error_code& error);
  void wait_writable();
  void on_writable(const boost::system::error_code& error);
  ssize_t receive();                               // as recv
  ssize_t send(std::span<const ByteView> pieces);  // as sendmsg

  Loop& loop_;
  Endpoint* endpoint_;
  Dialer* dialer_ = nullptr;    // outbound only
  Service* service_ = nullptr;  // arrived only
  Socket socket_;
  Instant close_limit_ = kNever;  // when a wish to close ends anyway; kNever while there is none
  State state_ = State::idle;
  bool is_dirty_ = false;
  bool awaits_writable_ = false;
  uint8_t pending_handlers_ = 0;
};

}  // namespace mqtt_sim::net
