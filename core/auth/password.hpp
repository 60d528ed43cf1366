// A password as a users file keeps it, in the forms of mosquitto_passwd: `$7$<iterations>$<salt>$<hash>` is
// PBKDF2-HMAC-SHA512, `$6$<salt>$<hash>` one SHA-512 over password and salt; salt and hash in base64. A plain value.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/auth/digest.hpp"

namespace mqtt_sim::auth {

class PasswordHash {
 public:
  static constexpr uint32_t kMostIterations = 1'000'000;  // of a text that is read: a check takes about 0.5 s then
  static constexpr uint32_t kUsualIterations = 101;       // what mosquitto_passwd takes

  static std::optional<PasswordHash> parse(std::string_view text);  // nothing: neither form, or over the limit
  // A `$7$` hash. `iterations` in [1, kMostIterations].
  static PasswordHash make(std::string_view password, std::string_view salt, uint32_t iterations = kUsualIterations);

  std::string to_text() const;
  bool matches(std::string_view password) const;  // in time that does not depend on where they differ
  friend bool operator==(const PasswordHash&, const PasswordHash&) = default;

 private:
  std::string hash_of(std::string_view password) const;

  uint32_t iterations_ = 0;  // 0: the `$6$` form
  std::string salt_;         // bytes, likewise
  std::string hash_;
};

}  // namespace mqtt_sim::auth
