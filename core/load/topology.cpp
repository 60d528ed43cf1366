#include "core/load/topology.hpp"

#include <algorithm>

#include "core/load/dialogue.hpp"
#include "core/load/placeholder.hpp"
#include "core/protocol/topic.hpp"

namespace mqtt_sim::load {

namespace {

std::string subscribe_path(uint32_t group) { return "groups." + std::to_string(group) + ".subscribe"; }

}  // namespace

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
  if (plan.publish->has_composed_topic) {
    needs_subscribers_ = true;
    for (uint32_t index = 0; index < plan.count; ++index) streams_.push_back({group, index, "", 0});
    return {};
  }
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
      const std::vector<std::string> filters = filters_of(plan, index);
      if (needs_subscribers_) note_subscriber(group, filters);
      const auto added = add_shares(group, filters);
      if (!added) return added.error();
      if (!is_unambiguous(group, index))
        return PlanError{subscribe_path(group), filters.front(),
                         "filters of which, where one is shared, no two match the same topic; the other needs a "
                         "client of its own"};
      pairs += *added;
      for (const uint32_t stream : heard_by(group, index)) {
        ++streams_[stream].copies;
        if (++pairs > kPairLimit) break;
      }
      if (pairs > kPairLimit)
        return PlanError{"groups", std::to_string(pairs), "at most 50,000,000 pairs of receiver and stream"};
    }
  }
  return {};
}

// Those of `filters` that are shared, where they are new.
boost::system::result<uint64_t, PlanError> Topology::add_shares(uint32_t group,
                                                                const std::vector<std::string>& filters) {
  uint64_t pairs = 0;
  for (const std::string& filter : filters) {
    if (!protocol::is_valid_topic_filter(filter))
      return PlanError{subscribe_path(group), filter, "a valid topic filter"};
    const auto shared = protocol::parse_shared_filter(filter);
    if (!shared) continue;
    if (needs_subscribers_)
      return PlanError{subscribe_path(group), filter, "a filter that is not shared, beside topics made by a function"};
    const auto [at, is_new] = share_by_filter_.try_emplace(filter, static_cast<uint32_t>(shares_.size()));
    if (!is_new) continue;
    Share& share = shares_.emplace_back(Share{filter, group, {}});
    visit_streams(std::string(shared->filter), [&](uint32_t stream) {
      share.streams.push_back(stream);
      ++streams_[stream].copies;  // one member's
    });
    pairs += share.streams.size();
  }
  return pairs;
}

bool Topology::is_unambiguous(uint32_t group, uint32_t index) const {
  const std::vector<uint32_t> shares = shares_of(group, index);
  if (shares.empty() || plan_->groups[group].subscribe.size() < 2) return true;
  std::vector<uint32_t> heard = heard_by(group, index);
  for (const uint32_t share : shares)
    heard.insert(heard.end(), shares_[share].streams.begin(), shares_[share].streams.end());
  std::ranges::sort(heard);
  return std::ranges::adjacent_find(heard) == heard.end();
}

std::vector<uint32_t> Topology::shares_of(uint32_t group, uint32_t index) const {
  std::vector<uint32_t> shares;
  if (shares_.empty()) return shares;
  for (const std::string& filter : filters_of(plan_->groups[group], index))
    if (const auto at = share_by_filter_.find(filter); at != share_by_filter_.end()) shares.push_back(at->second);
  std::ranges::sort(shares);
  const auto repeated = std::ranges::unique(shares);
  shares.erase(repeated.begin(), repeated.end());
  return shares;
}

// Those that one filter without a share name matches, ascending. A stream without stamps is heard by nobody: its
// messages would not be recognised.
template <class Visit>
void Topology::visit_streams(const std::string& filter, Visit visit) const {
  const auto visit_stamped = [&](uint32_t stream) {
    if (plan_->groups[streams_[stream].group].publish->stamp != StampKind::none) visit(stream);
  };
  if (!protocol::has_wildcard(filter)) {
    if (const auto at = by_topic_.find(filter); at != by_topic_.end()) std::ranges::for_each(at->second, visit_stamped);
    return;
  }
  for (uint32_t stream = 0; stream < streams_.size(); ++stream)
    if (!has_own_topics(stream) && protocol::matches(filter, streams_[stream].topic)) visit_stamped(stream);
}

std::vector<uint32_t> Topology::heard_by(uint32_t group, uint32_t index) const {
  const GroupPlan& plan = plan_->groups[group];
  const std::vector<std::string> filters = filters_of(plan, index);
  std::vector<uint32_t> heard;
  for (size_t i = 0; i < filters.size(); ++i) {
    const bool is_deaf_to_itself = plan.subscribe[i].options.no_local && plan.publish;  // [MQTT-3.8.3-3]
    if (protocol::parse_shared_filter(filters[i])) continue;
    visit_streams(filters[i], [&](uint32_t stream) {
      if (!is_deaf_to_itself || stream != stream_of(group, index)) heard.push_back(stream);
    });
  }
  std::ranges::sort(heard);
  const auto repeated = std::ranges::unique(heard);
  heard.erase(repeated.begin(), repeated.end());
  return heard;
}

void Topology::note_subscriber(uint32_t group, const std::vector<std::string>& filters) {
  const uint32_t subscriber = static_cast<uint32_t>(group_of_subscriber_.size());
  group_of_subscriber_.push_back(group);
  for (const std::string& filter : filters)
    (protocol::has_wildcard(filter) ? by_pattern_ : by_filter_)[filter].push_back(subscriber);
}

std::vector<Topology::Audience> Topology::audience_of(const std::string& topic) const {
  std::vector<uint32_t> subscribers;
  const auto add = [&](const std::vector<uint32_t>& more) {
    subscribers.insert(subscribers.end(), more.begin(), more.end());
  };
  if (const auto at = by_filter_.find(topic); at != by_filter_.end()) add(at->second);
  for (const auto& [pattern, of_pattern] : by_pattern_)
    if (protocol::matches(pattern, topic)) add(of_pattern);
  std::ranges::sort(subscribers);  // those of a group follow each other
  const auto repeated = std::ranges::unique(subscribers);
  subscribers.erase(repeated.begin(), repeated.end());
  std::vector<Audience> audience;
  for (const uint32_t subscriber : subscribers) {
    const uint32_t group = group_of_subscriber_[subscriber];
    if (audience.empty() || audience.back().group != group) audience.push_back({group, 0});
    ++audience.back().clients;
  }
  return audience;
}

}  // namespace mqtt_sim::load
