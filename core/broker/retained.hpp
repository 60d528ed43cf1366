// Retained messages (section 3.3.1.3): which messages are kept in the Store, within which limits, and which of them a
// new subscription gets. Owned by the broker.
#pragma once

#include <functional>
#include <string_view>

#include "core/broker/options.hpp"
#include "core/protocol/packet.hpp"
#include "core/storage/store.hpp"

namespace mqtt_sim::broker {

class Retained {
 public:
  Retained(storage::Store& store, const BrokerOptions& options) : store_(store), options_(options) {}

  // Stores, replaces or clears. quota_exceeded: a limit is reached, and nothing changed.
  protocol::ReasonCode keep(const protocol::Publish& publish, Instant now);

  // Calls `visit` for each that matches and has not expired; those that have are removed.
  void match(std::string_view filter, Instant now, const std::function<void(const storage::Message&)>& visit);

 private:
  storage::Store& store_;
  const BrokerOptions& options_;
};

}  // namespace mqtt_sim::broker
