// What a broker does in another way than ours when it stands in for another system. Options that such a system has in
// common with us are set by with_profile(); what no option says is a Behaviour. This is the only place that knows which
// profile means what; the rest of the broker asks the Behaviour.
//
//   standard   all of MQTT 3.1, 3.1.1 and 5.0
//   diffusion  5.0 only; publishing at QoS 0 and 1, subscriptions granted QoS 0; a user name comes with a password
//   mosca      3.1 and 3.1.1 only, 5.0 answered as those would; no QoS 2; retained messages come without the flag; a
//              publish that a rule refuses ends the connection
#pragma once

#include <optional>

#include "core/broker/options.hpp"
#include "core/protocol/packet.hpp"

namespace mqtt_sim::broker {

struct Behaviour {
  bool accepts_v3 = true;  // 3.1 and 3.1.1
  bool accepts_v5_0 = true;
  bool answers_v5_0_as_v3 = false;                          // when it is not accepted: code 1, not 0x84
  bool needs_password = false;                              // with a user name, or 0x86
  protocol::QoS granted_qos = protocol::QoS::exactly_once;  // the most a subscription gets
  std::optional<OnQos2Publish> on_qos2_publish;             // not set: QoS 2 as the standard has it
  bool flags_retained = true;                               // to a new subscription
  bool closes_on_refused_publish = false;                   // by a rule
};

Behaviour behaviour_of(const BrokerOptions&);
// `options` as the profile in them wants them.
BrokerOptions with_profile(BrokerOptions options);

}  // namespace mqtt_sim::broker
