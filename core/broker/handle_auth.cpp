// Enhanced authentication (sections 4.12, 3.15): a CONNECT with a method is answered by AUTH packets until the method's
// Exchange accepts or refuses; the same again, while connected, for re-authentication. In between only AUTH and
// DISCONNECT may come before CONNACK; while re-authenticating everything goes on as before.
#include <utility>
#include <variant>

#include "core/broker/broker.hpp"
#include "core/broker/connection.hpp"
#include "core/protocol/decode.hpp"

namespace mqtt_sim::broker {

using protocol::PropertyId;
using protocol::ReasonCode;

namespace {

constexpr size_t kLongestConnect = 256u << 10;  // of a CONNECT that is kept while its exchange goes on
constexpr uint32_t kMostSteps = 16;             // of one exchange

std::string_view method_of(const protocol::Auth& auth) {
  return auth.properties.text(PropertyId::authentication_method).value_or("");
}
std::string_view data_of(protocol::PropertyList properties) {
  return properties.text(PropertyId::authentication_data).value_or("");
}

}  // namespace

void Connection::begin_authentication(const protocol::Connect& connect, ByteView body, Instant now) {
  const std::string_view method = *connect.properties.text(PropertyId::authentication_method);
  auto exchange = broker_.find_authenticator(method)->begin(now);
  if (!exchange) return refuse_connect(ReasonCode::bad_authentication_method, now);  // [MQTT-4.12.0-1]
  if (body.size() > kLongestConnect) return refuse_connect(ReasonCode::packet_too_large, now);
  authentication_ = std::make_unique<Authentication>();
  authentication_->method = method;
  authentication_->connect.assign(body.begin(), body.end());
  authentication_->exchange = std::move(exchange);
  state_ = State::authenticating;
  advance_authentication(data_of(connect.properties), now);
}

void Connection::handle_authenticating(const protocol::Frame& frame, Instant now) {
  const auto refuse = [&](ReasonCode reason) {
    ++broker_.counters().errors[static_cast<uint8_t>(reason)];
    refuse_connect(reason, now);  // [MQTT-4.12.0-4]
  };
  const auto packet = protocol::decode(frame, version_);
  if (!packet) return refuse(protocol::reason_of(packet.error()));
  if (std::holds_alternative<protocol::Disconnect>(*packet)) return close(false, now);
  const auto* auth = std::get_if<protocol::Auth>(&*packet);
  if (!auth || auth->reason != ReasonCode::continue_authentication ||
      method_of(*auth) != authentication_->method) {  // [MQTT-3.1.2-30], [MQTT-4.12.0-3], [MQTT-4.12.0-5]
    return refuse(ReasonCode::protocol_error);
  }
  advance_authentication(data_of(auth->properties), now);
}

void Connection::handle_auth(const protocol::Auth& auth, Instant now) {
  if (!authentication_ || method_of(auth) != authentication_->method) {  // [MQTT-4.12.0-7], [MQTT-4.12.1-1]
    return fail(ReasonCode::protocol_error, now);
  }
  const bool is_under_way = authentication_->exchange != nullptr;
  const ReasonCode expected = is_under_way ? ReasonCode::continue_authentication : ReasonCode::reauthenticate;
  if (auth.reason != expected) return fail(ReasonCode::protocol_error, now);
  if (!is_under_way) {
    Authenticator* authenticator = broker_.find_authenticator(authentication_->method);
    authentication_->exchange = authenticator->begin(now);
    authentication_->steps = 0;
    if (!authentication_->exchange) return close_with(ReasonCode::bad_authentication_method, now);
  }
  advance_authentication(data_of(auth.properties), now);
}

// Gives the exchange what the client sent, and the client what the exchange answers.
void Connection::advance_authentication(std::string_view data, Instant now) {
  AuthStep step = authentication_->exchange->on_data(data, now);
  const bool is_connecting = state_ == State::authenticating;
  if (step.kind == AuthStep::Kind::proceed && ++authentication_->steps < kMostSteps) {
    return send_auth(ReasonCode::continue_authentication, step.data);  // [MQTT-4.12.0-2]
  }
  authentication_->exchange.reset();
  const bool is_same_user = is_connecting || step.user_name == authentication_->user_name;
  if (step.kind != AuthStep::Kind::accept || !is_same_user) {
    cause_ = EndCause::refused;
    return is_connecting ? refuse_connect(step.reason, now) : close_with(step.reason, now);  // [MQTT-4.12.1-2]
  }
  if (!is_connecting) return send_auth(ReasonCode::success, step.data);
  authentication_->user_name = std::move(step.user_name);
  authentication_->last_words = std::move(step.data);
  finish_authentication(now);
}

// The CONNECT is taken up again, with the name that was proved in the place of the one it claimed; a certificate's name
// comes before both.
void Connection::finish_authentication(Instant now) {
  const std::vector<uint8_t> body = std::exchange(authentication_->connect, {});
  constexpr uint8_t kConnectByte = 0x10;
  const auto packet = protocol::decode({kConnectByte, body}, version_);
  MQTT_SIM_ASSERT(packet);
  protocol::Connect connect = std::get<protocol::Connect>(*packet);
  connect.user_name = authentication_->user_name;
  connect.password.reset();
  take_certificate_name(connect);
  const ReasonCode reason = check_connect(connect);  // limits may have been reached since
  if (reason != ReasonCode::success) return refuse_connect(reason, now);
  admit(connect, now);
  if (authentication_) authentication_->last_words.clear();
}

void Connection::send_auth(ReasonCode reason, std::string_view data) {
  protocol::PropertyWriter properties;
  properties.text(PropertyId::authentication_method, authentication_->method);  // [MQTT-4.12.0-5]
  if (!data.empty()) properties.text(PropertyId::authentication_data, data);
  send(protocol::Auth{reason, properties.list()});  // [MQTT-3.15.2-2], [MQTT-3.15.2-3]
}

}  // namespace mqtt_sim::broker
