#include "core/broker/fan_out.hpp"

#include <algorithm>

#include "core/broker/broker.hpp"
#include "core/broker/connection.hpp"
#include "core/broker/message_properties.hpp"
#include "core/protocol/encode.hpp"

namespace mqtt_sim::broker {

using protocol::QoS;

size_t FanOut::send(const Route& route) {
  const size_t most = route.targets.size() + route.groups.size();
  shares_ = most >= kShareFrom || (most >= 2 && publish_.payload.size() >= kShareFromPayload);
  size_t matched = 0;
  for (const Target& target : route.targets) {
    const Grant* grant = target.grant_for(publisher_);
    if (!grant) continue;
    ++matched;
    deliver(*target.session, *grant);
  }
  for (ShareGroup* group : route.groups) {
    const Subscription* member = group->choose(publish_.qos);
    ++matched;
    if (!member) continue;
    Grant grant;
    grant.add(*member);  // [MQTT-4.8.2-3]
    deliver(*member->session, grant);
  }
  return matched;
}

void FanOut::deliver(Session& session, const Grant& grant) {
  const QoS qos = std::min(publish_.qos, grant.qos);                 // [MQTT-3.8.4-8]
  const bool retain = publish_.retain && grant.retain_as_published;  // [MQTT-3.3.1-12], [MQTT-3.3.1-13]
  if (broker_.has_rules() && !broker_.may_deliver(session, publish_, qos, now_)) return;
  if (qos == QoS::at_most_once) {
    if (session.connection) return deliver_at_most_once(*session.connection, grant, retain);
    ++broker_.counters().dropped_absent;
    return;
  }
  if (!message_) message_ = make_message(publish_, now_);
  broker_.deliver(session, {.message = message_, .identifiers = grant.identifiers, .qos = qos, .retain = retain}, now_);
}

void FanOut::deliver_at_most_once(Connection& connection, const Grant& grant, bool retain) {
  if (shares_ && !grant.identifiers && connection.takes_shared_bytes()) {
    return connection.send_encoded(encoded_for(connection, retain));
  }
  protocol::Publish publish = publish_;
  publish.dup = false;  // [MQTT-3.3.1-2]
  publish.qos = QoS::at_most_once;
  publish.packet_id = 0;
  publish.retain = retain;
  connection.send_at_most_once(publish, {.identifiers = grant.identifiers.view()}, now_);
}

const SharedBytes& FanOut::encoded_for(const Connection& connection, bool retain) {
  const bool is_v5 = has_properties(connection.version());
  SharedBytes& bytes = encoded_[(is_v5 ? 1u : 0u) + (retain ? 2u : 0u)];
  if (bytes) return bytes;
  protocol::Publish publish = publish_;
  publish.dup = false;
  publish.qos = QoS::at_most_once;
  publish.packet_id = 0;
  publish.retain = retain;
  OutputQueue queue;
  if (encode_publish(publish, connection.version(), queue)) bytes = SharedBytes(queue.views().front());
  return bytes;
}

}  // namespace mqtt_sim::broker
