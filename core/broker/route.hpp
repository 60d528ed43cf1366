// Where a message to one topic name goes: the matching subscriptions, one entry for each session (section 3.3.4).
// Routes are resolved when first needed and kept until a subscription changes, so that in a steady state a message
// costs one look-up. The cache is bounded; when it is full it begins anew.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/base/shared_bytes.hpp"
#include "core/broker/options.hpp"
#include "core/broker/subscription_index.hpp"

namespace mqtt_sim::broker {

// What a session's subscriptions that match a name allow together.
struct Grant {
  protocol::QoS qos = protocol::QoS::at_most_once;  // the highest of them [MQTT-3.3.4-2]
  bool retain_as_published = false;
  SharedBytes identifiers;  // encoded subscription identifiers of all of them [MQTT-3.3.4-4]

  void add(const Subscription&);
};

struct Target {
  Session* session = nullptr;
  Grant grant;
  bool is_granted = false;     // by a first subscription
  bool has_no_local = false;   // one of the subscriptions asks for no local
  std::unique_ptr<Grant> own;  // with it: what the others grant for messages of the session itself, if any match

  // What applies to a message from `publisher`, or nullptr.
  const Grant* grant_for(const Session* publisher) const {
    return !has_no_local || publisher != session ? &grant : own.get();  // [MQTT-3.8.3-3]
  }
};

struct Route {
  std::string topic;
  uint64_t version = 0;  // of the index when resolved
  // topic_name_invalid: beyond the limits; not_authorized: clients may not publish to it
  protocol::ReasonCode refusal = protocol::ReasonCode::success;
  std::vector<Target> targets;
  std::vector<ShareGroup*> groups;
};

class RouteCache {
 public:
  RouteCache(SubscriptionIndex& index, const BrokerOptions& options) : index_(index), options_(options) {}

  // Valid until a subscription changes or find() is called again.
  const Route& find(std::string_view topic);

  size_t size() const { return routes_.size(); }

 private:
  static constexpr size_t kRouteLimit = 65'536;
  static constexpr size_t kTargetLimit = 1'000'000;

  Route& add(std::string_view topic);
  void resolve(Route&);

  SubscriptionIndex& index_;
  const BrokerOptions& options_;
  std::unordered_map<std::string_view, std::unique_ptr<Route>> routes_;
  size_t targets_ = 0;  // in all routes
  uint64_t resolutions_ = 0;
};

}  // namespace mqtt_sim::broker
