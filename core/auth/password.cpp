#include "core/auth/password.hpp"

#include "core/base/assert.hpp"
#include "core/base/base64.hpp"

namespace mqtt_sim::auth {
namespace {

constexpr size_t kHashSize = 64;

// Takes what stands before the next `$`; nothing when there is none.
std::optional<std::string_view> take_part(std::string_view& text) {
  const size_t end = text.find('$');
  if (end == std::string_view::npos) return std::nullopt;
  const std::string_view part = text.substr(0, end);
  text.remove_prefix(end + 1);
  return part;
}

}  // namespace

std::optional<PasswordHash> PasswordHash::parse(std::string_view text) {
  const bool is_stretched = text.starts_with("$7$");
  if (!is_stretched && !text.starts_with("$6$")) return std::nullopt;
  text.remove_prefix(3);
  PasswordHash password;
  if (is_stretched) {
    const auto count_text = take_part(text);
    const auto count = count_text ? parse_count(*count_text, kMostIterations) : std::nullopt;
    if (!count) return std::nullopt;
    password.iterations_ = *count;
  }
  const auto salt_text = take_part(text);
  const auto salt = salt_text ? from_base64(*salt_text) : std::nullopt;
  const auto hash = from_base64(text);
  if (!salt || salt->empty() || !hash || hash->size() != kHashSize) return std::nullopt;
  password.salt_ = *salt;
  password.hash_ = *hash;
  return password;
}

PasswordHash PasswordHash::make(std::string_view password, std::string_view salt, uint32_t iterations) {
  MQTT_SIM_ASSERT(iterations > 0 && iterations <= kMostIterations && !salt.empty());
  PasswordHash made;
  made.iterations_ = iterations;
  made.salt_ = salt;
  made.hash_ = made.hash_of(password);
  return made;
}

std::string PasswordHash::to_text() const {
  const std::string start = iterations_ == 0 ? "$6$" : "$7$" + std::to_string(iterations_) + "$";
  return start + to_base64(salt_) + "$" + to_base64(hash_);
}

bool PasswordHash::matches(std::string_view password) const { return is_equal(hash_of(password), hash_); }

std::string PasswordHash::hash_of(std::string_view password) const {
  if (iterations_ > 0) return pbkdf2(Hash::sha512, password, salt_, iterations_);
  return digest(Hash::sha512, std::string(password) + salt_);
}

}  // namespace mqtt_sim::auth
