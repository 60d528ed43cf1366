// The part of Client that proves who we are by enhanced authentication (section 4.12): before CONNACK, and again when
// the owner asks for it. A server that does not prove that it knows the password, too, is left.
#include "core/base/base64.hpp"
#include "core/base/random.hpp"
#include "core/client/client.hpp"
#include "core/client/features.hpp"

namespace mqtt_sim::client {
namespace {

using protocol::PropertyId;
using protocol::ReasonCode;

constexpr size_t kNonceSize = 18;  // bytes, 24 characters of base64

std::string_view method_in(const protocol::PropertyList& properties) {
  return properties.text(PropertyId::authentication_method).value_or(std::string_view());
}
std::string_view data_in(const protocol::PropertyList& properties) {
  return properties.text(PropertyId::authentication_data).value_or(std::string_view());
}

}  // namespace

void Client::add_authentication(protocol::PropertyWriter& connect_properties) {
  Authentication& authentication = features().authentication.emplace(*options_->authentication);
  connect_properties.text(PropertyId::authentication_method, authentication.method());
  const std::string data = authentication.begin(draw_nonce(), options_->authentication->data);
  if (!data.empty()) connect_properties.text(PropertyId::authentication_data, data);
}

bool Client::reauthenticate(Instant now, std::string_view data) {
  now_ = now;
  const bool has_method = features_ && features_->authentication;
  // [MQTT-4.12.0-7]
  if (state_ != State::connected || !has_method || features_->authentication->is_under_way()) return false;
  send_auth(ReasonCode::reauthenticate, features_->authentication->begin(draw_nonce(), data));
  return true;
}

bool Client::authenticate(std::string_view data, Instant now) {
  now_ = now;
  const bool is_here = stream_ == Stream::open && (state_ == State::connecting || state_ == State::connected);
  if (!is_here || !features_ || !features_->authentication) return false;
  if (!features_->authentication->take_answer()) return false;
  send_auth(ReasonCode::continue_authentication, data);
  return true;
}

// [MQTT-4.12.0-3], [MQTT-4.12.0-5], [MQTT-4.12.1-1]
void Client::send_auth(ReasonCode reason, std::string_view data) {
  protocol::PropertyWriter properties;
  properties.text(PropertyId::authentication_method, features_->authentication->method());
  if (!data.empty()) properties.text(PropertyId::authentication_data, data);
  if (state_ == State::connected) {
    const Duration patience = options_->connect_timeout;
    features_->authentication_due = patience > kNever - now_ ? kNever : now_ + patience;
  }
  if (send_if_it_fits(protocol::Auth{reason, properties.list()}).has_error()) {  // [MQTT-3.15.2-2], [MQTT-3.15.2-3]
    send_disconnect(ReasonCode::unspecified_error, {});
    start_closing(
        {"AUTH over the maximum packet size of the server", EndCause::protocol_error, ReasonCode::packet_too_large});
  }
}

std::optional<Event> Client::handle_auth(const protocol::Auth& auth) {
  const bool is_awaited = features_ && features_->authentication && features_->authentication->is_under_way();
  if (!is_5() || !options_->authentication) {  // [MQTT-4.12.0-6]
    return fail(ReasonCode::protocol_error, "AUTH without an authentication method");
  }
  if (!is_awaited) return fail(ReasonCode::protocol_error, "AUTH that nobody asked for");
  Authentication& authentication = *features_->authentication;
  if (method_in(auth.properties) != authentication.method()) {  // [MQTT-4.12.0-5]
    return fail(ReasonCode::protocol_error, "AUTH with another authentication method");
  }
  if (tells_unasked(auth.properties)) {
    return fail(ReasonCode::protocol_error, "reason string or user property that was not asked for");
  }
  if (auth.reason == ReasonCode::continue_authentication) return handle_challenge(auth);
  if (auth.reason != ReasonCode::success || state_ == State::connecting) {  // [MQTT-4.12.0-2]
    return fail(ReasonCode::protocol_error, "AUTH with a reason that does not fit");
  }
  features_->authentication_due = kNever;
  if (!authentication.conclude(data_in(auth.properties))) {  // [MQTT-4.12.1-2]
    return fail(ReasonCode::unspecified_error, "server did not prove that it knows the password");
  }
  return AuthReceived{auth.reason, data_in(auth.properties), auth.properties};
}

std::optional<Event> Client::handle_challenge(const protocol::Auth& auth) {
  const std::string_view data = data_in(auth.properties);
  Authentication& authentication = *features_->authentication;
  if (authentication.is_owners()) {
    authentication.note_challenge();
    return AuthReceived{auth.reason, data, auth.properties};
  }
  const auto answer = authentication.answer(data);
  if (!answer) return fail(ReasonCode::protocol_error, "authentication challenge that cannot be answered");
  send_auth(ReasonCode::continue_authentication, *answer);  // [MQTT-3.1.2-30]
  return {};
}

// What is wrong with a CONNACK that lets us in, as far as authentication goes; empty when nothing is.
std::string_view Client::settle_authentication(const protocol::PropertyList& properties) {
  if (!is_5()) return {};
  const std::string_view method = method_in(properties);
  if (!features_ || !features_->authentication) {  // [MQTT-4.12.0-6]
    return method.empty() ? std::string_view() : "authentication method that was not asked for";
  }
  if (method != features_->authentication->method()) {  // [MQTT-4.12.0-5]
    return "CONNACK with another authentication method";
  }
  if (!features_->authentication->conclude(data_in(properties))) {
    return "server did not prove that it knows the password";
  }
  return {};
}

// From the seed, and never the same twice: a nonce has to be new, and a run has to be the same again.
std::string Client::draw_nonce() {
  Random random = Random(seed_).fork(draws_++);
  std::string bytes(kNonceSize, '\0');
  for (char& byte : bytes) byte = static_cast<char>(random.below(256));
  return to_base64(bytes);
}

}  // namespace mqtt_sim::client
