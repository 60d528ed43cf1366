// How a user configures the embedded broker: a JSON object, checked, as the plain values that core/broker and the
// drivers take. BrokerHost and runs in virtual time make a broker of it.
//
//   any member of BrokerOptions by its name; durations as <name>_ns, enumerations as text, max_qos as a number
//   users_file, acl_file, credentials {name: password}
//   seed                    what chance draws from; without it nobody knows
//   host, port              where to listen; port 0: any free one
//   listeners               instead of port, several: {name, host, port, protocol_versions, max_connections,
//                           allow_anonymous}, each with `host` above and everything allowed unless it says more
#pragma once

#include <boost/system/result.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/base/target.hpp"
#include "core/broker/options.hpp"
#include "core/engine/broker_access.hpp"
#include "core/load/plan.hpp"

namespace mqtt_sim::engine {

struct ListenerConfig {
  ListenAddress at;
  broker::ListenerOptions options = {};
};

struct BrokerConfig {
  std::vector<ListenerConfig> listeners = {{Address{"127.0.0.1", 0}}};  // at least one
  broker::BrokerOptions options = {};
  AccessSources access = {};
  std::optional<uint64_t> seed = std::nullopt;  // none: an unpredictable one
};

// Error: which key is wrong, what stands there, and what should.
boost::system::result<BrokerConfig, load::PlanError> parse_broker_config(const std::string& json);
// All members of BrokerOptions that can be configured, with their defaults, as such a JSON object.
std::string default_broker_options();

}  // namespace mqtt_sim::engine
