// How bytes pass through a connection: from the socket by way of the layers to the endpoint, and back.
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>

#include "core/net/connection.hpp"

namespace mqtt_sim::net {
namespace {

constexpr size_t kViewLimit = 64;                          // pieces in one send
constexpr int kReadsPerEvent = 4;                          // while they fill the buffer; then the others' turn
constexpr int kSendsPerVisit = 16;                         // while the socket takes all; then the others' turn
constexpr Duration kCloseLimit = std::chrono::seconds(1);  // without progress, after a wish to close

using Views = std::array<ByteView, kViewLimit>;

// The first `limit` bytes of a gather list.
std::span<const ByteView> head_of(std::span<const ByteView> list, size_t limit, Views& views) {
  size_t count = 0;
  for (size_t i = 0; i < list.size() && count < views.size() && limit > 0; ++i) {
    views[count] = list[i].first(std::min(list[i].size(), limit));
    limit -= views[count++].size();
  }
  return std::span(views).first(count);
}

size_t size_of(std::span<const ByteView> pieces) {
  size_t size = 0;
  for (const ByteView piece : pieces) size += piece.size();
  return size;
}

}  // namespace

// --- above the layers: the endpoint's bytes

void Connection::deliver(ByteView bytes, Instant now) {
  // One that wished to end is told no more; its peer's bytes are still read, since bytes left unread at close() would
  // turn the orderly end into a reset.
  if (state_ == State::draining || wishes_to_end()) return;
  endpoint_->on_bytes(bytes, now);
}

void Connection::flush(Instant now) {
  if (awaits_writable_) return;
  if (stack_) return flush_stack(now);
  for (int i = 0; i < kSendsPerVisit; ++i) {
    const std::span<const ByteView> output = endpoint_->output();
    const std::span<const ByteView> pieces = output.first(std::min(output.size(), kViewLimit));
    const size_t offered = size_of(pieces);
    if (offered == 0) return;

    const ssize_t sent = send(pieces);
    if (sent < 0 && errno == EAGAIN) return wait_writable();
    if (sent < 0) return on_send_error(now);
    if (limit_ != kNever) limit_ = now + kCloseLimit;
    endpoint_->output_sent(static_cast<size_t>(sent), now);
    if (static_cast<size_t>(sent) < offered) return wait_writable();
  }
  wake();
}

void Connection::flush_stack(Instant now) {
  for (int i = 0; i < kSendsPerVisit; ++i) {
    if (stack_->unsent().empty()) {
      Views views;
      std::span<const ByteView> pieces;
      if (state_ == State::open) pieces = head_of(endpoint_->output(), Stack::kBatchLimit, views);
      const size_t size = size_of(pieces);
      if (size == 0 && !stack_->has_output()) return;
      stack_->descend(pieces);
      // Gone from the endpoint though not yet from here: at most one batch waits in the stack.
      if (size > 0) endpoint_->output_sent(size, now);
    }
    const ByteView wire = stack_->unsent();
    if (wire.empty()) return;
    const ssize_t sent = send({&wire, 1});
    const int error = errno;
    const bool is_full = sent < 0 && error == EAGAIN;
    const bool is_partial = sent >= 0 && static_cast<size_t>(sent) < wire.size();
    if (sent < 0 && !is_full) return on_send_error(now);
    stack_->sent(is_full ? 0 : static_cast<size_t>(sent));
    if (!is_full && limit_ != kNever && state_ != State::opening) limit_ = now + kCloseLimit;
    if (is_full || is_partial) return wait_writable();
  }
  wake();
}

void Connection::on_peer_end(Instant now) {
  if (state_ == State::draining) return end(CloseReason::local, now);
  if (state_ == State::opening) {
    auto [reason, problem] = opener_->on_peer_end();
    if (reason != CloseReason::peer) stack_->note(reason, std::move(problem));
    return end(reason, now);
  }
  // The peer may have closed one way only: it gets what fits.
  flush(now);
  if (state_ == State::open) end(wishes_to_end() ? CloseReason::local : CloseReason::peer, now);
}

void Connection::on_send_error(Instant now) {
  // What the peer said before it went away (why, perhaps) still lies in the socket.
  for (int i = 0; i < kReadsPerEvent && state_ == State::open; ++i) {
    const ssize_t n = receive();
    if (n <= 0) break;
    ascend(loop_.read_buffer().first(static_cast<size_t>(n)), now);
  }
  end(wishes_to_end() ? CloseReason::local : CloseReason::reset, now);
}

// --- the layers

void Connection::ascend(std::span<uint8_t> bytes, Instant now) {
  if (!stack_) return deliver(bytes, now);
  stack_->ascend(bytes, 0, [&](std::span<uint8_t> top) {
    if (opener_) {
      opener_->take(top);
    } else {
      deliver(top, now);
    }
  });
  if (const Layer* layer = stack_->failed_layer()) stack_->note(layer->reason(), layer->problem());
}

// A layer may have ended or failed by what was just read or written.
void Connection::check_stack(Instant now) {
  if (!stack_ || (state_ != State::opening && state_ != State::open)) return;
  const Layer* failed = stack_->failed_layer();
  if (failed) return fail(failed->reason(), failed->problem(), now);
  if (stack_->state() != Layer::State::ended) return;
  stack_->close();  // the other half of the goodbye
  on_peer_end(now);
}

// --- below the layers: the socket

void Connection::wait_readable() {
  ++pending_handlers_;
  socket_.async_wait(Socket::wait_read, completion<&Connection::on_readable>(*this, loop_.memory()));
}

void Connection::on_readable(const boost::system::error_code&) {
  --pending_handlers_;
  const Instant now = loop_.on_event();
  if (state_ != State::opening && state_ != State::open && state_ != State::draining) return wake();  // it is over
  for (int i = 0; i < kReadsPerEvent; ++i) {
    const ssize_t n = receive();
    if (n == 0) return on_peer_end(now);
    if (n < 0 && errno == EAGAIN) break;
    if (n < 0) return end(wishes_to_end() ? CloseReason::local : CloseReason::reset, now);
    const std::span<uint8_t> bytes = loop_.read_buffer().first(static_cast<size_t>(n));
    const bool has_filled = bytes.size() == loop_.read_buffer().size();
    if (state_ != State::draining) {
      ascend(bytes, now);
      if (opener_) {
        advance(now);
      } else {
        check_stack(now);
      }
      if (state_ == State::idle || state_ == State::gone) return;
    }
    if (!has_filled || (state_ == State::open && !endpoint_->takes_input())) break;
  }
  is_reading_held_ = true;
  read_on();
  wake();
}

// Waits for input again, unless the endpoint wants none at present. A stream that ends is read to its end.
void Connection::read_on() {
  if (!is_reading_held_ || (state_ == State::open && !endpoint_->takes_input())) return;
  is_reading_held_ = false;
  wait_readable();
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
