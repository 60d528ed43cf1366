#include "core/broker/fan_out.hpp"

#include <algorithm>

#include "core/broker/broker.hpp"
#include "core/broker/connection.hpp"
#include "core/broker/message_properties.hpp"
#include "core/protocol/encode.hpp"

namespace mqtt_sim::broker {

using protocol::QoS;

FanOut::FanOut(Broker& broker, const protocol::Publish& publish, const Session* publisher, Instant now)
    : broker_(broker),
      publish_(publish),
      publisher_(publisher),
      now_(now),
      upgrades_(broker.options().upgrade_outgoing_qos),
      is_plain_(!broker.has_rules() && !broker.options().queue_qos0) {}

size_t FanOut::send(const Route& route) {
  const size_t most = route.targets.size() + route.groups.size();
  shares_ = most >= kShareFrom || (most >= 2 && publish_.payload.size() >= kShareFromPayload);
  size_t matched = 0;
  for (const Target& target : route.targets) {
    const Grant* grant = target.grant_for(publisher_);
    if (!grant) continue;
    ++matched;
    deliver(*target.session, *grant);  // [MQTT-4.5.0-1], [MQTT-3.3.2-3]
  }
  for (ShareGroup* group : route.groups) {
    const Subscription* member = group->choose(is_kept_for_absent());
    ++matched;
    if (!member) {
      ++broker_.counters().dropped_absent;
      continue;
    }
    Grant grant;
    grant.add(*member);                // [MQTT-4.8.2-3]
    deliver(*member->session, grant);  // [MQTT-4.8.2-5], [MQTT-4.8.2-6]
  }
  return matched;
}

bool FanOut::is_kept_for_absent() const {
  return publish_.qos != QoS::at_most_once || upgrades_ || broker_.options().queue_qos0;
}

void FanOut::deliver(Session& session, const Grant& grant) {
  const QoS qos = upgrades_ ? grant.qos : std::min(publish_.qos, grant.qos);  // [MQTT-3.8.4-8]
  const bool retain = publish_.retain && grant.retain_as_published;           // [MQTT-3.3.1-12], [MQTT-3.3.1-13]
  if (is_plain_ && qos == QoS::at_most_once && session.connection) {
    return deliver_at_most_once(*session.connection, grant, retain);
  }
  if (broker_.has_rules()) return deliver_by_rules(session, grant, qos, retain);
  hand_over(session, grant, qos, retain);
}

void FanOut::deliver_by_rules(Session& session, const Grant& grant, QoS qos, bool retain) {
  protocol::Publish publish = publish_;
  publish.qos = qos;
  publish.retain = retain;
  Changes changes;
  if (!broker_.may_deliver(session, publish, changes, now_)) return;
  if (changes.empty()) return hand_over(session, grant, qos, retain);
  changes.apply(publish);
  FanOut(broker_, publish, publisher_, now_).hand_over(session, grant, publish.qos, publish.retain);
}

void FanOut::hand_over(Session& session, const Grant& grant, QoS qos, bool retain) {
  if (qos == QoS::at_most_once) {
    const bool queues = broker_.options().queue_qos0;
    const bool has_older = queues && session.outgoing && session.outgoing->has_queued_qos0();
    if (session.connection && !has_older) return deliver_at_most_once(*session.connection, grant, retain);
    if (!queues) {
      ++broker_.counters().dropped_absent;
      return;
    }
  }
  if (!message_) message_ = make_message(publish_, now_);
  broker_.deliver(session, {.message = message_, .identifiers = grant.identifiers, .qos = qos, .retain = retain}, now_);
}

void FanOut::deliver_at_most_once(Connection& connection, const Grant& grant, bool retain) {
  if (shares_ && !grant.identifiers && connection.takes_shared_bytes()) {
    return connection.send_encoded(encoded_for(connection, retain), publish_.payload.size(), now_);
  }
  protocol::Publish publish = publish_;
  publish.dup = false;  // [MQTT-3.3.1-2]
  publish.qos = QoS::at_most_once;
  publish.packet_id = 0;
  publish.retain = retain;
  connection.send_at_most_once(publish, {.identifiers = grant.identifiers.view()}, now_);  // [MQTT-4.3.1-1]
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
