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
using storage::Delivery;

namespace {
constexpr size_t kHeadroom = 64;  // of a PUBLISH besides topic, properties and payload, generously
}  // namespace

Connection::Connection(Broker& broker, size_t place, Instant now)
    : broker_(broker),
      framer_(broker.options().max_packet_size),
      last_packet_(now),
      due_(now + broker.options().connect_timeout),
      place_(place) {}

Connection::~Connection() = default;

void Connection::on_open(Waker& waker, const Opening&, Instant) { waker_ = &waker; }

void Connection::on_bytes(ByteView bytes, Instant now) {
  if (state_ > State::connected) return;  // after our last word nothing is read
  broker_.counters().bytes_in += bytes.size();
  framer_.feed(bytes);
  while (state_ <= State::connected) {
    const auto frame = framer_.next();
    if (!frame) return fail(protocol::reason_of(frame.error()), now);
    if (!*frame) return;
    ++broker_.counters().packets_in;
    last_packet_ = now;
    handle(**frame, now);
    if (output_.size() > 2 * broker_.options().output_limit) cut_off(now);
  }
  framer_.reset();
}

struct Connection::Dispatch {
  Connection& self;
  Instant now;

  void operator()(const protocol::Puback& puback) const { self.handle_puback(puback.packet_id, now); }
  void operator()(const protocol::Pubrec& pubrec) const { self.handle_pubrec(pubrec, now); }
  void operator()(const protocol::Pubrel& pubrel) const { self.handle_pubrel(pubrel); }
  void operator()(const protocol::Pubcomp& pubcomp) const { self.handle_pubcomp(pubcomp.packet_id, now); }
  void operator()(const protocol::Subscribe& subscribe) const { self.handle_subscribe(subscribe, now); }
  void operator()(const protocol::Unsubscribe& unsubscribe) const { self.handle_unsubscribe(unsubscribe); }
  void operator()(const protocol::Pingreq&) const { self.send(protocol::Pingresp()); }  // [MQTT-3.12.4-1]
  void operator()(const protocol::Disconnect& disconnect) const { self.handle_disconnect(disconnect, now); }
  // AUTH without a method agreed [MQTT-4.12.0-7], and what only a server sends.
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
  if (is_connect) return fail(ReasonCode::protocol_error, now);  // [MQTT-3.1.0-2]
  if (frame.type() == PacketType::publish) return handle_publish(frame, now);
  const auto packet = protocol::decode(frame, version_);
  if (!packet) return fail(protocol::reason_of(packet.error()), now);  // [MQTT-4.8.0-1], [MQTT-4.13.1-1]
  std::visit(Dispatch{*this, now}, *packet);
}

void Connection::on_deadline(Instant now) {
  if (now < due_) return;
  switch (state_) {
    case State::waiting: ++broker_.counters().connect_timeouts; return close(false, now);
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
  const Instant limit = last_packet_ + keep_alive_grace();
  if (now < limit) {
    due_ = limit;
    return;
  }
  ++broker_.counters().keep_alive_timeouts;
  close_with(ReasonCode::keep_alive_timeout, now);  // [MQTT-3.1.2-22], [MQTT-3.1.2-24] of 3.1.1
}

Duration Connection::keep_alive_grace() const { return std::chrono::milliseconds(1500) * keep_alive_s_; }

void Connection::on_closed(CloseReason, Instant now) {
  leave_session(true, now);
  output_.clear();
  framer_.reset();
  waker_ = nullptr;
  state_ = State::aborted;
}

void Connection::output_sent(size_t n, Instant now) {
  output_.consume(n);
  broker_.counters().bytes_out += n;
  if (session_ && session_->outgoing) pump(now);
}

std::optional<Instant> Connection::deadline() const {
  if (state_ == State::aborted || (state_ == State::connected && keep_alive_s_ == 0)) return std::nullopt;
  return due_;
}

StreamWish Connection::wish() const {
  switch (state_) {
    case State::closing: return StreamWish::close;
    case State::aborted: return StreamWish::abort;
    default: return StreamWish::none;
  }
}

bool Connection::has_room_for(size_t message_size) const {
  const size_t waiting = output_.size();
  return waiting == 0 || waiting + message_size + kHeadroom <= broker_.options().output_limit;
}

void Connection::send_at_most_once(const protocol::Publish& publish, const AddedProperties& added, Instant now) {
  const size_t size = publish.topic.size() + publish.properties.encoded().size() + publish.payload.size();
  if (!has_room_for(size)) {
    ++broker_.counters().dropped_slow;
    return;
  }
  put_publish(publish, added, now);
}

void Connection::send_encoded(const SharedBytes& publish) {
  if (publish.size() > maximum_packet_size_) {
    ++broker_.counters().dropped_too_large;  // [MQTT-3.1.2-24]
    return;
  }
  if (!has_room_for(publish.size())) {
    ++broker_.counters().dropped_slow;
    return;
  }
  begin_output();
  output_.append(publish);
  ++broker_.counters().messages_out;
}

void Connection::send_delivery(Delivery& delivery, bool was_sent, Instant now) {
  protocol::Publish publish;
  publish.dup = was_sent;  // [MQTT-3.3.1-1], [MQTT-3.3.1-3]
  publish.qos = delivery.qos;
  publish.retain = delivery.retain;
  publish.topic = delivery.message.topic();
  publish.packet_id = delivery.packet_id;
  publish.properties = delivery.message.properties();
  publish.payload = delivery.message.payload();
  const AddedProperties added{.expires = delivery.message.expires(), .identifiers = delivery.identifiers.view()};
  if (!put_publish(publish, added, now)) {
    session_->outgoing->forget(delivery.packet_id);  // [MQTT-3.1.2-25]
    return;
  }
  if (was_sent) ++broker_.counters().messages_resent;
}

void Connection::pump(Instant now) {
  Outgoing& outgoing = *session_->outgoing;
  while (Delivery* delivery = outgoing.peek()) {
    const bool was_sent = delivery->stage == storage::Stage::resend;
    if (!was_sent && delivery->message.is_expired(now)) {
      ++broker_.counters().dropped_expired;  // [MQTT-3.3.2-5]; once sent it is sent on [MQTT-4.3.3-7]
      outgoing.drop();
      continue;
    }
    if (!has_room_for(delivery->message.size())) return;
    send_delivery(outgoing.advance(), was_sent, now);
  }
}

bool Connection::put_publish(const protocol::Publish& original, const AddedProperties& added, Instant now) {
  protocol::Publish publish = original;
  protocol::PropertyWriter space;
  bool is_known = false;
  uint16_t alias = 0;
  if (has_properties(version_)) {
    AddedProperties all = added;
    if (aliases_) alias = all.alias = choose_alias(publish.topic, is_known);
    if (is_known) publish.topic = {};
    publish.properties = join_properties(publish.properties, all, now, space);
  }
  if (maximum_packet_size_ != UINT32_MAX && encoded_size(publish, version_) > maximum_packet_size_) {
    ++broker_.counters().dropped_too_large;  // [MQTT-3.1.2-24]
    return false;
  }
  begin_output();
  if (!encode_publish(publish, version_, output_)) return false;
  if (alias != 0 && !is_known) aliases_->sent.emplace(original.topic, alias);
  ++broker_.counters().messages_out;
  return true;
}

// [MQTT-3.1.2-26]: the first topics get one each; 0 when there is none left.
uint16_t Connection::choose_alias(std::string_view topic, bool& is_known) const {
  const auto found = aliases_->sent.find(topic);
  is_known = found != aliases_->sent.end();
  if (is_known) return found->second;
  const size_t used = aliases_->sent.size();
  return used < aliases_->sent_maximum ? static_cast<uint16_t>(used + 1) : uint16_t{0};
}

void Connection::begin_output() {
  if (output_.empty() && waker_) waker_->wake();  // otherwise the driver knows already
}

void Connection::send(const protocol::Packet& packet) {
  OutputQueue bytes;
  if (!encode(packet, version_, bytes) || bytes.size() > maximum_packet_size_) return;  // [MQTT-3.1.2-24]
  begin_output();
  for (const ByteView part : bytes.views()) output_.append(part);
}

void Connection::take_over(Instant now) {
  ++broker_.counters().taken_over;
  close_with(ReasonCode::session_taken_over, now);  // [MQTT-3.1.4-3], [MQTT-3.1.4-2] of 3.1.1
}

void Connection::shut_down(Instant now) {
  if (state_ <= State::connected) close_with(ReasonCode::server_shutting_down, now);
}

void Connection::fail(ReasonCode reason, Instant now) {
  ++broker_.counters().errors[static_cast<uint8_t>(reason)];
  close_with(reason, now);
}

// Before CONNACK no DISCONNECT may go out [MQTT-3.14.0-1]; below 5.0 there is none from a server.
void Connection::close_with(ReasonCode reason, Instant now) {
  if (state_ == State::connected && has_properties(version_)) {
    const bool is_known = protocol::is_reason_of(static_cast<uint8_t>(reason), place_of(PacketType::disconnect));
    send(protocol::Disconnect{.reason = is_known ? reason : ReasonCode::unspecified_error, .properties = {}});
  }
  close(true, now);  // [MQTT-4.13.2-1]
}

void Connection::close(bool with_will, Instant now) {
  if (state_ > State::connected) return;
  state_ = State::closing;
  due_ = now + broker_.options().close_timeout;
  leave_session(with_will, now);
  if (waker_) waker_->wake();
}

// A client that asks and asks and never reads the answers: flushing first would wait for it.
void Connection::cut_off(Instant now) {
  ++broker_.counters().slow_closed;
  close(true, now);
  state_ = State::aborted;
}

void Connection::leave_session(bool with_will, Instant now) {
  if (!session_) return;
  broker_.leave(*std::exchange(session_, nullptr), with_will, now);
}

}  // namespace mqtt_sim::broker
