#include "core/broker/message_properties.hpp"

#include <algorithm>

namespace mqtt_sim::broker {

using protocol::PropertyId;
using protocol::PropertyList;
using protocol::PropertyWriter;

storage::Message make_message(const protocol::Publish& publish, Instant now) {
  PropertyList properties = publish.properties;
  Instant expires = kNever;
  PropertyWriter space;
  if (!properties.empty()) {
    if (const auto interval = properties.number(PropertyId::message_expiry_interval)) {
      expires = now + std::chrono::seconds(*interval);
      properties = without_property(properties, PropertyId::message_expiry_interval, space);
    }
  }
  return {publish.topic, properties.encoded(), publish.payload, publish.qos, expires};
}

PropertyList join_properties(PropertyList own, const AddedProperties& added, Instant now, PropertyWriter& space) {
  if (added.empty()) return own;
  space.clear();
  if (added.expires != kNever) {  // [MQTT-3.3.2-6]: whole seconds that are left
    const Duration left = std::max(added.expires - now, Duration::zero());
    const int64_t seconds = std::chrono::ceil<std::chrono::seconds>(left).count();
    constexpr int64_t kMost = UINT32_MAX;  // a clock that stepped back may give more
    space.number(PropertyId::message_expiry_interval, static_cast<uint32_t>(std::min(seconds, kMost)));
  }
  if (added.alias != 0) space.number(PropertyId::topic_alias, added.alias);
  for (const protocol::Property& property : PropertyList(added.identifiers)) space.copy(property);
  // [MQTT-3.3.2-4], [MQTT-3.3.2-15], [MQTT-3.3.2-16], [MQTT-3.3.2-20]
  for (const protocol::Property& property : own) space.copy(property);  // [MQTT-3.3.2-17], [MQTT-3.3.2-18]
  return space.list();
}

PropertyList without_property(PropertyList list, PropertyId id, PropertyWriter& space) {
  space.clear();
  for (const protocol::Property& property : list) {
    if (property.id != id) space.copy(property);
  }
  return space.list();
}

}  // namespace mqtt_sim::broker
