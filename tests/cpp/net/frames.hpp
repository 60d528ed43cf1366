// WebSocket frames as a test writes them, flaws included.
#pragma once

#include <cstdint>
#include <string>

namespace mqtt_sim::net {

inline std::string big_endian(uint64_t number, size_t size) {
  std::string text;
  for (size_t i = size; i-- > 0;) text += static_cast<char>(number >> (8 * i));
  return text;
}

struct FrameFlags {
  bool is_final = true;
  bool is_masked = true;
  int reserved = 0;
};

inline std::string frame(int opcode, const std::string& payload, const FrameFlags& flags = {}) {
  const std::string key = "\x37\xfa\x21\x3d";
  std::string text(1, static_cast<char>((flags.is_final ? 0x80 : 0) | flags.reserved | opcode));
  const int mask_bit = flags.is_masked ? 0x80 : 0;
  if (payload.size() < 126) {
    text += static_cast<char>(mask_bit | static_cast<int>(payload.size()));
  } else {
    const bool is_long = payload.size() > 0xffff;
    text += static_cast<char>(mask_bit | (is_long ? 127 : 126));
    text += big_endian(payload.size(), is_long ? 8 : 2);
  }
  if (!flags.is_masked) return text + payload;
  text += key;
  for (size_t i = 0; i < payload.size(); ++i) text += static_cast<char>(payload[i] ^ key[i % 4]);
  return text;
}

}  // namespace mqtt_sim::net
