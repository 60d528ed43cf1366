// Whether a payload is what the payload format indicator 1 says: well-formed UTF-8 (section 3.3.2.3.2). Unlike a string
// of MQTT it may hold U+0000.
#pragma once

#include <string_view>

#include "core/protocol/utf8.hpp"

namespace mqtt_sim::client {

inline bool is_text_payload(std::string_view payload) {
  for (;;) {
    const size_t end = payload.find('\0');
    if (!protocol::is_utf8_string(payload.substr(0, end))) return false;
    if (end == std::string_view::npos) return true;
    payload.remove_prefix(end + 1);
  }
}

}  // namespace mqtt_sim::client
