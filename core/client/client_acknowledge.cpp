// The part of Client that leaves acknowledging to its owner: what is owed, and the order in which it is paid.
#include "core/client/client.hpp"
#include "core/client/features.hpp"
#include "core/protocol/encode.hpp"

namespace mqtt_sim::client {

using protocol::PacketType;
using protocol::QoS;
using protocol::ReasonCode;

std::optional<Event> Client::leave_to_owner(const protocol::Publish& publish) {
  std::unique_ptr<Owed>& owed = features().owed;
  if (!owed) owed = std::make_unique<Owed>();
  if (owed->answers.size() >= kPacketIds) {
    return fail(ReasonCode::receive_maximum_exceeded, "more publishes than packet identifiers");
  }
  if (publish.qos == QoS::exactly_once) received_.insert({publish.packet_id, true});
  const uint64_t token = owed->add({.packet_id = publish.packet_id, .qos = publish.qos});
  return MessageReceived{publish, token};
}

bool Client::acknowledge(uint64_t token, ReasonCode reason, Instant now) {
  now_ = now;
  if (state_ != State::connected || !features_ || !features_->owed) return false;
  Owed& owed = *features_->owed;
  OwedAnswer* answer = owed.find(token);
  if (!answer || answer->is_given) return false;
  answer->is_given = true;
  answer->reason = reason;
  while (!owed.answers.empty() && owed.answers.front().is_given) {  // [MQTT-4.6.0-2], [MQTT-4.6.0-3]
    send_owed(owed.answers.front());
    owed.pop();
  }
  return true;
}

void Client::send_owed(const OwedAnswer& answer) {
  const bool is_first_of_two = answer.qos == QoS::exactly_once;
  if (is_first_of_two) {
    ReceivedId* received = received_.find(answer.packet_id);
    if (!received) return;  // the server has released what was never received
    received->is_owed = false;
    if (is_failure(answer.reason)) received_.erase(*received);  // it ends here
  }
  const size_t before = output_.size();
  if (!is_5() || answer.reason == ReasonCode::success) {
    return reply(is_first_of_two ? PacketType::pubrec : PacketType::puback, answer.packet_id);
  }
  if (is_first_of_two) {
    static_cast<void>(send_if_it_fits(protocol::Pubrec{answer.packet_id, answer.reason, {}}));
  } else {
    static_cast<void>(send_if_it_fits(protocol::Puback{answer.packet_id, answer.reason, {}}));
  }
  reply_bytes_ += static_cast<uint32_t>(output_.size() - before);
}

// The connection is over: whatever was not answered comes again as if it had never come, or never.
void Client::forget_owed() {
  if (!features_ || !features_->owed) return;
  for (const OwedAnswer& answer : features_->owed->answers) {
    ReceivedId* received = answer.qos == QoS::exactly_once ? received_.find(answer.packet_id) : nullptr;
    if (received && received->is_owed) received_.erase(*received);
  }
}

}  // namespace mqtt_sim::client
