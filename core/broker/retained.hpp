// Retained messages (section 3.3.1.3): which messages are kept in the Store, within which limits and how long, and
// which of them a new subscription gets. Owned by the broker.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string_view>
#include <vector>

#include "core/broker/options.hpp"
#include "core/broker/stats.hpp"
#include "core/protocol/packet.hpp"
#include "core/storage/store.hpp"

namespace mqtt_sim::broker {

// [MQTT-3.1.2-7] of 3.1.1
class Retained {
 public:
  // What the store still holds from an earlier broker is there at once.
  Retained(storage::Store& store, const BrokerOptions& options, Stats& stats);

  // Stores, replaces or clears. quota_exceeded: a limit is reached, and nothing changed.
  protocol::ReasonCode keep(const protocol::Publish& publish, Instant now);

  // What the broker tells about itself, below $SYS: in no store, within no limit, and gone with the broker.
  void keep_own(const protocol::Publish& publish, Instant now);

  // Those that match and have not expired.
  std::vector<storage::Message> match(std::string_view filter, Instant now) const;
  std::optional<storage::Message> find(std::string_view topic, Instant now) const;

  Instant next_due() const { return expiring_.empty() ? kNever : expiring_.begin()->expires(); }
  // Removes what has expired, at most so many that nobody waits for it; next_due() tells whether some are left.
  void sweep(Instant now);

 private:
  static constexpr size_t kSweepLimit = 1000;

  struct Sooner {
    bool operator()(const storage::Message& a, const storage::Message& b) const {
      return a.expires() != b.expires() ? a.expires() < b.expires() : a.topic() < b.topic();
    }
  };

  bool remove_one_expired(Instant now);
  void expect(const storage::Message&);
  void forget(const storage::Message&);

  using ByTopic = std::map<std::string_view, storage::Message>;  // keys point into the messages

  storage::Store& store_;
  const BrokerOptions& options_;
  Stats& stats_;
  ByTopic own_;
  std::set<storage::Message, Sooner> expiring_;  // those in the store that will expire, the first one first
};

}  // namespace mqtt_sim::broker
