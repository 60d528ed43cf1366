// How a user configures the embedded broker: a JSON object, checked, as the plain values that core/broker and the
// drivers take. BrokerHost and runs in virtual time make a broker of it.
//
//   any member of BrokerOptions by its name; durations as <name>_ns, enumerations as text, max_qos as a number
//   users_file, acl_file, credentials {name: password}
//   seed                    what chance draws from; without it nobody knows
//   web_files               directory of the product's own pages; without it there are none
//   the keys of a listener  (listener_config.hpp) for the one that there is: port 0 of 127.0.0.1, which takes MQTT,
//                           WebSocket and HTTP, each with TLS and without, unless they say otherwise
//   listeners               instead of these, several; each with `host` above, and plain MQTT unless it says more
#pragma once

#include <boost/system/result.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/broker/options.hpp"
#include "core/engine/broker_access.hpp"
#include "core/engine/broker_desk.hpp"
#include "core/engine/listener_config.hpp"
#include "core/load/plan.hpp"

namespace mqtt_sim::engine {

struct BrokerConfig {
  std::vector<ListenerConfig> listeners = {{Address{"127.0.0.1", 0}}};  // at least one
  broker::BrokerOptions options = {};
  AccessSources access = {};
  std::optional<uint64_t> seed = std::nullopt;  // none: an unpredictable one
  std::string web_files = {};
  std::optional<DeskOptions> desk = std::nullopt;  // none: no script looks in
};

// Error: which key is wrong, what stands there, and what should. Reads the certificates that it names, to try them.
boost::system::result<BrokerConfig, load::PlanError> parse_broker_config(const std::string& json);
// All members of BrokerOptions that can be configured, with their defaults, as such a JSON object.
std::string default_broker_options();

}  // namespace mqtt_sim::engine
