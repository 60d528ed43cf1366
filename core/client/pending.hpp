// Events that no input packet stands for, until the owner polls them. Allocated by a Client when the first one arises,
// released when the last one has been seen.
#pragma once

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "core/base/assert.hpp"
#include "core/client/event.hpp"

namespace mqtt_sim::client {

class PendingEvents {
 public:
  static constexpr size_t kLimit = 4096;  // most events waiting, dropped publishes apart: the owner does not poll

  void add_dropped(uint64_t cookie) { dropped_.push_back(cookie); }
  void add_dropped(const std::vector<uint64_t>& cookies) {
    dropped_.insert(dropped_.end(), cookies.begin(), cookies.end());
  }
  // `properties`: the bytes of ended.properties, to be kept until the owner has seen them.
  void add_ended(const Disconnected& ended, std::vector<uint8_t> properties) {
    MQTT_SIM_ASSERT(ended_.size() < kLimit);
    ended_.push_back({ended, std::move(properties)});
  }
  // A request that was not sent: the answer a server would have given, `reason` for each of its filters.
  void add_unsent(bool is_subscribe, uint64_t cookie, size_t filters, uint8_t reason) {
    MQTT_SIM_ASSERT(unsent_.size() < kLimit);
    unsent_.push_back({is_subscribe, cookie, std::vector<uint8_t>(filters, reason)});
  }

  // The next one: what was lost before the end that lost it.
  std::optional<Event> pop() {
    if (unsent_seen_ < unsent_.size()) {
      const Unsent& unsent = unsent_[unsent_seen_++];
      if (unsent.is_subscribe) return Subscribed{unsent.cookie, unsent.codes};
      return Unsubscribed{unsent.cookie, unsent.codes};
    }
    if (dropped_seen_ < dropped_.size()) return PublishDropped{dropped_[dropped_seen_++]};
    if (ended_seen_ < ended_.size()) {
      Ended& ended = ended_[ended_seen_++];
      ended.event.properties = protocol::PropertyList(ended.properties);
      return ended.event;
    }
    return {};
  }

 private:
  struct Unsent {
    bool is_subscribe;
    uint64_t cookie;
    std::vector<uint8_t> codes;
  };
  struct Ended {
    Disconnected event;
    std::vector<uint8_t> properties;
  };

  std::vector<Unsent> unsent_;
  std::vector<uint64_t> dropped_;
  std::vector<Ended> ended_;
  size_t unsent_seen_ = 0;
  size_t dropped_seen_ = 0;
  size_t ended_seen_ = 0;
};

}  // namespace mqtt_sim::client
