#include "core/load/topology.hpp"

#include <algorithm>

#include "core/load/dialogue.hpp"
#include "core/load/placeholder.hpp"
#include "core/protocol/topic.hpp"

namespace mqtt_sim::load {

std::string client_id_of(const GroupPlan& group, uint32_t index) {
  return expand_names(group.client_id, {group.name, index, "", ""});
}

std::string topic_of(const Plan& plan, const GroupPlan& group, uint32_t index) {
  const std::string id = client_id_of(group, index);
  std::string speaker;
  if (group.publish->payload.order == DialogueOrder::by_speaker) speaker = topic_level(speaker_of(plan.corpus, index));
  return expand_names(group.publish->topic, {group.name, index, id, speaker});
}

std::vector<std::string> filters_of(const GroupPlan& group, uint32_t index) {
  const std::string id = client_id_of(group, index);
  std::vector<std::string> filters;
  filters.reserve(group.subscribe.size());
  for (const SubscribePlan& subscribe : group.subscribe)
    filters.push_back(expand_names(subscribe.filter, {group.name, index, id, ""}));
  return filters;
}

boost::system::result<Topology, PlanError> Topology::make(const Plan& plan) {
  Topology topology(plan);
  for (uint32_t group = 0; group < plan.groups.size(); ++group)
    if (auto added = topology.add_streams(group); !added) return added.error();
  if (auto counted = topology.count_copies(); !counted) return counted.error();
  return topology;
}

boost::system::result<void, PlanError> Topology::add_streams(uint32_t group) {
  const GroupPlan& plan = plan_->groups[group];
  first_stream_.push_back(static_cast<uint32_t>(streams_.size()));
  if (!plan.publish) return {};
  for (uint32_t index = 0; index < plan.count; ++index) {
    std::string topic = topic_of(*plan_, plan, index);
    if (!protocol::is_valid_topic_name(topic))
      return PlanError{"groups." + std::to_string(group) + ".publish.topic", topic, "a topic name without wildcards"};
    by_topic_[topic].push_back(static_cast<uint32_t>(streams_.size()));
    streams_.push_back({group, index, std::move(topic), 0});
  }
  return {};
}

boost::system::result<void, PlanError> Topology::count_copies() {
  uint64_t pairs = 0;
  for (uint32_t group = 0; group < plan_->groups.size(); ++group) {
    const GroupPlan& plan = plan_->groups[group];
    for (uint32_t index = 0; index < plan.count && !plan.subscribe.empty(); ++index) {
      for (const std::string& filter : filters_of(plan, index))
        if (!protocol::is_valid_topic_filter(filter) || protocol::parse_shared_filter(filter))
          return PlanError{"groups." + std::to_string(group) + ".subscribe", filter,
                           "a valid topic filter that is not shared"};
      for (const uint32_t stream : heard_by(group, index)) {
        ++streams_[stream].copies;
        if (++pairs > kPairLimit)
          return PlanError{"groups", std::to_string(pairs), "at most 50,000,000 pairs of receiver and stream"};
      }
    }
  }
  return {};
}

std::vector<uint32_t> Topology::heard_by(uint32_t group, uint32_t index) const {
  const GroupPlan& plan = plan_->groups[group];
  const std::vector<std::string> filters = filters_of(plan, index);
  std::vector<uint32_t> heard;
  for (size_t i = 0; i < filters.size(); ++i) {
    const bool is_deaf_to_itself = plan.subscribe[i].options.no_local && plan.publish;  // [MQTT-3.8.3-3]
    const auto hear = [&](uint32_t stream) {
      if (!is_deaf_to_itself || stream != stream_of(group, index)) heard.push_back(stream);
    };
    if (!protocol::has_wildcard(filters[i])) {
      if (const auto at = by_topic_.find(filters[i]); at != by_topic_.end()) std::ranges::for_each(at->second, hear);
      continue;
    }
    for (uint32_t stream = 0; stream < streams_.size(); ++stream)
      if (protocol::matches(filters[i], streams_[stream].topic)) hear(stream);
  }
  std::ranges::sort(heard);
  const auto repeated = std::ranges::unique(heard);
  heard.erase(repeated.begin(), repeated.end());
  return heard;
}

}  // namespace mqtt_sim::load
