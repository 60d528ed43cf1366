#include "core/client/state.hpp"

namespace mqtt_sim::client {

const char* to_string(State state) {
  switch (state) {
    case State::idle: return "idle";
    case State::connecting: return "connecting";
    case State::connected: return "connected";
    case State::reconnecting: return "reconnecting";
    case State::closing: return "closing";
    case State::closed: return "closed";
  }
  return "unknown";
}

}  // namespace mqtt_sim::client
