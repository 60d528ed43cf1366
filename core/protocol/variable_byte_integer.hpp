// Variable byte integers (section 1.5.5): seven bits a byte, low ones first, at most four bytes.
#pragma once

#include <cstdint>
#include <optional>

#include "core/base/bytes.hpp"

namespace mqtt_sim::protocol {

inline constexpr uint32_t kLargestVariableByteInteger = 268'435'455;

constexpr size_t size_of_variable_byte_integer(size_t value) {
  return value < 0x80 ? 1 : value < 0x4000 ? 2 : value < 0x20'0000 ? 3 : 4;
}

// Nothing if the bytes end too early (the reader is then bad), after four bytes without an end, or if there is a
// shorter form of the same value [MQTT-1.5.5-1].
inline std::optional<uint32_t> read_variable_byte_integer(ByteReader& in) {
  uint32_t value = 0;
  for (unsigned shift = 0; shift < 28; shift += 7) {
    const uint8_t byte = in.u8();
    value |= static_cast<uint32_t>(byte & 0x7F) << shift;
    if (byte & 0x80) continue;
    if (in.is_bad() || (byte == 0 && shift > 0)) return std::nullopt;
    return value;
  }
  return std::nullopt;
}

// `out`: anything with u8(). `value` is at most kLargestVariableByteInteger.
template <class Out>
void write_variable_byte_integer(Out& out, size_t value) {
  while (value >= 0x80) {
    out.u8(static_cast<uint8_t>(value | 0x80));
    value >>= 7;
  }
  out.u8(static_cast<uint8_t>(value));
}

}  // namespace mqtt_sim::protocol
