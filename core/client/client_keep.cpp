// The part of Client whose session its owner writes down: what an earlier process left, and the steps of QoS 2 that
// wait until they have been written.
#include "core/client/client.hpp"

namespace mqtt_sim::client {

using protocol::PacketId;
using protocol::PacketType;
using protocol::QoS;

void Client::restore_publish(const PublishRequest& request, bool is_released) {
  MQTT_SIM_ASSERT(options_->session_of_owner && state_ == State::idle && request.qos != QoS::at_most_once);
  MQTT_SIM_ASSERT(request.packet_id != 0 && inflight_.publishes() < Inflight::kLargestWindow);
  const protocol::Publish publish{
      true, request.qos, request.retain, request.topic, request.packet_id, request.properties, request.payload};
  StoredPacket copy = is_released ? StoredPacket() : StoredPacket(publish);
  Inflight::Entry& entry = inflight_.add_publish(request.packet_id, request.qos, request.cookie, std::move(copy));
  entry.awaiting = Inflight::Awaiting::nothing;
  has_session_ = session_persists_ = true;
}

void Client::restore_received(PacketId id) {
  MQTT_SIM_ASSERT(options_->session_of_owner && state_ == State::idle && id != 0);
  if (!received_.find(id)) received_.insert({id});
  has_session_ = session_persists_ = true;
}

void Client::continue_exchange(PacketType received, PacketId id, Instant now) {
  now_ = now;
  if (received == PacketType::pubrel) {
    ReceivedId* released = received_.find(id);
    if (!released) return;
    received_.erase(*released);  // [MQTT-4.3.3-12]
    if (state_ != State::connected) return;
    ++acked_in_read_;
    return reply(PacketType::pubcomp, id);  // [MQTT-4.3.3-11]
  }
  Inflight::Entry* entry = inflight_.find(id);
  if (!entry || entry->qos != QoS::exactly_once) return;
  entry->copy.reset();  // [MQTT-4.3.3-3], [MQTT-4.3.3-6]
  if (state_ != State::connected || entry->awaiting != Inflight::Awaiting::owner) return;
  entry->awaiting = Inflight::Awaiting::pubcomp;
  reply(PacketType::pubrel, id);  // [MQTT-4.3.3-4]
}

void Client::forget_publish(uint64_t cookie) {
  if (Inflight::Entry* entry = inflight_.find_publish(cookie)) entry->copy.reset();
}

}  // namespace mqtt_sim::client
