#include "core/broker/retained.hpp"

#include <vector>

#include "core/broker/message_properties.hpp"

namespace mqtt_sim::broker {

using protocol::ReasonCode;
using storage::Message;

ReasonCode Retained::keep(const protocol::Publish& publish, Instant now) {
  if (publish.payload.empty()) {  // [MQTT-3.3.1-6], [MQTT-3.3.1-7]
    store_.erase_retained(publish.topic);
    return ReasonCode::success;
  }
  const std::optional<Message> old = store_.find_retained(publish.topic);
  Message message = make_message(publish, now);
  const size_t count = store_.retained_count() + (old ? 0 : 1);
  const size_t bytes = store_.retained_bytes() + message.size() - (old ? old->size() : 0);
  if (count > options_.max_retained || bytes > options_.max_retained_bytes) return ReasonCode::quota_exceeded;
  store_.put_retained(std::move(message));  // [MQTT-3.3.1-5]
  return ReasonCode::success;
}

void Retained::match(std::string_view filter, Instant now, const std::function<void(const Message&)>& visit) {
  std::vector<Message> expired;
  store_.match_retained(filter, [&](const Message& message) {
    if (message.is_expired(now)) {
      expired.push_back(message);  // [MQTT-3.3.2-5]
    } else {
      visit(message);
    }
  });
  for (const Message& message : expired) store_.erase_retained(message.topic());
}

}  // namespace mqtt_sim::broker
