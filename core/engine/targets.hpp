// Where the clients of each group connect: to the outside broker that the plan names, or to that listener of the
// embedded one which takes the group's transport.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/base/target.hpp"
#include "core/engine/broker_config.hpp"
#include "core/load/plan.hpp"

namespace mqtt_sim::engine {

// Error: the group whose transport no listener takes, or whose TLS options cannot work.
std::optional<load::PlanError> check_targets(const load::Plan&, const std::vector<ListenerConfig>&);
// By group; for a plan that check_targets() has passed. `bound` are the addresses of the listeners, in their order.
// Clients that name nobody whom they trust believe `ca_pem`, unless it is empty.
std::vector<Target> make_targets(const load::Plan&, const std::vector<ListenerConfig>&,
                                 const std::vector<Address>& bound, const std::string& ca_pem);

}  // namespace mqtt_sim::engine
