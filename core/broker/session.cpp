#include "core/broker/session.hpp"

namespace mqtt_sim::broker {

StoredWill::StoredWill(const protocol::Will& will)
    : delay_s(will.properties.number(protocol::PropertyId::will_delay_interval).value_or(0)),
      topic_(will.topic),
      payload_(will.payload.begin(), will.payload.end()),
      qos_(will.qos),
      retain_(will.retain) {
  for (const protocol::Property& property : will.properties) {
    if (property.id != protocol::PropertyId::will_delay_interval) properties_.copy(property);  // [MQTT-3.1.3-10]
  }
}

protocol::Publish StoredWill::publish() const {
  protocol::Publish publish;
  publish.qos = qos_;
  publish.retain = retain_;  // [MQTT-3.1.2-14], [MQTT-3.1.2-15]
  publish.topic = topic_;
  publish.properties = properties_.list();
  publish.payload = payload_;
  return publish;
}

}  // namespace mqtt_sim::broker
