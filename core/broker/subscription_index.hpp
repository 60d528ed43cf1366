// Which sessions subscribed to which filter: a topic tree of lists (section 4.7) with the groups of shared
// subscriptions (4.8.2) beside them. Every change counts up a version, by which resolved routes know that they are
// stale.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/protocol/packet.hpp"
#include "core/protocol/topic_tree.hpp"

namespace mqtt_sim::broker {

struct Session;

// Owned by the session, under its filter.
struct Subscription {
  Session* session = nullptr;
  uint32_t identifier = 0;  // 0: none
  protocol::SubscriptionOptions options;
  uint32_t place = 0;  // in the list of the index
};

// The members of `$share/<name>/<filter>`; each message goes to one of them.
struct ShareGroup {
  std::vector<Subscription*> members;
  size_t next = 0;

  // Offers a message to the members in turn until one takes it: first to those that are connected, then, when messages
  // are kept for them, to the others. False: none takes it.
  using Takes = std::function<bool(const Subscription&)>;
  bool offer(bool is_kept_for_absent, const Takes& takes) {
    return offer_to(true, takes) || (is_kept_for_absent && offer_to(false, takes));
  }

 private:
  bool offer_to(bool is_connected, const Takes& takes);
};

// What is stored under one filter.
struct FilterEntry {
  std::vector<Subscription*> subscriptions;
  std::unique_ptr<std::map<std::string, ShareGroup, std::less<>>> groups;

  bool is_empty() const { return subscriptions.empty() && !groups; }
};

class SubscriptionIndex {
 public:
  // `filter` is valid; `subscription` stays where it is until erased. `$share/` filters join their group.
  void insert(std::string_view filter, Subscription& subscription);
  void erase(std::string_view filter, Subscription& subscription);
  void changed() { ++version_; }  // options of a subscription were replaced

  template <class Visit>
  void match(std::string_view name, Visit visit) {
    tree_.match(name, visit);
  }
  uint64_t version() const { return version_; }
  size_t size() const { return size_; }
  size_t shared_size() const { return shared_size_; }  // of them

 private:
  protocol::TopicTree<FilterEntry> tree_;
  uint64_t version_ = 1;
  size_t size_ = 0;
  size_t shared_size_ = 0;
};

}  // namespace mqtt_sim::broker
