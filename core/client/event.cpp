#include "core/client/event.hpp"

namespace mqtt_sim::client {

const char* to_string(EndCause cause) {
  switch (cause) {
    case EndCause::by_us: return "ended by us";
    case EndCause::stream: return "stream lost";
    case EndCause::server_disconnect: return "ended by the server";
    case EndCause::protocol_error: return "protocol error";
    case EndCause::connect_timeout: return "connect timeout";
    case EndCause::keep_alive_timeout: return "keep alive timeout";
    case EndCause::authentication_timeout: return "authentication timeout";
  }
  return "unknown";
}

}  // namespace mqtt_sim::client
