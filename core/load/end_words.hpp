// The end of a connection, or of an attempt at one, in words: for errors and failures of a run. Pure; any thread.
#pragma once

#include <string>
#include <string_view>

#include "core/client/event.hpp"

namespace mqtt_sim::load {

// As client::Disconnected tells it.
struct End {
  client::EndCause cause;
  CloseReason close;
  protocol::ReasonCode reason;
  std::string_view text;
};

// As Failure::kind.
const char* failure_kind(const End&);
// `detail` is what the driver knows of the end of the stream.
std::string describe(const End&, std::string_view detail);
// The beginning of a text that a server said, cut between two characters.
std::string_view beginning_of(std::string_view text);

}  // namespace mqtt_sim::load
