#include "core/broker/outgoing.hpp"

#include <utility>

namespace mqtt_sim::broker {

using protocol::PacketId;
using protocol::QoS;
using storage::Delivery;
using storage::SessionState;
using storage::Stage;

void Outgoing::start(uint16_t window) {
  window_ = window;
  used_ = 0;  // [MQTT-4.9.0-1]
  for (size_t i = 0; i < in_flight_.size(); ++i) {
    Delivery& delivery = in_flight_[i];
    delivery.uses_quota = false;
    // [MQTT-4.3.2-3], [MQTT-4.3.3-3], [MQTT-4.8.2-4]
    if (delivery.stage == Stage::published) delivery.stage = Stage::resend;
  }
  resend_ = first_;
  resend_end_ = first_ + in_flight_.size();
}

void Outgoing::save(SessionState& state) {
  state.next_packet_id = id_of(first_ + in_flight_.size());
  for (size_t i = 0; i < in_flight_.size(); ++i) {
    if (in_flight_[i].stage != Stage::done) state.in_flight.push_back(std::move(in_flight_[i]));
  }
  for (size_t i = 0; i < queue_.size(); ++i) state.queued.push_back(std::move(queue_[i]));
  *this = Outgoing();
}

void Outgoing::restore(SessionState& state) {
  *this = Outgoing();
  const PacketId first = state.in_flight.empty() ? state.next_packet_id : state.in_flight.front().packet_id;
  first_ = first - 1u;
  for (Delivery& delivery : state.in_flight) {
    while (id_of(first_ + in_flight_.size()) != delivery.packet_id) {
      MQTT_SIM_ASSERT(in_flight_.size() < kPacketIds);
      in_flight_.push_back(Delivery()).stage = Stage::done;
    }
    if (delivery.stage == Stage::resend) delivery.stage = Stage::published;
    in_flight_.push_back(std::move(delivery));
  }
  // Identifiers handed out after the last one still in flight are free again, but using them at once would be bad
  // manners.
  while (!in_flight_.empty() && in_flight_.size() < kPacketIds &&
         id_of(first_ + in_flight_.size()) != state.next_packet_id) {
    in_flight_.push_back(Delivery()).stage = Stage::done;
  }
  for (Delivery& delivery : state.queued) push(std::move(delivery));
}

void Outgoing::push(Delivery delivery) {
  queued_bytes_ += delivery.message.size();
  if (delivery.qos == QoS::at_most_once) ++queued_qos0_;
  queue_.push_back(std::move(delivery));  // [MQTT-4.6.0-5], [MQTT-4.6.0-6]
}

Delivery& Outgoing::open(Delivery delivery) {
  delivery.packet_id = id_of(first_ + in_flight_.size());  // [MQTT-2.2.1-4], [MQTT-4.3.2-1], [MQTT-4.3.3-1]
  delivery.stage = Stage::published;
  delivery.uses_quota = true;
  ++used_;
  return in_flight_.push_back(std::move(delivery));
}

Delivery* Outgoing::peek() {
  for (; resend_ < resend_end_; ++resend_) {
    if (resend_ < first_) continue;
    Delivery& delivery = in_flight_[resend_ - first_];
    if (delivery.stage == Stage::resend) return used_ < window_ ? &delivery : nullptr;  // [MQTT-3.3.4-9]
  }
  if (queue_.empty()) return nullptr;
  Delivery& next = queue_.front();
  // [MQTT-3.3.4-10]
  return has_window() || next.qos == QoS::at_most_once ? &next : nullptr;  // [MQTT-4.9.0-2], [MQTT-4.9.0-3]
}

Delivery Outgoing::take_queued() {
  Delivery delivery = queue_.front();
  drop();
  return delivery;
}

Delivery& Outgoing::advance() {
  if (resend_ < resend_end_) {
    Delivery& delivery = in_flight_[resend_++ - first_];
    delivery.stage = Stage::published;
    delivery.uses_quota = true;
    ++used_;
    return delivery;
  }
  return open(take_queued());
}

void Outgoing::drop() {
  queued_bytes_ -= queue_.front().message.size();
  if (queue_.front().qos == QoS::at_most_once) --queued_qos0_;
  queue_.pop_front();
}

Outgoing::Answer Outgoing::on_puback(PacketId id) {
  Delivery* delivery = find(id);
  if (!delivery) return Answer::unknown;
  if (delivery->qos != QoS::at_least_once) return Answer::wrong;
  finish(*delivery);
  return Answer::accepted;
}

Outgoing::Answer Outgoing::on_pubrec(PacketId id, bool is_failure) {
  Delivery* delivery = find(id);
  if (!delivery) return Answer::unknown;
  if (delivery->qos != QoS::exactly_once) return Answer::wrong;
  if (is_failure) {
    finish(*delivery);  // [MQTT-4.4.0-2], [MQTT-4.8.2-6]
  } else if (delivery->stage != Stage::released) {
    delivery->stage = Stage::released;  // the message itself is no longer needed [MQTT-4.3.3-6]
    delivery->message = {};
    delivery->identifiers = {};
  }
  return Answer::accepted;
}

Outgoing::Answer Outgoing::on_pubcomp(PacketId id) {
  Delivery* delivery = find(id);
  if (!delivery) return Answer::unknown;
  if (delivery->stage != Stage::released) return Answer::wrong;
  finish(*delivery);
  return Answer::accepted;
}

const Delivery* Outgoing::find_published(PacketId id) const {
  const Delivery* delivery = const_cast<Outgoing*>(this)->find(id);
  return delivery && delivery->stage == Stage::published ? delivery : nullptr;
}

void Outgoing::forget(PacketId id) {
  if (Delivery* delivery = find(id)) finish(*delivery);
}

Delivery* Outgoing::find(PacketId id) {
  if (id == 0) return nullptr;
  const uint64_t place = (id - 1u + kPacketIds - first_ % kPacketIds) % kPacketIds;
  if (place >= in_flight_.size()) return nullptr;
  Delivery& delivery = in_flight_[place];
  return delivery.stage == Stage::done ? nullptr : &delivery;
}

void Outgoing::finish(Delivery& delivery) {
  if (delivery.uses_quota) --used_;
  delivery = Delivery();
  delivery.stage = Stage::done;
  while (!in_flight_.empty() && in_flight_.front().stage == Stage::done) {
    in_flight_.pop_front();
    ++first_;
  }
}

}  // namespace mqtt_sim::broker
