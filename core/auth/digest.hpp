// The few cryptographic functions that passwords and SCRAM need, on byte strings. Everything is a pure function;
// libcrypto does the work.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace mqtt_sim::auth {

enum class Hash : uint8_t { sha256, sha512 };

std::string digest(Hash hash, std::string_view bytes);
std::string hmac(Hash hash, std::string_view key, std::string_view bytes);
// `iterations` > 0; as many bytes as the hash has.
std::string pbkdf2(Hash hash, std::string_view password, std::string_view salt, uint32_t iterations);

// In time that depends on the lengths only.
bool is_equal(std::string_view a, std::string_view b);

// A whole decimal number in [1, most], without sign or leading zero.
std::optional<uint32_t> parse_count(std::string_view text, uint32_t most);

}  // namespace mqtt_sim::auth
