// One message on its way to all sessions of a route (section 3.3.4). Does once what all have in common: the bytes that
// QoS 0 subscribers of one protocol level share, and the kept copy that QoS 1 and 2 sessions share. Lives on the stack
// of Broker::publish.
#pragma once

#include <array>

#include "core/broker/route.hpp"
#include "core/storage/message.hpp"

namespace mqtt_sim::broker {

class Broker;
class Connection;

class FanOut {
 public:
  FanOut(Broker& broker, const protocol::Publish& publish, const Session* publisher, Instant now);

  // Number of subscriptions that matched; a message dropped on the way to one counts as well.
  size_t send(const Route& route);

 private:
  static constexpr size_t kShareFrom = 4;            // fewer targets: encoding again is cheaper than sharing
  static constexpr size_t kShareFromPayload = 2048;  // unless the payload is long

  bool is_kept_for_absent() const;  // for a client that is away
  void deliver_to_one_of(ShareGroup& group);
  bool deliver(Session& session, const Grant& grant);  // false: a rule withholds it
  bool deliver_by_rules(Session& session, const Grant& grant, protocol::QoS qos, bool retain);
  void hand_over(Session& session, const Grant& grant, protocol::QoS qos, bool retain);
  void deliver_at_most_once(Connection& connection, const Grant& grant, bool retain);
  const SharedBytes& encoded_for(const Connection& connection, bool retain);

  Broker& broker_;
  const protocol::Publish& publish_;
  const Session* publisher_;
  const Instant now_;
  const bool upgrades_;  // the QoS to that of the subscription
  const bool is_gated_;  // the gate may be asked about each receiver
  const bool is_plain_;  // nobody looks at QoS 0 messages, and no queue keeps them
  bool shares_ = false;
  std::array<SharedBytes, 4> encoded_;  // by whether 5.0 and whether retained
  storage::Message message_;
};

}  // namespace mqtt_sim::broker
