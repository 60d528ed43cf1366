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
      is_gated_(broker.is_forwarding()),
      is_plain_(!is_gated_ && !broker.has_rules() && !broker.options().queue_qos0) {}

size_t FanOut::send(const Route& route) {
  const size_t most = route.targets.size() + route.groups.size();
  shares_ = most >= kShareFrom || (most >= 2 && publish_.payload.size() >= kShareFromPayload);
  size_t matched = 0;
  for (const Target& target : route.targets) {
    const Grant* grant = target.grant_for(publisher_);
    if (!grant) continue;
    ++matched;
    if (!deliver(*target.session, *grant)) ++broker_.counters().dropped_by_rule;  // [MQTT-4.5.0-1], [MQTT-3.3.2-3]
  }
  for (ShareGroup* group : route.groups) {
    ++matched;
    deliver_to_one_of(*group);
  }
  return matched;
}

// [MQTT-4.8.2-5], [MQTT-4.8.2-6]: whoever a rule withholds it from was not the one.
void FanOut::deliver_to_one_of(ShareGroup& group) {
  bool is_withheld = false;
  const auto takes = [this, &is_withheld](const Subscription& member) {
    Grant grant;
    grant.add(member);  // [MQTT-4.8.2-3]
    const bool is_taken = deliver(*member.session, grant);
    is_withheld = !is_taken;
    return is_taken;
  };
  if (group.offer(is_kept_for_absent(), takes)) return;
  Stats& counters = broker_.counters();
  ++(is_withheld ? counters.dropped_by_rule : counters.dropped_absent);
}

bool FanOut::is_kept_for_absent() const {
  return publish_.qos != QoS::at_most_once || upgrades_ || broker_.options().queue_qos0;
}

bool FanOut::deliver(Session& session, const Grant& grant) {
  const QoS qos = upgrades_ ? grant.qos : std::min(publish_.qos, grant.qos);  // [MQTT-3.8.4-8]
  const bool retain = publish_.retain && grant.retain_as_published;           // [MQTT-3.3.1-12], [MQTT-3.3.1-13]
  if (is_plain_ && qos == QoS::at_most_once && session.connection) {
    deliver_at_most_once(*session.connection, grant, retain);
    return true;
  }
  if (broker_.has_rules()) return deliver_by_rules(session, grant, qos, retain);
  hand_over(session, grant, qos, retain);
  return true;
}

bool FanOut::deliver_by_rules(Session& session, const Grant& grant, QoS qos, bool retain) {
  protocol::Publish publish = publish_;
  publish.qos = qos;
  publish.retain = retain;
  Changes changes;
  if (!broker_.may_deliver(session, publish, changes, now_)) return false;
  if (changes.empty()) {
    hand_over(session, grant, qos, retain);
    return true;
  }
  changes.apply(publish);
  FanOut(broker_, publish, publisher_, now_).hand_over(session, grant, publish.qos, publish.retain);
  return true;
}

void FanOut::hand_over(Session& session, const Grant& grant, QoS qos, bool retain) {
  const bool asks = is_gated_ && broker_.forwards_to(session);
  if (qos == QoS::at_most_once && !asks) {
    const bool queues = broker_.options().queue_qos0;
    const bool has_older = queues && session.outgoing && session.outgoing->has_queued_qos0();
    if (session.connection && !has_older) return deliver_at_most_once(*session.connection, grant, retain);
    if (!queues) {
      ++broker_.counters().dropped_absent;
      return;
    }
  }
  if (!message_) message_ = make_message(publish_, now_);
  const auto delivery = [&] {
    return storage::Delivery{.message = message_, .identifiers = grant.identifiers, .qos = qos, .retain = retain};
  };
  if (asks) return broker_.forward(session, delivery(), now_);
  broker_.deliver(session, delivery(), now_);
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
