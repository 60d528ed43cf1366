// One row of the tables of vectors.hpp: a packet as bytes, at the protocol levels where it reads alike, and what the
// codec has to say of it.
#pragma once

#include <cstdint>
#include <string_view>

#include "core/protocol/packet.hpp"

namespace mqtt_sim::protocol::vectors {

enum class Form : uint8_t {
  canonical,   // encoding what was decoded gives the same bytes
  tolerated,   // another form than the canonical one, which encoding gives
  unreadable,  // refused
};

inline constexpr unsigned k31 = 1;
inline constexpr unsigned k311 = 2;
inline constexpr unsigned k50 = 4;
inline constexpr unsigned kBelow5 = k31 | k311;
inline constexpr unsigned kFrom311 = k311 | k50;
inline constexpr unsigned kEvery = k31 | k311 | k50;

struct Row {
  std::string_view name;
  unsigned versions;     // of the connection
  std::string_view hex;  // one whole packet; spaces separate its fields
  Form form = Form::canonical;
  ReasonCode reason = ReasonCode::success;  // of the refusal
  std::string_view canonical = {};          // of a tolerated one
};

constexpr Row tolerated(std::string_view name, unsigned versions, std::string_view hex, std::string_view canonical) {
  return {name, versions, hex, Form::tolerated, ReasonCode::success, canonical};
}

constexpr Row refused(std::string_view name, unsigned versions, std::string_view hex, ReasonCode reason) {
  return {name, versions, hex, Form::unreadable, reason};
}

}  // namespace mqtt_sim::protocol::vectors
