#include "core/sim/trace.hpp"

#include <cinttypes>
#include <cstdio>
#include <cstring>

namespace mqtt_sim::sim {
namespace {

// Codes of what is not a segment, beside the values of SegmentKind.
constexpr uint64_t kDeadlineCode = 0x100;

}  // namespace

// FNV-1a with eight bytes a step; the shift carries high bits down, which multiplication alone does not.
void Trace::mix(uint64_t word) {
  hash_ = (hash_ ^ word) * 0x9e3779b97f4a7c15;
  hash_ ^= hash_ >> 32;
}

void Trace::mix(ByteView bytes) {
  mix(bytes.size());
  size_t i = 0;
  for (; i + 8 <= bytes.size(); i += 8) {
    uint64_t word = 0;
    std::memcpy(&word, bytes.data() + i, 8);
    mix(word);
  }
  if (i == bytes.size()) return;
  uint64_t word = 0;
  std::memcpy(&word, bytes.data() + i, bytes.size() - i);
  mix(word);
}

void Trace::record_segment(Instant at, uint64_t connection, Direction direction, SegmentKind kind, ByteView bytes) {
  mix(static_cast<uint64_t>(to_ns(at)));
  mix(connection << 8 | static_cast<uint64_t>(kind) << 1 | static_cast<uint64_t>(direction));
  mix(bytes);
  if (!sink_) return;
  char line[128];
  const int length =
      std::snprintf(line, sizeof line, "%" PRId64 ".%09" PRId64 " connection %" PRIu64 " %s %s %zu",
                    to_ns(at) / 1'000'000'000, to_ns(at) % 1'000'000'000, connection,
                    direction == Direction::to_client ? "to client" : "to server", to_string(kind), bytes.size());
  sink_->on_line({line, static_cast<size_t>(length)});
}

void Trace::record_deadline(Instant at, std::string_view whose, uint64_t number) {
  mix(static_cast<uint64_t>(to_ns(at)));
  mix(number << 16 | kDeadlineCode);
  mix(as_bytes(whose));
  if (!sink_) return;
  char line[128];
  const int length =
      std::snprintf(line, sizeof line, "%" PRId64 ".%09" PRId64 " %.*s %" PRIu64 " deadline", to_ns(at) / 1'000'000'000,
                    to_ns(at) % 1'000'000'000, static_cast<int>(whose.size()), whose.data(), number);
  sink_->on_line({line, static_cast<size_t>(length)});
}

}  // namespace mqtt_sim::sim
