#include "core/base/target.hpp"

namespace mqtt_sim::inline base {

const char* to_string(Transport transport) {
  switch (transport) {
    case Transport::tcp: return "tcp";
    case Transport::tls: return "tls";
    case Transport::ws: return "ws";
    case Transport::wss: return "wss";
  }
  return "unknown";
}

}  // namespace mqtt_sim::inline base
