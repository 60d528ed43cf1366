// What a CONNECT may offer at this broker and by this way in, before anybody asks who it is (section 3.1).
#include <algorithm>

#include "core/broker/broker.hpp"
#include "core/broker/connection.hpp"

namespace mqtt_sim::broker {

using protocol::Connect;
using protocol::ProtocolVersion;
using protocol::QoS;
using protocol::ReasonCode;

// [MQTT-3.1.2-2], also of 3.1.1; in the form of the level asked for, unless we stand in for a broker that has no 5.0.
void Connection::refuse_level(Instant now) {
  ++broker_.counters().refused_levels;
  if (broker_.behaviour().answers_v5_0_as_v3) version_ = ProtocolVersion::v3_1_1;
  refuse_connect(ReasonCode::unsupported_protocol_version, now);
}

ReasonCode Connection::check_offer(const Connect& connect) const {
  const BrokerOptions& options = broker_.options();
  Stats& counters = broker_.counters();
  if (has_too_many_user_properties(connect.properties) ||
      (connect.will && has_too_many_user_properties(connect.will->properties))) {
    ++counters.refused_user_properties;
    return ReasonCode::quota_exceeded;
  }
  const bool is_v3_1 = connect.version == ProtocolVersion::v3_1;
  const size_t longest = is_v3_1 ? std::min(options.max_client_id_length_v3_1, options.max_client_id_length)
                                 : options.max_client_id_length;
  if (connect.client_id.size() > longest) {  // [MQTT-3.1.3-8], [MQTT-3.1.3-9] of 3.1.1
    ++counters.refused_client_ids;
    return ReasonCode::client_identifier_not_valid;
  }
  if (broker_.behaviour().needs_password && connect.user_name && !connect.password) {
    return ReasonCode::bad_user_name_or_password;
  }
  if (is_one_too_many(connect)) {
    ++counters.refused_connections;
    return ReasonCode::quota_exceeded;
  }
  return connect.will ? check_will(*connect.will) : ReasonCode::success;
}

ReasonCode Connection::check_will(const protocol::Will& will) const {
  const BrokerOptions& options = broker_.options();
  Stats& counters = broker_.counters();
  if (is_sys_topic(will.topic) && has_properties(version_)) return ReasonCode::not_authorized;
  if (will.qos > options.max_qos) {  // [MQTT-3.2.2-12]
    ++counters.refused_features;
    return ReasonCode::qos_not_supported;
  }
  if (will.retain && !options.retain_available) {  // [MQTT-3.2.2-13]
    ++counters.refused_features;
    return ReasonCode::retain_not_supported;
  }
  if (will.topic.size() > options.max_topic_length) {
    ++counters.refused_topic_lengths;
    return ReasonCode::topic_name_invalid;
  }
  if (static_cast<uint64_t>(std::ranges::count(will.topic, '/')) >= options.max_topic_levels) {
    ++counters.refused_topic_levels;
    return ReasonCode::topic_name_invalid;
  }
  return ReasonCode::success;
}

// One that takes over a connection takes its place as well.
bool Connection::is_one_too_many(const Connect& connect) const {
  const bool is_full = broker_.counters().clients >= broker_.options().max_connections;
  const bool is_listener_full = listener_.clients >= listener_.options().max_connections;
  if (!is_full && !is_listener_full) return false;
  const Session* session = broker_.sessions().find(connect.client_id);
  if (!session || !session->connection) return true;
  return is_listener_full && &session->connection->listener() != &listener_;
}

}  // namespace mqtt_sim::broker
