// DISCONNECT from a client (section 3.14).
#include <algorithm>

#include "core/broker/broker.hpp"
#include "core/broker/connection.hpp"

namespace mqtt_sim::broker {

using protocol::PropertyId;
using protocol::ReasonCode;

void Connection::handle_disconnect(const protocol::Disconnect& disconnect, Instant now) {
  if (const auto interval = disconnect.properties.number(PropertyId::session_expiry_interval)) {
    if (session_->expiry_s == 0 && *interval != 0) return fail(ReasonCode::protocol_error, now);  // 3.14.2.2.2
    session_->expiry_s = std::min(*interval, broker_.options().max_session_expiry_s);
  }
  cause_ = EndCause::disconnect;
  const bool is_normal = disconnect.reason == ReasonCode::success;
  close(!is_normal, now);  // [MQTT-3.14.4-3]; with any other code the will goes out
}

}  // namespace mqtt_sim::broker
