#include "core/engine/targets.hpp"

#include <algorithm>
#include <map>
#include <memory>
#include <utility>

#include "core/base/assert.hpp"
#include "core/net/tls_check.hpp"

namespace mqtt_sim::engine {
namespace {

bool takes(const ListenerConfig& listener, Transport transport) {
  const bool is_secured = listener.at.tls || listener.generates_certificate;
  if (has_tls(transport) ? !is_secured : is_secured && !listener.at.plain_beside_tls) return false;
  return has_websocket(transport) ? listener.at.protocols.websocket : listener.at.protocols.mqtt;
}

auto find_listener(const std::vector<ListenerConfig>& listeners, Transport transport) {
  return std::ranges::find_if(listeners, [&](const ListenerConfig& listener) { return takes(listener, transport); });
}

// The address that a client of this machine dials for one that was listened on.
Address dialled(Address bound) {
  if (bound.host == "0.0.0.0") bound.host = "127.0.0.1";
  if (bound.host == "::") bound.host = "::1";
  return bound;
}

}  // namespace

std::optional<load::PlanError> check_targets(const load::Plan& plan, const std::vector<ListenerConfig>& listeners) {
  std::map<const TlsClientOptions*, bool> is_checked;
  for (size_t i = 0; i < plan.groups.size(); ++i) {
    const Target& target = plan.groups[i].target;
    const std::string path = "groups." + std::to_string(i) + ".target.";
    if (!plan.target && find_listener(listeners, target.transport) == listeners.end())
      return load::PlanError{path + "transport", to_string(target.transport),
                             "one that a listener of the broker takes"};
    if (!target.tls || std::exchange(is_checked[target.tls.get()], true)) continue;
    if (const auto usable = net::check(*target.tls); !usable)
      return load::PlanError{path + "tls", "nothing", "usable, but " + usable.error().text};
  }
  return std::nullopt;
}

std::vector<Target> make_targets(const load::Plan& plan, const std::vector<ListenerConfig>& listeners,
                                 const std::vector<Address>& bound, const std::string& ca_pem) {
  std::map<const TlsClientOptions*, std::shared_ptr<const TlsClientOptions>> trusting;  // by what the plan says
  std::vector<Target> targets;
  for (const load::GroupPlan& group : plan.groups) {
    Target& target = targets.emplace_back(group.target);
    if (plan.target) continue;
    const auto listener = find_listener(listeners, target.transport);
    MQTT_SIM_ASSERT(listener != listeners.end());
    target.address = dialled(bound[static_cast<size_t>(listener - listeners.begin())]);
    if (!has_tls(target.transport) || ca_pem.empty()) continue;
    std::shared_ptr<const TlsClientOptions>& options = trusting[target.tls.get()];
    if (!options) {
      auto own = target.tls ? std::make_shared<TlsClientOptions>(*target.tls) : std::make_shared<TlsClientOptions>();
      if (!own->trust.is_given()) own->trust.ca_pem = ca_pem;
      options = std::move(own);
    }
    target.tls = options;
  }
  return targets;
}

}  // namespace mqtt_sim::engine
