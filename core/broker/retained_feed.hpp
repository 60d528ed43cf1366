// Retained messages that still have to go to one session (section 3.3.1.3). A subscription may match more of them than
// the client's output holds; the rest waits here and goes out as the client reads. It is bounded by the number of
// retained messages and of the session's subscriptions. Owned by the session, and only while something waits.
#pragma once

#include <cstddef>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/storage/message.hpp"

namespace mqtt_sim::broker {

struct RetainedFeed {
  std::string filter;                        // the subscription that `messages` are for
  std::vector<storage::Message> messages;    // as they were when it was begun; what is sent is what is kept by then
  size_t next = 0;                           // the first of them that has not gone out
  std::set<std::string, std::less<>> later;  // subscriptions to begin with afterwards

  bool is_done() const { return next == messages.size(); }

  // The subscription was made, or made again: it gets all of its messages, but not before its turn.
  void add(std::string_view again) {
    if (again == filter) next = messages.size();
    later.emplace(again);
  }
  // There is no such subscription any more.
  void forget(std::string_view gone) {
    if (gone == filter) next = messages.size();
    if (const auto found = later.find(gone); found != later.end()) later.erase(found);
  }
};

}  // namespace mqtt_sim::broker
