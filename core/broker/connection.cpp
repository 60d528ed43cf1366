#include "core/broker/connection.hpp"

#include <algorithm>
#include <utility>
#include <variant>

#include "core/broker/broker.hpp"
#include "core/protocol/decode.hpp"
#include "core/protocol/encode.hpp"

namespace mqtt_sim::broker {

using protocol::Frame;
using protocol::PacketType;
using protocol::ReasonCode;

namespace {

// Five bytes is the least that a user property takes.
bool may_have_too_many(size_t bytes, uint64_t user_properties) { return bytes > 5 * user_properties; }

bool begins_connect(uint8_t first_byte) { return first_byte >> 4 == static_cast<uint8_t>(PacketType::connect); }

struct PropertiesOf {
  template <class Packet>
  protocol::PropertyList operator()(const Packet& packet) const {
    if constexpr (requires { packet.properties; }) {
      return packet.properties;
    } else {
      return {};
    }
  }
};

}  // namespace

Connection::Connection(Broker& broker, Listener& listener, const mqtt_sim::Peer& peer, size_t place, Instant now)
    : broker_(broker),
      listener_(listener),
      framer_(broker.options().max_packet_size),
      last_packet_(now),
      due_(now + broker.options().connect_timeout),
      place_(place) {
  if (broker.has_rules() || broker.keeps_facts() || listener.options().certificate_name_as_user) {
    origin_ = std::make_unique<Origin>(Origin{peer.address, peer.certificate_name, broker.next_connection_number()});
  }
}

Connection::~Connection() = default;

void Connection::on_open(Waker& waker, const Opening&, Instant) { waker_ = &waker; }

void Connection::on_bytes(ByteView bytes, Instant now) {
  if (state_ > State::connected) return;  // after our last word nothing is read
  broker_.counters().bytes_in += bytes.size();
  if (!broker_.has_gate()) return take_packets<false>(bytes, now);
  if (is_parked()) return keep_for_later(bytes, now);
  take_packets<true>(bytes, now);
}

template <bool kHasGate>
void Connection::take_packets(ByteView bytes, Instant now) {
  if (state_ == State::waiting && is_foreign(bytes))
    return fail(ReasonCode::protocol_error, now);  // [MQTT-3.1.0-1]: its end is not waited for
  framer_.feed(bytes);
  while (state_ <= State::connected) {
    const auto frame = framer_.next();
    if (!frame) return fail(protocol::reason_of(frame.error()), now);
    if (!*frame) return;
    ++broker_.counters().packets_in;
    last_packet_ = now;
    if (!kHasGate || !park(**frame, now)) handle(**frame, now);
    if (output_.size() > broker_.options().output_limit) on_over_limit(now);
    if (kHasGate && is_parked()) {
      const ByteView rest = framer_.unread();
      parked_->rest.assign(rest.begin(), rest.end());
      break;
    }
  }
  framer_.reset();
}

template void Connection::take_packets<true>(ByteView, Instant);  // for connection_gate.cpp

bool Connection::is_foreign(ByteView bytes) const {
  return framer_.buffered() == 0 && !bytes.empty() && !begins_connect(bytes[0]);
}

struct Connection::Dispatch {
  Connection& self;
  Instant now;

  void operator()(const protocol::Puback& puback) const { self.handle_puback(puback.packet_id, now); }
  void operator()(const protocol::Pubrec& pubrec) const { self.handle_pubrec(pubrec, now); }
  void operator()(const protocol::Pubrel& pubrel) const { self.handle_pubrel(pubrel); }
  void operator()(const protocol::Pubcomp& pubcomp) const { self.handle_pubcomp(pubcomp.packet_id, now); }
  void operator()(const protocol::Subscribe& subscribe) const { self.handle_subscribe(subscribe, now); }
  void operator()(const protocol::Unsubscribe& unsubscribe) const { self.handle_unsubscribe(unsubscribe, now); }
  void operator()(const protocol::Pingreq&) const {
    self.send(protocol::Pingresp());  // [MQTT-3.12.4-1]
    self.tell(NoticeKind::ping, now);
  }
  void operator()(const protocol::Disconnect& disconnect) const { self.handle_disconnect(disconnect, now); }
  void operator()(const protocol::Auth& auth) const { self.handle_auth(auth, now); }
  // What only a server sends.
  template <class Other>
  void operator()(const Other&) const {
    self.fail(ReasonCode::protocol_error, now);
  }
};

void Connection::handle(const Frame& frame, Instant now) {
  const bool is_connect = frame.type() == PacketType::connect;
  if (state_ == State::waiting) {
    if (!is_connect) return fail(ReasonCode::protocol_error, now);  // [MQTT-3.1.0-1]
    return handle_connect(frame, now);
  }
  if (state_ == State::authenticating) return handle_authenticating(frame, now);
  if (is_connect) return fail(ReasonCode::protocol_error, now);  // [MQTT-3.1.0-2]
  if (frame.type() == PacketType::publish) return handle_publish(frame, now);
  const auto packet = protocol::decode(frame, version_);
  if (!packet) return fail(protocol::reason_of(packet.error()), now);  // [MQTT-4.13.1-1], [MQTT-4.8.0-1] of 3.1.1
  if (may_have_too_many(frame.body.size(), broker_.options().max_user_properties) &&
      has_too_many_user_properties(std::visit(PropertiesOf(), *packet))) {
    return refuse_user_properties(now);
  }
  std::visit(Dispatch{*this, now}, *packet);
}

void Connection::on_deadline(Instant now) {
  if (drain_due_ <= now) return on_drain_deadline(now);
  if (now < due_) return;
  switch (state_) {
    case State::waiting:
      if (is_parked()) {  // the gate has a time limit of its own
        due_ = now + broker_.options().connect_timeout;
        return;
      }
      [[fallthrough]];
    case State::authenticating:
      ++broker_.counters().connect_timeouts;
      tell_failed(ReasonCode::unspecified_error, "no CONNECT in time", now);
      return close(false, now);
    case State::connected: return check_keep_alive(now);
    case State::closing:
      ++broker_.counters().close_timeouts;
      state_ = State::aborted;
      return;
    case State::aborted: return;
  }
}

// Packets only note the time, so that none of them moves a timer; the deadline looks how much is left.
void Connection::check_keep_alive(Instant now) {
  if (keep_alive_s_ == 0) return;
  const Instant limit = (is_parked() ? now : last_packet_) + keep_alive_grace();
  if (now < limit) {
    due_ = limit;
    return;
  }
  ++broker_.counters().keep_alive_timeouts;
  cause_ = EndCause::keep_alive;
  tell(NoticeKind::keep_alive_timeout, now);
  tell_failed(ReasonCode::keep_alive_timeout, "keep alive timeout", now);
  close_with(ReasonCode::keep_alive_timeout, now);  // [MQTT-3.1.2-22], [MQTT-3.1.2-24] of 3.1.1
}

Duration Connection::keep_alive_grace() const { return std::chrono::milliseconds(1500) * keep_alive_s_; }

void Connection::on_closed(CloseReason reason, Instant now) {
  if (state_ == State::connected && reason != CloseReason::peer && reason != CloseReason::local) {
    tell_failed(ReasonCode::unspecified_error, to_string(reason), now);
  }
  give_up_question();
  end_half_open();
  leave_session(true, now);
  output_.clear();
  framer_.reset();
  waker_ = nullptr;
  state_ = State::aborted;
}

void Connection::output_sent(size_t n, Instant now) {
  output_.consume(n);
  broker_.counters().bytes_out += n;
  if (drain_due_ != kNever && !is_overflowed_ && n > 0) drain_due_ = kNever;
  if (session_ && (session_->outgoing || session_->retained_feed)) pump(now);
}

std::optional<Instant> Connection::deadline() const {
  if (state_ == State::aborted) return std::nullopt;
  const bool is_waiting = state_ != State::connected || keep_alive_s_ != 0;
  const Instant next = std::min(is_waiting ? due_ : kNever, drain_due_);
  return next == kNever ? std::nullopt : std::optional(next);
}

StreamWish Connection::wish() const {
  switch (state_) {
    case State::closing: return StreamWish::close;
    case State::aborted: return StreamWish::abort;
    default: return StreamWish::none;
  }
}

void Connection::take_over(Instant now) {
  ++broker_.counters().taken_over;
  cause_ = EndCause::takeover;
  close_with(ReasonCode::session_taken_over, now);  // [MQTT-3.1.4-3], [MQTT-3.1.4-2] of 3.1.1
}

void Connection::shut_down(Instant now) {
  if (state_ > State::connected) return;
  cause_ = EndCause::shutdown;
  close_with(ReasonCode::server_shutting_down, now);
}

bool Connection::has_too_many_user_properties(protocol::PropertyList list) const {
  const uint32_t most = broker_.options().max_user_properties;
  if (!may_have_too_many(list.encoded().size(), most)) return false;
  uint32_t count = 0;
  for (const protocol::Property& property : list) {
    if (property.id == protocol::PropertyId::user_property && ++count > most) return true;
  }
  return false;
}

void Connection::refuse_user_properties(Instant now) {
  ++broker_.counters().refused_user_properties;
  fail(ReasonCode::quota_exceeded, now);
}

void Connection::refuse_feature(ReasonCode reason, Instant now) {
  ++broker_.counters().refused_features;
  fail(reason, now);
}

void Connection::fail(ReasonCode reason, Instant now) {
  ++broker_.counters().errors[static_cast<uint8_t>(reason)];
  cause_ = EndCause::protocol;
  tell_failed(reason, {}, now);
  close_with(reason, now);
}

// Before CONNACK no DISCONNECT may go out [MQTT-3.14.0-1]; below 5.0 there is none from a server.
void Connection::close_with(ReasonCode reason, Instant now) {
  if (state_ == State::connected && has_properties(version_)) {
    const bool is_known = protocol::is_reason_of(static_cast<uint8_t>(reason), place_of(PacketType::disconnect));
    // [MQTT-3.14.2-1], [MQTT-3.14.2-2], [MQTT-3.14.2-3], [MQTT-3.14.2-4]
    send(protocol::Disconnect{.reason = is_known ? reason : ReasonCode::unspecified_error, .properties = {}});
  }
  close(true, now);  // [MQTT-4.13.2-1]
}

void Connection::close(bool with_will, Instant now) {
  if (state_ > State::connected) return;
  state_ = State::closing;  // [MQTT-3.14.4-1], [MQTT-3.14.4-2]
  due_ = now + broker_.options().close_timeout;
  drain_due_ = kNever;
  end_half_open();
  leave_session(with_will, now);
  give_up_question();
  if (waker_) waker_->wake();
}

// A client that does not read: flushing first would wait for it.
void Connection::cut_off(Instant now) {
  if (cause_ == EndCause::slow) tell_failed(ReasonCode::quota_exceeded, "does not read", now);
  close(true, now);
  state_ = State::aborted;
}

void Connection::end_half_open() {
  if (std::exchange(is_half_open_, false)) --broker_.counters().half_open;
}

void Connection::leave_session(bool with_will, Instant now) {
  if (!session_) return;
  --listener_.clients;
  if (is_overflowed_) session_->expiry_s = 0;
  tell(NoticeKind::disconnecting, now);
  if (session_->expiry_s == 0 && broker_.is_watching(NoticeKind::unsubscribed)) tell_unsubscribed_all(now);
  broker_.leave(*session_, with_will, now);
  session_ = nullptr;
  tell(NoticeKind::disconnected, now);
}

}  // namespace mqtt_sim::broker
