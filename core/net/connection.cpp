#include "core/net/connection.hpp"

#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <utility>

#include "core/base/assert.hpp"
#include "core/net/dialer.hpp"

namespace mqtt_sim::net {
namespace {

constexpr size_t kViewLimit = 64;                          // pieces in one send
constexpr int kReadsPerEvent = 4;                          // while they fill the buffer; then the others' turn
constexpr int kSendsPerVisit = 16;                         // while the socket takes all; then the others' turn
constexpr Duration kCloseLimit = std::chrono::seconds(1);  // without progress, after a wish to close

}  // namespace

Connection::Connection(Loop& loop, Endpoint& endpoint, Dialer& dialer)
    : loop_(loop), endpoint_(&endpoint), dialer_(&dialer), socket_(loop.context()) {}

Connection::Connection(Loop& loop, Endpoint& endpoint, Service& service)
    : loop_(loop), endpoint_(&endpoint), service_(&service), socket_(loop.context()) {}

void Connection::wake() {
  if (is_dirty_) return;
  is_dirty_ = true;
  loop_.mark(*this);
}

void Connection::on_stream(Socket socket, const Opening& opening, Instant now) {
  MQTT_SIM_ASSERT(pending_handlers_ == 0);
  socket_ = std::move(socket);
  state_ = State::open;
  wait_readable();
  endpoint_->on_open(*this, opening, now);
  wake();
}

void Connection::on_dial_failed(CloseReason reason, Instant now) { end(reason, now); }

bool Connection::visit() {
  is_dirty_ = false;
  const Instant now = Loop::clock();
  switch (state_) {
    case State::idle:
      // A handler of the last stream may still be pending; it marks us again.
      if (pending_handlers_ == 0 && endpoint_->wish() == StreamWish::open) {
        state_ = State::dialling;
        dialer_->enqueue(*this);
      }
      break;
    case State::dialling:
      if (wishes_to_end()) {
        dialer_->withdraw(*this);
        end(CloseReason::local, now);
      }
      break;
    case State::open: visit_open(now); break;
    case State::draining:
      if (endpoint_->wish() == StreamWish::abort) abort(now);
      break;
    case State::gone: break;
  }
  if (state_ == State::gone) return pending_handlers_ == 0 && !is_dirty_;
  loop_.deadlines().expect(*this);
  return false;
}

void Connection::visit_open(Instant now) {
  if (endpoint_->wish() == StreamWish::abort) return abort(now);
  flush(now);
  if (state_ != State::open) return;
  switch (endpoint_->wish()) {
    case StreamWish::abort: return abort(now);
    case StreamWish::close: return begin_close(now);
    default: close_limit_ = kNever;
  }
}

void Connection::begin_close(Instant now) {
  if (close_limit_ == kNever) close_limit_ = now + kCloseLimit;
  if (!endpoint_->output().empty()) return;
  ::shutdown(socket_.native_handle(), SHUT_WR);
  state_ = State::draining;
  close_limit_ = now + kCloseLimit;
}

void Connection::abort(Instant now) {
  const linger at_once{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(socket_.native_handle(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  end(CloseReason::local, now);
}

void Connection::end(CloseReason reason, Instant now) {
  boost::system::error_code ignored;
  socket_.close(ignored);
  close_limit_ = kNever;
  state_ = service_ ? State::gone : State::idle;
  endpoint_->on_closed(reason, now);
  if (service_) {
    loop_.deadlines().forget(*this);
    service_->release(*std::exchange(endpoint_, nullptr));
  }
  wake();
}

bool Connection::wishes_to_end() const {
  const StreamWish wish = endpoint_->wish();
  return wish == StreamWish::close || wish == StreamWish::abort;
}

std::optional<Instant> Connection::deadline() const {
  if (state_ == State::gone) return std::nullopt;
  const std::optional<Instant> asked = endpoint_->deadline();
  return close_limit_ == kNever ? asked : std::min(asked.value_or(kNever), close_limit_);
}

void Connection::on_deadline(Instant now) {
  const std::optional<Instant> asked = endpoint_->deadline();
  if (asked && *asked <= now) endpoint_->on_deadline(now);
  if (close_limit_ <= now) return end(CloseReason::local, now);
  wake();
}

void Connection::drop(Instant now) {
  if (state_ == State::dialling) dialer_->withdraw(*this);
  if (state_ != State::idle && state_ != State::gone) end(CloseReason::local, now);
}

// --- above a layer: the endpoint's bytes

void Connection::deliver(ByteView bytes, Instant now) {
  // One that wished to end is told no more; its peer's bytes are still read, since bytes left unread at close() would
  // turn the orderly end into a reset.
  if (state_ == State::draining || wishes_to_end()) return;
  endpoint_->on_bytes(bytes, now);
}

void Connection::flush(Instant now) {
  if (awaits_writable_) return;
  for (int i = 0; i < kSendsPerVisit; ++i) {
    const std::span<const ByteView> output = endpoint_->output();
    const std::span<const ByteView> pieces = output.first(std::min(output.size(), kViewLimit));
    size_t offered = 0;
    for (const ByteView piece : pieces) offered += piece.size();
    if (offered == 0) return;

    const ssize_t sent = send(pieces);
    if (sent < 0 && errno == EAGAIN) return wait_writable();
    if (sent < 0) return on_send_error(now);
    if (close_limit_ != kNever) close_limit_ = now + kCloseLimit;
    endpoint_->output_sent(static_cast<size_t>(sent), now);
    if (static_cast<size_t>(sent) < offered) return wait_writable();
  }
  wake();
}

void Connection::on_peer_end(Instant now) {
  if (state_ == State::draining) return end(CloseReason::local, now);
  // The peer may have closed one way only: it gets what fits.
  flush(now);
  if (state_ == State::open) end(wishes_to_end() ? CloseReason::local : CloseReason::peer, now);
}

void Connection::on_send_error(Instant now) {
  // What the peer said before it went away (why, perhaps) still lies in the socket.
  for (int i = 0; i < kReadsPerEvent; ++i) {
    const ssize_t n = receive();
    if (n <= 0) break;
    deliver(loop_.read_buffer().first(static_cast<size_t>(n)), now);
  }
  end(wishes_to_end() ? CloseReason::local : CloseReason::reset, now);
}

// --- below a layer: the socket

void Connection::wait_readable() {
  ++pending_handlers_;
  socket_.async_wait(Socket::wait_read, completion<&Connection::on_readable>(*this, loop_.memory()));
}

void Connection::on_readable(const boost::system::error_code&) {
  --pending_handlers_;
  const Instant now = loop_.on_event();
  if (state_ != State::open && state_ != State::draining) return wake();  // a stream that is over
  for (int i = 0; i < kReadsPerEvent; ++i) {
    const ssize_t n = receive();
    if (n == 0) return on_peer_end(now);
    if (n < 0 && errno == EAGAIN) break;
    if (n < 0) return end(wishes_to_end() ? CloseReason::local : CloseReason::reset, now);
    const ByteView bytes = loop_.read_buffer().first(static_cast<size_t>(n));
    deliver(bytes, now);
    if (bytes.size() < loop_.read_buffer().size()) break;
  }
  wait_readable();
  wake();
}

void Connection::wait_writable() {
  ++pending_handlers_;
  awaits_writable_ = true;
  socket_.async_wait(Socket::wait_write, completion<&Connection::on_writable>(*this, loop_.memory()));
}

void Connection::on_writable(const boost::system::error_code&) {
  --pending_handlers_;
  awaits_writable_ = false;
  loop_.on_event();
  wake();
}

ssize_t Connection::receive() {
  const std::span<uint8_t> buffer = loop_.read_buffer();
  ssize_t n = 0;
  do {
    n = ::recv(socket_.native_handle(), buffer.data(), buffer.size(), MSG_DONTWAIT);
  } while (n < 0 && errno == EINTR);
  if (n > 0) {
    ++loop_.stats().reads;
    loop_.stats().bytes_in += static_cast<uint64_t>(n);
  }
  return n;
}

ssize_t Connection::send(std::span<const ByteView> pieces) {
  std::array<iovec, kViewLimit> vectors;
  for (size_t i = 0; i < pieces.size(); ++i) {
    vectors[i] = {const_cast<uint8_t*>(pieces[i].data()), pieces[i].size()};  // sendmsg does not write to it
  }
  msghdr message{};
  message.msg_iov = vectors.data();
  message.msg_iovlen = pieces.size();
  ssize_t n = 0;
  do {
    n = ::sendmsg(socket_.native_handle(), &message, MSG_NOSIGNAL | MSG_DONTWAIT);
  } while (n < 0 && errno == EINTR);
  if (n > 0) {
    ++loop_.stats().writes;
    loop_.stats().bytes_out += static_cast<uint64_t>(n);
  }
  return n;
}

}  // namespace mqtt_sim::net
