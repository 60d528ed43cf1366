#include "core/net/connection.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "core/base/assert.hpp"
#include "core/net/dialer.hpp"
#include "core/net/http_endpoint.hpp"
#include "core/net/listener.hpp"

namespace mqtt_sim::net {
namespace {

constexpr Duration kCloseLimit = std::chrono::seconds(1);  // without progress, after a wish to close

}  // namespace

Connection::Connection(Loop& loop, Endpoint& endpoint, Dialer& dialer)
    : loop_(loop), endpoint_(&endpoint), dialer_(&dialer), socket_(loop.context()) {}

Connection::Connection(Loop& loop, Listener& listener) : loop_(loop), listener_(&listener), socket_(loop.context()) {}

Connection::~Connection() = default;

void Connection::wake() {
  if (is_dirty_) return;
  is_dirty_ = true;
  loop_.mark(*this);
}

// --- opening

void Connection::on_dialled(Socket socket, const Opening& opening, Instant now) {
  MQTT_SIM_ASSERT(pending_handlers_ == 0);
  socket_ = std::move(socket);
  wait_readable();
  if (dialer_->target().transport == Transport::tcp && !dialer_->target().proxy) return begin_open(opening, now);

  state_ = State::opening;
  limit_ = now + dialer_->handshake_limit();
  stack_ = std::make_unique<Stack>(loop_.stack_buffers());
  opener_ = dialer_->make_opener(*stack_, tls_session_, opening, now);
  advance(now);
}

void Connection::on_dial_failed(CloseReason reason, std::string_view detail, Instant now) {
  loop_.close_detail = detail;
  if (reason == CloseReason::tls_failed) loop_.note_failure(reason, detail);
  end(reason, now);
}

void Connection::on_arrived(Socket socket, Endpoint& endpoint, Instant now) {
  socket_ = std::move(socket);
  endpoint_ = &endpoint;
  wait_readable();
  begin_open({.started = now}, now);
}

void Connection::on_arrived(Socket socket, Peer peer, bool expects_proxy, Instant now) {
  socket_ = std::move(socket);
  wait_readable();
  state_ = State::opening;
  limit_ = now + listener_->rules().handshake_limit;
  stack_ = std::make_unique<Stack>(loop_.stack_buffers());
  opener_ = listener_->make_opener(*stack_, std::move(peer), expects_proxy, now);
  advance(now);
}

void Connection::advance(Instant now) {
  wake();
  if (stack_->state() == Layer::State::failed) return check_stack(now);
  const Opener::Step step = opener_->advance(now);
  switch (step) {
    case Opener::Step::wait: return check_stack(now);
    case Opener::Step::refuse: return fail(stack_->reason(), {}, now);
    case Opener::Step::open:
    case Opener::Step::http: return on_opened(step, now);
  }
}

void Connection::on_opened(Opener::Step step, Instant now) {
  if (listener_ && !is_welcome(step, now)) return end(CloseReason::local, now);
  const std::unique_ptr<Opener> opener = end_opening();
  if (const TlsLayer* tls = opener->tls()) {
    ++loop_.stats().tls_handshakes;
    loop_.stats().tls_resumed += tls->was_resumed();
  }
  limit_ = kNever;
  begin_open(opener->opening(), now);
  if (!opener->head().empty()) deliver(opener->head().view(), now);
  if (stack_->size() == 0 && !stack_->has_output()) return stack_.reset();  // it turned out plain
  check_stack(now);
}

// Has the listener, or its service, give the arrived stream an endpoint.
bool Connection::is_welcome(Opener::Step step, Instant now) {
  const auto& opener = static_cast<const ServerOpener&>(*opener_);
  if (step == Opener::Step::open) {
    endpoint_ = listener_->service().on_accept(opener.peer(), now);
    return endpoint_ != nullptr;
  }
  own_endpoint_ = listener_->make_http_endpoint(opener.peer());
  endpoint_ = own_endpoint_.get();
  return true;
}

std::unique_ptr<Opener> Connection::end_opening() {
  if (dialer_ && opener_) dialer_->on_opening_over();
  return std::move(opener_);
}

void Connection::begin_open(const Opening& opening, Instant now) {
  state_ = State::open;
  endpoint_->on_open(*this, opening, now);
  wake();
}

// --- what the driver law asks

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
    case State::opening:
      if (wishes_to_end()) {
        end(CloseReason::local, now);
      } else {
        flush(now);
      }
      break;
    case State::open: visit_open(now); break;
    case State::draining:
      read_on();
      if (endpoint_ && endpoint_->wish() == StreamWish::abort) {
        abort(now);
      } else {
        drain(now);
      }
      break;
    case State::gone: break;
  }
  if (state_ == State::gone) return pending_handlers_ == 0 && !is_dirty_;
  loop_.deadlines().expect(*this);
  return false;
}

void Connection::visit_open(Instant now) {
  read_on();
  if (endpoint_->wish() == StreamWish::abort) return abort(now);
  flush(now);
  if (state_ != State::open) return;
  switch (endpoint_->wish()) {
    case StreamWish::abort: return abort(now);
    case StreamWish::close: return begin_close(now);
    default: limit_ = kNever;
  }
}

void Connection::begin_close(Instant now) {
  if (limit_ == kNever) limit_ = now + kCloseLimit;
  if (!endpoint_->output().empty()) return;
  state_ = State::draining;
  limit_ = now + kCloseLimit;
  drain(now);
}

// Sends what the layers still have to say, their goodbyes last, then our end.
void Connection::drain(Instant now) {
  if (has_ended_output_) return;
  if (stack_) {
    stack_->close();
    flush(now);
    if (state_ != State::draining || stack_->has_output()) return;
  }
  ::shutdown(socket_.native_handle(), SHUT_WR);
  has_ended_output_ = true;
}

void Connection::abort(Instant now) {
  const linger at_once{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(socket_.native_handle(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  end(CloseReason::local, now);
}

// Ends the stream for a reason that is not the socket's. The peer is told, as far as the layers have words for it.
void Connection::fail(CloseReason reason, std::string problem, Instant now) {
  stack_->note(reason, std::move(problem));
  state_ = State::draining;
  limit_ = now + kCloseLimit;
  drain(now);
}

void Connection::end(CloseReason reason, Instant now) {
  if (stack_ && stack_->has_note()) {
    reason = stack_->reason();
    loop_.close_detail = stack_->problem();
    loop_.note_failure(reason, stack_->problem());
  }
  if (opener_ && reason != CloseReason::local) {
    ++(dialer_ ? loop_.stats().connects_failed : loop_.stats().handshakes_refused);
  }
  boost::system::error_code ignored;
  socket_.close(ignored);
  end_opening().reset();
  stack_.reset();
  limit_ = kNever;
  has_ended_output_ = false;
  is_reading_held_ = false;
  state_ = listener_ ? State::gone : State::idle;
  if (endpoint_) endpoint_->on_closed(reason, now);
  loop_.close_detail.clear();
  if (listener_) leave_service();
  wake();
}

void Connection::leave_service() {
  loop_.deadlines().forget(*this);
  Endpoint* endpoint = std::exchange(endpoint_, nullptr);
  if (endpoint && !own_endpoint_) listener_->service().release(*endpoint);
  own_endpoint_.reset();
}

bool Connection::wishes_to_end() const {
  if (!endpoint_) return false;
  const StreamWish wish = endpoint_->wish();
  return wish == StreamWish::close || wish == StreamWish::abort;
}

std::optional<Instant> Connection::deadline() const {
  if (state_ == State::gone) return std::nullopt;
  const std::optional<Instant> asked = endpoint_ ? endpoint_->deadline() : std::nullopt;
  return limit_ == kNever ? asked : std::min(asked.value_or(kNever), limit_);
}

void Connection::on_deadline(Instant now) {
  const std::optional<Instant> asked = endpoint_ ? endpoint_->deadline() : std::nullopt;
  if (asked && *asked <= now) endpoint_->on_deadline(now);
  if (limit_ > now) return wake();
  if (state_ == State::opening) stack_->note(CloseReason::timed_out, "the handshake took too long");
  end(CloseReason::local, now);
}

void Connection::drop(Instant now) {
  if (state_ == State::dialling) dialer_->withdraw(*this);
  if (state_ != State::idle && state_ != State::gone) end(CloseReason::local, now);
}

void Connection::retire(Instant now) {
  MQTT_SIM_ASSERT(dialer_ && state_ != State::gone);
  drop(now);
  loop_.deadlines().forget(*this);
  endpoint_ = nullptr;
  state_ = State::gone;
  wake();
}

}  // namespace mqtt_sim::net
