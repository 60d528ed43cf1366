// The states of a client and the only transitions between them.
#pragma once

#include <cstdint>

namespace mqtt_sim::client {

enum class State : uint8_t {
  idle,          // never asked to connect
  connecting,    // the stream is being opened, or CONNACK is awaited
  connected,     // CONNACK with success has come
  reconnecting,  // waits until the next attempt
  closing,       // decided to end; the stream is still there
  closed,        // ended; only connect() leads on
};

const char* to_string(State);

constexpr bool may_follow(State from, State to) {
  switch (from) {
    case State::idle: return to == State::connecting;
    case State::connecting:
      return to == State::connected || to == State::closing || to == State::reconnecting || to == State::closed;
    case State::connected: return to == State::closing || to == State::reconnecting || to == State::closed;
    case State::reconnecting: return to == State::connecting || to == State::closed;
    case State::closing: return to == State::reconnecting || to == State::closed;
    case State::closed: return to == State::connecting;
  }
  return false;
}

}  // namespace mqtt_sim::client
