// Bytes as base64 text, RFC 4648, as SCRAM, password files and HTTP headers carry them. Pure functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace mqtt_sim::inline base {

std::string to_base64(std::string_view bytes);
std::optional<std::string> from_base64(std::string_view text);  // nothing but the alphabet, with its padding

}  // namespace mqtt_sim::inline base
