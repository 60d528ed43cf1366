#include "core/broker/profile.hpp"

#include <algorithm>

namespace mqtt_sim::broker {

using protocol::QoS;

Behaviour behaviour_of(const BrokerOptions& options) {
  Behaviour behaviour;
  behaviour.granted_qos = options.max_qos;  // [MQTT-3.2.2-10]
  switch (options.profile) {
    case Profile::standard: break;
    case Profile::diffusion:
      behaviour.accepts_v3 = false;
      behaviour.needs_password = true;
      behaviour.granted_qos = QoS::at_most_once;
      break;
    case Profile::mosca:
      behaviour.accepts_v5_0 = false;
      behaviour.answers_v5_0_as_v3 = true;
      behaviour.granted_qos = std::min(options.max_qos, QoS::at_least_once);
      behaviour.on_qos2_publish = options.on_qos2_publish;
      behaviour.flags_retained = false;
      behaviour.closes_on_refused_publish = true;
      break;
  }
  return behaviour;
}

BrokerOptions with_profile(BrokerOptions options) {
  if (options.profile == Profile::diffusion) options.max_qos = std::min(options.max_qos, QoS::at_least_once);
  return options;
}

}  // namespace mqtt_sim::broker
