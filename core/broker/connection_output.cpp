// What a connection puts out: whether there is room for it, in which form it goes, and when the connection is given up
// because nobody takes it.
#include <algorithm>

#include "core/broker/broker.hpp"
#include "core/broker/connection.hpp"
#include "core/protocol/encode.hpp"

namespace mqtt_sim::broker {

using protocol::ReasonCode;
using storage::Delivery;

namespace {

constexpr size_t kHeadroom = 64;  // of a PUBLISH besides topic, properties and payload, generously

const SharedBytes* long_payload_of(const Delivery& delivery) {
  const SharedBytes& payload = delivery.message.long_payload();
  return payload ? &payload : nullptr;
}

}  // namespace

bool Connection::has_room_for(size_t message_size) const {
  const size_t waiting = output_.size();
  return waiting == 0 || waiting + message_size + kHeadroom <= broker_.options().output_limit;
}

bool Connection::has_room_for_retained(size_t message_size) const {
  const size_t waiting = output_.size();
  return waiting == 0 || waiting + message_size + kHeadroom <= broker_.options().output_limit / 2;
}

void Connection::expect_drain(Instant now) {
  if (state_ != State::connected || drain_due_ != kNever) return;
  if (broker_.options().drain_timeout <= Duration::zero()) return;
  drain_due_ = now + broker_.options().drain_timeout;
  if (waker_) waker_->wake();
}

void Connection::end_overflowed(Instant now) {
  if (is_overflowed_) return;
  is_overflowed_ = true;
  ++broker_.counters().queue_full_ended;
  drain_due_ = now;
  if (waker_) waker_->wake();
}

void Connection::on_drain_deadline(Instant now) {
  drain_due_ = kNever;
  if (state_ > State::connected) return;
  cause_ = EndCause::slow;
  if (is_overflowed_) return close_with(ReasonCode::quota_exceeded, now);
  ++broker_.counters().drain_timeouts;
  cut_off(now);
}

// Replies went out although the output is full; there is an end to that as well.
void Connection::on_over_limit(Instant now) {
  if (output_.size() <= 2 * broker_.options().output_limit) return expect_drain(now);
  if (state_ <= State::connected) ++broker_.counters().slow_closed;  // [MQTT-4.8.0-2] of 3.1.1
  cause_ = EndCause::slow;
  cut_off(now);
}

void Connection::send_at_most_once(const protocol::Publish& publish, const AddedProperties& added, Instant now) {
  const size_t size = publish.topic.size() + publish.properties.encoded().size() + publish.payload.size();
  if (!has_room_for(size)) {
    ++broker_.counters().dropped_slow;
    return expect_drain(now);
  }
  put_publish(publish, added, now);
}

void Connection::send_encoded(const SharedBytes& publish, size_t payload_size, Instant now) {
  if (publish.size() > maximum_packet_size_) {
    ++broker_.counters().dropped_too_large;  // [MQTT-3.1.2-24]
    return;
  }
  if (!has_room_for(publish.size())) {
    ++broker_.counters().dropped_slow;
    return expect_drain(now);
  }
  begin_output();
  output_.append(publish);
  ++broker_.counters().messages_out;
  broker_.counters().payload_bytes_out += payload_size;
}

void Connection::send_unnumbered(const Delivery& delivery, Instant now) {
  const AddedProperties added{.expires = delivery.message.expires(), .identifiers = delivery.identifiers.view()};
  put_publish(publish_of(delivery), added, now, long_payload_of(delivery));
}

void Connection::send_delivery(Delivery& delivery, bool was_sent, Instant now) {
  protocol::Publish publish = publish_of(delivery);
  publish.dup = was_sent;  // [MQTT-3.3.1-1], [MQTT-3.3.1-3], [MQTT-4.3.2-2], [MQTT-4.3.3-2]
  const AddedProperties added{.expires = delivery.message.expires(), .identifiers = delivery.identifiers.view()};
  if (!put_publish(publish, added, now, long_payload_of(delivery))) {
    session_->outgoing->forget(delivery.packet_id);  // [MQTT-3.1.2-25]
    return;
  }
  if (was_sent) ++broker_.counters().messages_resent;
}

void Connection::pump(Instant now) {
  Outgoing* outgoing = session_->outgoing.get();
  if (outgoing && outgoing->has_waiting() && !pump_queue(*outgoing, now)) return;
  if (session_->forwarding && !broker_.pass_on(*session_, now)) return;
  if (session_->retained_feed) broker_.feed_retained(*session_, now);
}

// False: something waits for room in the output.
bool Connection::pump_queue(Outgoing& outgoing, Instant now) {
  while (Delivery* delivery = outgoing.peek()) {
    const bool was_sent = delivery->stage == storage::Stage::resend;
    if (!was_sent && session_->forwarding) return true;  // the gate is asked first
    if (!was_sent && delivery->message.is_expired(now)) {
      ++broker_.counters().dropped_expired;  // [MQTT-3.3.2-5]; once sent it is sent on [MQTT-4.3.3-7]
      outgoing.drop();
      continue;
    }
    if (!has_room_for(delivery->message.size())) {
      expect_drain(now);
      return false;
    }
    if (delivery->qos == protocol::QoS::at_most_once) {
      send_unnumbered(*delivery, now);
      outgoing.drop();
    } else {
      send_delivery(outgoing.advance(), was_sent, now);
    }
  }
  return true;
}

bool Connection::put_publish(const protocol::Publish& original, const AddedProperties& added, Instant now,
                             const SharedBytes* payload) {
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
  const auto encoded =
      payload ? encode_publish(publish, version_, output_, *payload) : encode_publish(publish, version_, output_);
  if (!encoded) return false;
  if (alias != 0 && !is_known) aliases_->sent.emplace(original.topic, alias);
  ++broker_.counters().messages_out;
  broker_.counters().payload_bytes_out += publish.payload.size();
  return true;
}

// [MQTT-3.1.2-26]: the first topics get one each; 0 when there is none left.
uint16_t Connection::choose_alias(std::string_view topic, bool& is_known) const {
  const auto found = aliases_->sent.find(topic);
  is_known = found != aliases_->sent.end();
  if (is_known) return found->second;
  // [MQTT-3.3.2-11]
  const size_t used = aliases_->sent.size();
  return used < aliases_->sent_maximum ? static_cast<uint16_t>(used + 1) : uint16_t{0};
}

void Connection::begin_output() {
  ++broker_.counters().packets_out;
  if (output_.empty() && waker_) waker_->wake();  // otherwise the driver knows already
}

void Connection::send(const protocol::Packet& packet) {
  OutputQueue bytes;
  if (!encode(packet, version_, bytes) || bytes.size() > maximum_packet_size_) return;  // [MQTT-3.1.2-24]
  begin_output();
  for (const ByteView part : bytes.views()) output_.append(part);
}

}  // namespace mqtt_sim::broker
