#include "core/broker/subscription_index.hpp"

#include "core/broker/session.hpp"
#include "core/protocol/topic.hpp"

namespace mqtt_sim::broker {
namespace {

void add(std::vector<Subscription*>& list, Subscription& subscription) {
  subscription.place = static_cast<uint32_t>(list.size());
  list.push_back(&subscription);
}

// The last one takes the free place, so that leaving a filter with many subscribers is O(1).
void remove(std::vector<Subscription*>& list, Subscription& subscription) {
  MQTT_SIM_ASSERT(subscription.place < list.size() && list[subscription.place] == &subscription);
  list[subscription.place] = list.back();
  list[subscription.place]->place = subscription.place;
  list.pop_back();
}

}  // namespace

bool ShareGroup::offer_to(bool is_connected, const Takes& takes) {
  for (size_t first = next, i = 0; i < members.size(); ++i) {
    const size_t place = (first + i) % members.size();
    const Subscription& member = *members[place];
    if ((member.session->connection != nullptr) != is_connected || !takes(member)) continue;
    next = (place + 1) % members.size();
    return true;
  }
  return false;
}

void SubscriptionIndex::insert(std::string_view filter, Subscription& subscription) {
  ++version_;
  ++size_;
  const auto shared = protocol::parse_shared_filter(filter);
  FilterEntry& entry = tree_.insert(shared ? shared->filter : filter);
  if (!shared) return add(entry.subscriptions, subscription);
  ++shared_size_;
  if (!entry.groups) entry.groups = std::make_unique<std::map<std::string, ShareGroup, std::less<>>>();
  add((*entry.groups)[std::string(shared->share_name)].members, subscription);
}

void SubscriptionIndex::erase(std::string_view filter, Subscription& subscription) {
  ++version_;
  --size_;
  const auto shared = protocol::parse_shared_filter(filter);
  const std::string_view place = shared ? shared->filter : filter;
  FilterEntry* entry = tree_.find(place);
  MQTT_SIM_ASSERT(entry);
  if (shared) {
    --shared_size_;
    const auto group = entry->groups->find(shared->share_name);
    remove(group->second.members, subscription);
    if (group->second.members.empty()) entry->groups->erase(group);
    if (entry->groups->empty()) entry->groups.reset();
  } else {
    remove(entry->subscriptions, subscription);
  }
  if (entry->is_empty()) tree_.erase(place);
}

}  // namespace mqtt_sim::broker
