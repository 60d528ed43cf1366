#include "core/broker/notice.hpp"

namespace mqtt_sim::broker {

std::string_view to_string(EndCause cause) {
  switch (cause) {
    case EndCause::socket: return "socket";
    case EndCause::disconnect: return "disconnect";
    case EndCause::keep_alive: return "keepalive";
    case EndCause::takeover: return "takeover";
    case EndCause::protocol: return "protocol";
    case EndCause::refused: return "refused";
    case EndCause::slow: return "slow";
    case EndCause::shutdown: return "shutdown";
    case EndCause::owner: return "owner";
  }
  return "socket";
}

}  // namespace mqtt_sim::broker
