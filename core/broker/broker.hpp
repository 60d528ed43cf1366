// An MQTT broker for 3.1, 3.1.1 and 5.0 as a machine: it takes arriving streams as a Service, hands out a Connection
// for each, and routes messages between them. No socket, clock or thread; `now` comes as an argument and a seed decides
// the client identifiers it assigns. What it must not forget is in the Store it is given, which outlives it.
//
// One thread. A message that comes in on one connection is put into the output of others, which are woken; no other
// endpoint is entered.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/base/driver.hpp"
#include "core/base/random.hpp"
#include "core/broker/options.hpp"
#include "core/broker/retained.hpp"
#include "core/broker/route.hpp"
#include "core/broker/rule.hpp"
#include "core/broker/session_registry.hpp"
#include "core/broker/stats.hpp"

namespace mqtt_sim::broker {

class Connection;

class Broker final : public Service {
 public:
  Broker(BrokerOptions options, storage::Store& store, uint64_t seed);
  ~Broker() override;
  Broker(const Broker&) = delete;
  Broker& operator=(const Broker&) = delete;

  // Service.
  Endpoint* on_accept(const Peer& peer, Instant now) override;
  void release(Endpoint& endpoint) override;
  std::optional<Instant> deadline() const override;
  void on_deadline(Instant now) override;

  // For the owner.
  // A message from nobody in particular. Result: success, no_matching_subscribers, or why it was refused.
  protocol::ReasonCode publish(const protocol::Publish& publish, Instant now) { return route(publish, nullptr, now); }
  // Tells every client that the server goes away and wishes their streams closed; nothing is accepted any more. Wills
  // are not published: nobody is left to be told.
  void shutdown(Instant now);
  Stats stats() const;
  const BrokerOptions& options() const { return options_; }

  // For the connections.
  Stats& counters() { return stats_; }
  SessionRegistry& sessions() { return sessions_; }
  bool is_shutting_down() const { return is_shutting_down_; }
  std::string assign_client_id();  // [MQTT-3.1.3-6]

  // A message from the client of `publisher`. Views last for the call.
  protocol::ReasonCode route(const protocol::Publish& publish, const Session* publisher, Instant now);
  // One QoS 1 or 2 message to one session: sent, queued, kept, or dropped and counted.
  void deliver(Session& session, storage::Delivery delivery, Instant now);
  void send_retained(Session& session, const protocol::SubscribeEntry& entry, uint32_t identifier, Instant now);

  // The client of `session` is gone: its will is published, delayed or forgotten; the session is kept or ended.
  void leave(Session& session, bool with_will, Instant now);
  void end(Session& session, Instant now);

  bool has_rules() const { return !options_.rules.empty(); }
  Verdict ask_rules(const Event& event, Instant now);
  bool may_deliver(const Session& session, const protocol::Publish& publish, protocol::QoS qos, Instant now);

 private:
  void publish_will(Session& session, Instant now);

  const BrokerOptions options_;
  storage::Store& store_;
  Random random_;
  Stats stats_;
  SubscriptionIndex index_;
  RouteCache routes_;
  Retained retained_;
  SessionRegistry sessions_;
  std::vector<std::unique_ptr<Connection>> connections_;  // each knows its place
  bool is_shutting_down_ = false;
};

}  // namespace mqtt_sim::broker
