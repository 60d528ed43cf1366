// The stamp: what a message carries so that its receiver can tell where it came from, which number it has and when it
// was meant to leave. 32 bytes in three dresses: 64 hexadecimal digits as the last member of a JSON object, raw bytes
// at the end of the payload, or hexadecimal in an MQTT 5.0 user property. Instants are those of the machine's monotonic
// clock (or of virtual time), so a latency needs no synchronised clocks on one host.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "core/base/time.hpp"
#include "core/protocol/packet.hpp"

namespace mqtt_sim::load {

struct Stamp {
  uint32_t run = 0;       // tells this run's messages from retained or stray ones
  uint32_t stream = 0;    // which producer
  uint32_t sequence = 0;  // from 0, without gaps, per stream
  Instant intended{};     // when the schedule meant it to leave
  Instant sent{};         // when it was handed to the connection

  friend bool operator==(const Stamp&, const Stamp&) = default;
};

inline constexpr size_t kStampSize = 32;                           // raw
inline constexpr size_t kStampTextSize = 64;                       // hexadecimal
inline constexpr std::string_view kStampMember = ",\"stamp\":\"";  // before the digits in a JSON object
inline constexpr std::string_view kStampProperty = "mqtt-sim-stamp";

void write_stamp(const Stamp&, std::span<uint8_t, kStampSize>);
// Puts it at the end of a payload, raw; or into a JSON object as its last member, which the closing brace has to end.
void append_stamp(const Stamp&, std::string& payload);
void append_stamp_member(const Stamp&, std::string& object);
// Takes such a stamp, which find_stamp() has found, away from the payload at the end of `text`; how many bytes that
// was.
size_t cut_stamp(std::string& text, size_t payload_size);
// Whether the payload is a JSON object whose last byte is its closing brace.
bool takes_stamp_member(std::string_view payload);
void write_stamp_text(const Stamp&, std::span<uint8_t, kStampTextSize>);

// The stamp a message carries, in whichever dress; nothing when it has none that can be read.
std::optional<Stamp> find_stamp(const protocol::Publish&);

}  // namespace mqtt_sim::load
