// One way in to a broker: a Service that accepts streams under options of its own. The Connections it hands out are the
// broker's like all others. Made by Broker::add_listener() and owned by the broker; the broker itself is the way in
// with default options.
#pragma once

#include "core/base/driver.hpp"
#include "core/broker/options.hpp"

namespace mqtt_sim::broker {

class Broker;

class Listener final : public Service {
 public:
  Listener(Broker& broker, ListenerOptions options) : options_(std::move(options)), broker_(broker) {}
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  // Service. The broker's deadline is that of each of its listeners: a driver may know only one of them.
  Endpoint* on_accept(const Peer& peer, Instant now) override;
  void release(Endpoint& endpoint) override;
  std::optional<Instant> deadline() const override;
  void on_deadline(Instant now) override;

  const ListenerOptions& options() const { return options_; }
  bool accepts(protocol::ProtocolVersion version) const;

  // What came in by this way and is there now; kept by the broker and its connections.
  uint64_t streams = 0;
  uint64_t clients = 0;  // of them, with an accepted CONNECT

 private:
  const ListenerOptions options_;
  Broker& broker_;
};

}  // namespace mqtt_sim::broker
