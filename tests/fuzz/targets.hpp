// The fuzz targets: each takes any bytes, makes of them what a hostile peer might, and asserts what must hold whatever
// comes. libFuzzer feeds them (entry.cpp, one program a target); the replay test feeds them the committed corpus and
// every input that once failed, in every build.
#pragma once

#include <span>
#include <string_view>

#include "core/base/bytes.hpp"

namespace mqtt_sim::fuzz {

// Codec: whatever decodes is written back, and reads the same again.
void decode_fuzz(ByteView);
// Framer against a naive one, however the stream is split.
void framer_fuzz(ByteView);
// Topic names and filters, matching and the topic tree against naive twins.
void topic_fuzz(ByteView);
// A whole broker: hostile streams driven by a script of bytes; a well-behaved client must still be served.
void broker_connection_fuzz(ByteView);
// A whole client: a hostile server and its owner's commands, driven by a script of bytes.
void client_connection_fuzz(ByteView);

struct Target {
  std::string_view name;
  void (*run)(ByteView);
};

inline constexpr Target kTargets[] = {
    {"decode_fuzz", decode_fuzz},
    {"framer_fuzz", framer_fuzz},
    {"topic_fuzz", topic_fuzz},
    {"broker_connection_fuzz", broker_connection_fuzz},
    {"client_connection_fuzz", client_connection_fuzz},
};

}  // namespace mqtt_sim::fuzz
