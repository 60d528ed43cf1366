#include "core/broker/route.hpp"

#include <algorithm>

#include "core/broker/session.hpp"
#include "core/broker/sys_topics.hpp"

namespace mqtt_sim::broker {

void Grant::add(const Subscription& subscription) {
  qos = std::max(qos, subscription.options.qos);
  retain_as_published = retain_as_published || subscription.options.retain_as_published;
  if (subscription.identifier == 0) return;
  protocol::PropertyWriter writer;
  for (const protocol::Property& property : protocol::PropertyList(identifiers.view())) writer.copy(property);
  writer.number(protocol::PropertyId::subscription_identifier, subscription.identifier);  // [MQTT-3.3.4-3]
  identifiers = SharedBytes(writer.list().encoded());
}

const Route& RouteCache::find(std::string_view topic) {
  const auto found = routes_.find(topic);
  if (found != routes_.end()) {
    Route& route = *found->second;
    if (route.version != index_.version()) resolve(route);
    return route;
  }
  Route& route = add(topic);
  resolve(route);
  return route;
}

Route& RouteCache::add(std::string_view topic) {
  if (routes_.size() >= kRouteLimit || targets_ >= kTargetLimit) {
    routes_.clear();
    targets_ = 0;
  }
  auto route = std::make_unique<Route>();
  route->topic = topic;
  const bool too_deep = static_cast<uint32_t>(std::ranges::count(topic, '/')) >= options_.max_topic_levels;
  if (too_deep || topic.size() > options_.max_topic_length)
    route->refusal = protocol::ReasonCode::topic_name_invalid;
  else if (is_sys_topic(topic))
    route->refusal = protocol::ReasonCode::not_authorized;
  Route& placed = *route;
  routes_.emplace(placed.topic, std::move(route));
  return placed;
}

void RouteCache::resolve(Route& route) {
  targets_ -= route.targets.size();
  route.targets.clear();
  route.groups.clear();
  route.version = index_.version();
  ++resolutions_;
  if (route.refusal == protocol::ReasonCode::topic_name_invalid) return;
  index_.match(route.topic, [&](FilterEntry& entry) {
    for (const Subscription* subscription : entry.subscriptions) {
      Session& session = *subscription->session;
      if (session.resolved != resolutions_) {
        session.resolved = resolutions_;
        session.resolved_place = static_cast<uint32_t>(route.targets.size());
        route.targets.emplace_back().session = &session;
      }
      Target& target = route.targets[session.resolved_place];
      if (subscription->options.no_local && !target.has_no_local) {
        target.has_no_local = true;
        // What was granted before this one came without no local; an empty grant is the first subscription's.
        if (target.is_granted) target.own = std::make_unique<Grant>(target.grant);
      } else if (!subscription->options.no_local && target.has_no_local) {
        if (!target.own) target.own = std::make_unique<Grant>();
        target.own->add(*subscription);
      }
      target.grant.add(*subscription);
      target.is_granted = true;
    }
    if (!entry.groups) return;
    for (auto& [name, group] : *entry.groups) route.groups.push_back(&group);
  });
  targets_ += route.targets.size();
}

}  // namespace mqtt_sim::broker
