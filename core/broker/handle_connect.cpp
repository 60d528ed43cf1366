// CONNECT (section 3.1): refused with a CONNACK, or accepted with one and the session begun or resumed.
#include <algorithm>

#include "core/broker/broker.hpp"
#include "core/broker/connection.hpp"
#include "core/protocol/decode.hpp"

namespace mqtt_sim::broker {

using protocol::PropertyId;
using protocol::ProtocolVersion;
using protocol::ReasonCode;

namespace {

// What a CONNECT that could not be decoded says of itself.
struct Statement {
  bool has_known_name = false;
  uint8_t level = 0;
};

Statement read_statement(ByteView body) {
  ByteReader in(body);
  const std::string_view name = as_text(in.take(in.u16()));
  const uint8_t level = in.u8();
  return {!in.is_bad() && (name == "MQTT" || name == "MQIsdp"), level};
}

bool is_beyond(uint16_t keep_alive_s, uint16_t limit) {
  return limit != 0 && (keep_alive_s == 0 || keep_alive_s > limit);
}

}  // namespace

void Connection::handle_connect(const protocol::Frame& frame, Instant now) {
  auto packet = decode(frame, version_);
  if (packet) return accept_connect(std::get<protocol::Connect>(*packet), frame.body, now);

  const ReasonCode reason = protocol::reason_of(packet.error());
  ++broker_.counters().errors[packet.error().reason];
  cause_ = EndCause::protocol;
  tell_failed(reason, packet.error().text, now);
  const Statement statement = read_statement(frame.body);
  if (!statement.has_known_name) return close(false, now);  // [MQTT-3.1.2-1]: not MQTT, so no answer in MQTT
  if (reason == ReasonCode::malformed_packet)
    return close(false, now);  // [MQTT-3.1.4-1]: unreadable, its level as well
  if (statement.level == static_cast<uint8_t>(ProtocolVersion::v5_0)) {
    version_ = ProtocolVersion::v5_0;
    return refuse_connect(reason, now);
  }
  // [MQTT-3.1.2-2] of 3.1.1
  if (reason == ReasonCode::unsupported_protocol_version) return refuse_connect(reason, now);  // [MQTT-3.1.2-2]
  // [MQTT-3.1.4-1] of 3.1.1, [MQTT-3.2.2-6] of 3.1.1
  close(false, now);  // below 5.0 a malformed CONNECT has no return code [MQTT-3.1.4-1]
}

void Connection::accept_connect(protocol::Connect& connect, ByteView body, Instant now) {
  version_ = connect.version;
  maximum_packet_size_ = connect.properties.number(PropertyId::maximum_packet_size).value_or(UINT32_MAX);
  if (!listener_.accepts(version_)) return refuse_level(now);
  if (!take_certificate_name(connect)) return refuse_connect(ReasonCode::bad_user_name_or_password, now);
  if (parked_ && !is_let_in(now)) return;
  const ReasonCode reason = check_connect(connect);
  if (reason != ReasonCode::success) return refuse_connect(reason, now);
  if (connect.properties.text(PropertyId::authentication_method)) return begin_authentication(connect, body, now);
  admit(connect, now);
}

// Where certificates name the users, what CONNECT says of itself counts for nothing.
bool Connection::take_certificate_name(protocol::Connect& connect) const {
  if (!listener_.options().certificate_name_as_user) return true;
  connect.user_name = origin_->certificate_name;
  connect.password.reset();
  return !origin_->certificate_name.empty();
}

// The CONNECT is in order: now the rules are asked.
void Connection::admit(const protocol::Connect& connect, Instant now) {
  if (broker_.has_rules()) {
    Event event{.kind = EventKind::connect,
                .client_id = connect.client_id,
                .user_name = connect.user_name,
                .password = connect.password,
                .listener = listener_.options().name,
                .address = origin_->address,
                .is_authenticated = authentication_ || listener_.options().certificate_name_as_user};
    Changes changes;
    const Verdict verdict = broker_.ask_rules(event, changes, now);
    if (verdict.action == Verdict::Action::refuse) return refuse_connect(verdict.reason, now);
    if (verdict.action != Verdict::Action::pass) return close(false, now);
  }
  // [MQTT-3.1.3-2], [MQTT-3.1.3-5]
  if (!connect.client_id.empty()) return start_session(connect, connect.client_id, now);
  start_session(connect, broker_.assign_client_id(), now);  // [MQTT-3.1.3-6]
}

ReasonCode Connection::check_connect(const protocol::Connect& connect) const {
  const auto method = connect.properties.text(PropertyId::authentication_method);
  if (method && !broker_.find_authenticator(*method)) {
    return ReasonCode::bad_authentication_method;  // [MQTT-4.12.0-1]
  }
  if (connect.client_id.empty()) {
    // [MQTT-3.1.3-8] of 3.1.1; 3.1 has no empty identifiers; in 5.0 a session may live on under the assigned one.
    const bool needs_one = connect.version == ProtocolVersion::v3_1 ||
                           (connect.version == ProtocolVersion::v3_1_1 && !connect.clean_start);
    if (needs_one) return ReasonCode::client_identifier_not_valid;
  }
  if (const ReasonCode problem = check_offer(connect); is_failure(problem)) return problem;
  const bool allows_anonymous = broker_.options().allow_anonymous && listener_.options().allow_anonymous;
  if (!allows_anonymous && !is_known(connect) && !method) {
    return ReasonCode::not_authorized;  // [MQTT-3.1.4-2]
  }
  const SessionRegistry& sessions = broker_.sessions();
  if (sessions.size() >= broker_.options().max_sessions && !broker_.sessions().find(connect.client_id)) {
    ++broker_.counters().refused_sessions;
    return ReasonCode::quota_exceeded;
  }
  return ReasonCode::success;
}

bool Connection::is_known(const protocol::Connect& connect) const {
  if (!connect.user_name) return false;
  return listener_.options().certificate_name_as_user || broker_.vouches_for_users() ||
         (parked_ && parked_->vouches_for_user);
}

void Connection::refuse_connect(ReasonCode reason, Instant now) {
  ++broker_.counters().refused_connects;
  protocol::Connack connack;  // session present 0 [MQTT-3.2.2-6]
  if (has_properties(version_)) {
    const bool is_known = protocol::is_reason_of(static_cast<uint8_t>(reason), place_of(protocol::PacketType::connack));
    connack.code = static_cast<uint8_t>(is_known ? reason : ReasonCode::unspecified_error);  // [MQTT-3.2.2-8]
  } else {
    connack.code = static_cast<uint8_t>(to_connect_return_code(reason));
  }
  send(connack);
  if (broker_.is_watching(NoticeKind::connack_sent)) {
    broker_.tell({.kind = NoticeKind::connack_sent, .connection = this, .reason = reason}, now);
  }
  if (cause_ != EndCause::protocol) tell_failed(reason, {}, now);
  close(false, now);  // [MQTT-3.2.2-7], [MQTT-3.2.2-5] of 3.1.1, [MQTT-3.1.4-6], [MQTT-3.1.4-5] of 3.1.1
}

void Connection::start_session(const protocol::Connect& connect, std::string_view client_id, Instant now) {
  SessionRegistry& sessions = broker_.sessions();
  Session* session = sessions.find(client_id);
  if (session && session->connection) {
    session->connection->take_over(now);
    session = sessions.find(client_id);  // it may have ended with its connection
  }
  const bool is_expired = session && session->expires <= now;  // and only not yet removed [MQTT-4.1.0-2]
  // [MQTT-3.1.4-4]
  if (session && (connect.clean_start || is_expired)) {  // [MQTT-3.1.2-4], [MQTT-3.1.2-6] of 3.1.1
    broker_.end(*session, now);
    session = nullptr;
  }
  const bool session_present = session != nullptr;
  if (session) {
    // [MQTT-3.1.2-4] of 3.1.1
    sessions.resume(*session);  // [MQTT-3.1.2-5]; a will that was still waiting is not sent [MQTT-3.1.3-9]
  } else {
    session = &sessions.create(client_id);  // [MQTT-3.1.2-6], [MQTT-3.1.2-4] of 3.1.1
  }

  session->connection = this;
  // [MQTT-3.1.2-8] of 3.1.1, [MQTT-3.1.2-12] of 3.1.1
  session->will = connect.will ? std::make_unique<StoredWill>(*connect.will) : nullptr;  // [MQTT-3.1.2-7]
  session->user_name.reset();
  if (origin_) origin_->clean_start = connect.clean_start;
  if ((broker_.has_rules() || broker_.keeps_facts()) && connect.user_name)
    session->user_name = std::make_unique<std::string>(*connect.user_name);
  session_ = session;
  state_ = State::connected;
  end_half_open();
  ++listener_.clients;
  Stats& counters = broker_.counters();
  counters.clients_maximum = std::max(counters.clients_maximum, ++counters.clients);
  ++counters.clients_total;
  set_limits(connect, now);
  tell(NoticeKind::client, now);
  if (!send_connack(connect, session_present)) return close(false, now);  // it would wait for ever
  if (broker_.is_watching(NoticeKind::connack_sent)) {
    broker_.tell({.kind = NoticeKind::connack_sent, .connection = this, .flag = session_present}, now);
  }
  resume_deliveries(now);
  tell(NoticeKind::connected, now);
}

// What this client and we allow each other from now on.
void Connection::set_limits(const protocol::Connect& connect, Instant now) {
  const BrokerOptions& options = broker_.options();
  const auto number = [&](PropertyId id, uint32_t otherwise) {
    return connect.properties.number(id).value_or(otherwise);
  };

  uint32_t expiry = connect.clean_start ? 0 : UINT32_MAX;  // [MQTT-3.1.2-4] of 3.1.1, [MQTT-3.1.2-6] of 3.1.1
  session_->window = options.max_inflight_below_v5;
  keep_alive_s_ = connect.keep_alive_s;  // [MQTT-3.2.2-22]
  if (has_properties(version_)) {
    expiry = number(PropertyId::session_expiry_interval, 0);
    const uint32_t receive_maximum = number(PropertyId::receive_maximum, UINT16_MAX);
    session_->window = static_cast<uint16_t>(std::min<uint32_t>(receive_maximum, options.max_inflight));
    if (is_beyond(keep_alive_s_, options.max_keep_alive_s)) keep_alive_s_ = options.max_keep_alive_s;
    if (const uint32_t most = number(PropertyId::topic_alias_maximum, 0)) {  // [MQTT-3.1.2-27]
      aliases_ = std::make_unique<TopicAliases>();                           // [MQTT-3.3.2-7]
      aliases_->sent_maximum = static_cast<uint16_t>(std::min<uint32_t>(most, options.topic_alias_maximum));
    }
  }
  session_->expiry_s = std::min(expiry, options.max_session_expiry_s);  // [MQTT-3.1.2-23]
  due_ = now + keep_alive_grace();
}

bool Connection::send_connack(const protocol::Connect& connect, bool session_present) {
  const BrokerOptions& options = broker_.options();
  protocol::Connack connack;
  connack.session_present = session_present;  // [MQTT-3.2.2-2], [MQTT-3.2.2-3], [MQTT-3.2.2-1]
  // [MQTT-3.1.2-28], [MQTT-3.1.2-29], [MQTT-3.2.2-19], [MQTT-3.2.2-20]
  protocol::PropertyWriter properties;
  if (has_properties(version_)) {
    if (session_->expiry_s != connect.properties.number(PropertyId::session_expiry_interval).value_or(0)) {
      properties.number(PropertyId::session_expiry_interval, session_->expiry_s);
    }
    properties.number(PropertyId::receive_maximum, options.receive_maximum);
    properties.number(PropertyId::maximum_packet_size, options.max_packet_size);
    if (options.max_qos != protocol::QoS::exactly_once) {  // [MQTT-3.2.2-9]
      properties.number(PropertyId::maximum_qos, static_cast<uint32_t>(options.max_qos));
    }
    const auto tell_unavailable = [&](PropertyId id, bool is_available) {  // sections 3.2.2.3.5, 3.2.2.3.11 to 13
      if (!is_available) properties.number(id, 0);
    };
    tell_unavailable(PropertyId::retain_available, options.retain_available);
    tell_unavailable(PropertyId::wildcard_subscription_available, options.wildcard_available);
    tell_unavailable(PropertyId::subscription_identifier_available, options.subscription_identifiers_available);
    tell_unavailable(PropertyId::shared_subscription_available, options.shared_available);
    if (connect.client_id.empty()) {  // [MQTT-3.1.3-7]
      properties.text(PropertyId::assigned_client_identifier, session_->client_id);
    }
    if (options.topic_alias_maximum > 0)
      properties.number(PropertyId::topic_alias_maximum, options.topic_alias_maximum);
    if (keep_alive_s_ != connect.keep_alive_s) properties.number(PropertyId::server_keep_alive, keep_alive_s_);
    if (authentication_) {  // [MQTT-4.12.0-5]; else no method [MQTT-4.12.0-6]
      properties.text(PropertyId::authentication_method, authentication_->method);
      if (!authentication_->last_words.empty())
        properties.text(PropertyId::authentication_data, authentication_->last_words);
    }
    connack.properties = properties.list();
  }
  const size_t before = output_.size();
  send(connack);  // [MQTT-3.1.4-5], [MQTT-3.2.0-1], [MQTT-3.2.0-2]
  return output_.size() > before;
}

// What the client has not acknowledged on an earlier connection, in order and under the same identifiers; then what has
// waited. [MQTT-4.4.0-1]
void Connection::resume_deliveries(Instant now) {
  if (!session_->outgoing) return;
  session_->outgoing->start(session_->window);
  if (broker_.asks(QuestionKind::forward)) session_->make_forwarding();
  session_->outgoing->visit_released([&](protocol::PacketId id) {
    reply(protocol::PacketType::pubrel, id, ReasonCode::success);  // [MQTT-4.6.0-4]
  });
  pump(now);
}

}  // namespace mqtt_sim::broker
