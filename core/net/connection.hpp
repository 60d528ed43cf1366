// One endpoint's place in a driver, and its stream while there is one. It applies the driver law: after any call on
// the endpoint it is marked, and when the turn ends visit() writes output(), grants wish() and re-arms deadline(). An
// outbound one lasts as long as the driver and is opened again and again by its Dialer; an arrived one gets its
// endpoint when the handshakes are over and ends with its stream. Owned by Loop, its thread only.
//
//   state     what leads out of it
//   idle      wish open -> dialling (outbound only)
//   dialling  the Dialer succeeded -> opening, or open if the stream is plain; it failed, or wish close or abort ->
//   idle opening   the Opener is done -> open; it refuses, or a layer fails -> draining; end, error, time -> idle or
//   gone open      wish close and no output left -> draining; a layer fails -> draining; end or error of the stream, or
//   wish
//             abort -> idle or gone
//   draining  what is unsent leaves, then our end; the peer's end, an error or one second -> idle or gone
//   gone      (arrived only) the service has released the endpoint; removed when no handler is pending
//
// Byte-to-byte layers stand in Stack, between the two halves of the private part: below are receive() and send(), which
// know the socket, above are deliver() and flush(), which know the endpoint. A plain stream has no Stack.
#pragma once

#include <boost/system/error_code.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "core/base/driver.hpp"
#include "core/base/endpoint.hpp"
#include "core/net/loop.hpp"
#include "core/net/opener.hpp"
#include "core/net/stack.hpp"

namespace mqtt_sim::net {

class Dialer;
class Listener;

class Connection final : public Waker, public DeadlineHolder {
 public:
  Connection(Loop& loop, Endpoint& endpoint, Dialer& dialer);  // outbound
  Connection(Loop& loop, Listener& listener);                  // arrived
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection();

  void wake() override;

  // From the dialer: the socket is connected; or it could not be.
  void on_dialled(Socket socket, const Opening& opening, Instant now);
  void on_dial_failed(CloseReason reason, std::string_view detail, Instant now);
  // From the listener, once, for a stream that arrived: a plain one that the service has an endpoint for, or one that
  // must be opened first.
  void on_arrived(Socket socket, Endpoint& endpoint, Instant now);
  void on_arrived(Socket socket, Peer peer, bool expects_proxy, Instant now);

  // From the loop: does what the driver law asks. True: gone, to be removed.
  bool visit();
  std::optional<Instant> deadline() const override;
  void on_deadline(Instant now) override;
  uint32_t place_in_loop = 0;

  // The driver ends: drops the stream, if there is one, as closed here.
  void drop(Instant now);
  // Outbound: the same, and the endpoint will never be touched again.
  void retire(Instant now);

 private:
  enum class State : uint8_t { idle, dialling, opening, open, draining, gone };

  void advance(Instant now);  // the opener
  void on_opened(Opener::Step step, Instant now);
  std::unique_ptr<Opener> end_opening();
  bool is_welcome(Opener::Step step, Instant now);
  void begin_open(const Opening& opening, Instant now);
  void visit_open(Instant now);
  void begin_close(Instant now);
  void drain(Instant now);
  void abort(Instant now);
  void fail(CloseReason reason, std::string problem, Instant now);
  void end(CloseReason reason, Instant now);
  void leave_service();
  bool wishes_to_end() const;

  void deliver(ByteView bytes, Instant now);
  void flush(Instant now);
  void flush_stack(Instant now);
  void on_peer_end(Instant now);
  void on_send_error(Instant now);

  void ascend(std::span<uint8_t> bytes, Instant now);
  void check_stack(Instant now);

  void wait_readable();
  void read_on();
  void on_readable(const boost::system::error_code& error);
  void wait_writable();
  void on_writable(const boost::system::error_code& error);
  ssize_t receive();                               // as recv
  ssize_t send(std::span<const ByteView> pieces);  // as sendmsg

  Loop& loop_;
  Endpoint* endpoint_ = nullptr;  // of an arrived stream: null until it is open
  Dialer* dialer_ = nullptr;      // outbound only
  Listener* listener_ = nullptr;  // arrived only
  Socket socket_;
  std::unique_ptr<Stack> stack_;
  std::unique_ptr<Opener> opener_;          // while opening
  std::unique_ptr<Endpoint> own_endpoint_;  // endpoint_ is it, and no service knows it: plain HTTP
  TlsSession tls_session_;                  // outbound, if sessions are resumed
  Instant limit_ = kNever;                  // when opening fails, or when a wish to close is granted anyway
  State state_ = State::idle;
  bool is_dirty_ = false;
  bool awaits_writable_ = false;
  bool is_reading_held_ = false;   // the endpoint takes no input
  bool has_ended_output_ = false;  // while draining: our end has been sent
  uint8_t pending_handlers_ = 0;
};

}  // namespace mqtt_sim::net
