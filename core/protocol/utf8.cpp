#include "core/protocol/utf8.hpp"

#include <cstdint>
#include <cstring>

namespace mqtt_sim::protocol {
namespace {

constexpr uint64_t kEveryHighBit = 0x8080'8080'8080'8080;
constexpr uint64_t kEveryLowBit = 0x0101'0101'0101'0101;

// Eight bytes of 0x01..0x7F: subtracting one of each sets a high bit where a byte was zero.
bool is_plain_ascii(const uint8_t* at) {
  uint64_t word;
  std::memcpy(&word, at, sizeof word);
  return ((word | (word - kEveryLowBit)) & kEveryHighBit) == 0;
}

bool is_continuation(uint8_t byte) { return (byte & 0xC0) == 0x80; }

// Length of the well-formed character of several bytes at `at` (table 3-7 of the Unicode standard); 0 if there is none.
size_t length_of_character(const uint8_t* at, size_t available) {
  const uint8_t lead = at[0];
  if (lead >= 0xC2 && lead <= 0xDF) return available >= 2 && is_continuation(at[1]) ? 2 : 0;
  if (lead >= 0xE0 && lead <= 0xEF) {
    if (available < 3 || !is_continuation(at[1]) || !is_continuation(at[2])) return 0;
    const bool is_overlong = lead == 0xE0 && at[1] < 0xA0;
    const bool is_surrogate = lead == 0xED && at[1] >= 0xA0;  // [MQTT-1.5.4-1]
    return is_overlong || is_surrogate ? 0 : 3;
  }
  if (lead >= 0xF0 && lead <= 0xF4) {
    if (available < 4 || !is_continuation(at[1]) || !is_continuation(at[2]) || !is_continuation(at[3])) return 0;
    const bool is_overlong = lead == 0xF0 && at[1] < 0x90;
    const bool is_past_the_end = lead == 0xF4 && at[1] >= 0x90;  // above U+10FFFF
    return is_overlong || is_past_the_end ? 0 : 4;
  }
  return 0;
}

}  // namespace

// A byte order mark is a character like others. [MQTT-1.5.4-3]
bool is_utf8_string(std::string_view text) {
  const uint8_t* at = reinterpret_cast<const uint8_t*>(text.data());
  const uint8_t* const end = at + text.size();
  while (at != end) {
    const size_t available = static_cast<size_t>(end - at);
    if (available >= 8 && is_plain_ascii(at)) {
      at += 8;
    } else if (*at == 0) {  // [MQTT-1.5.4-2]
      return false;
    } else if (*at < 0x80) {
      ++at;
    } else {
      const size_t length = length_of_character(at, available);
      if (length == 0) return false;
      at += length;
    }
  }
  return true;
}

}  // namespace mqtt_sim::protocol
