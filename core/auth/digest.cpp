#include "core/auth/digest.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <charconv>

#include "core/base/assert.hpp"

namespace mqtt_sim::auth {
namespace {

const EVP_MD* algorithm(Hash hash) { return hash == Hash::sha256 ? EVP_sha256() : EVP_sha512(); }
size_t size_of(Hash hash) { return hash == Hash::sha256 ? 32 : 64; }

unsigned char* bytes_of(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }
const unsigned char* bytes_of(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }

}  // namespace

std::string digest(Hash hash, std::string_view bytes) {
  std::string out(size_of(hash), '\0');
  const int done = EVP_Digest(bytes.data(), bytes.size(), bytes_of(out), nullptr, algorithm(hash), nullptr);
  MQTT_SIM_ASSERT(done == 1);
  return out;
}

std::string hmac(Hash hash, std::string_view key, std::string_view bytes) {
  std::string out(size_of(hash), '\0');
  // A null key would mean "the one from before".
  const void* start = key.empty() ? "" : key.data();
  const auto* done =
      HMAC(algorithm(hash), start, static_cast<int>(key.size()), bytes_of(bytes), bytes.size(), bytes_of(out), nullptr);
  MQTT_SIM_ASSERT(done != nullptr);
  return out;
}

std::string pbkdf2(Hash hash, std::string_view password, std::string_view salt, uint32_t iterations) {
  MQTT_SIM_ASSERT(iterations > 0);
  std::string out(size_of(hash), '\0');
  const int done = PKCS5_PBKDF2_HMAC(password.empty() ? "" : password.data(), static_cast<int>(password.size()),
                                     bytes_of(salt), static_cast<int>(salt.size()), static_cast<int>(iterations),
                                     algorithm(hash), static_cast<int>(out.size()), bytes_of(out));
  MQTT_SIM_ASSERT(done == 1);
  return out;
}

bool is_equal(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

std::optional<uint32_t> parse_count(std::string_view text, uint32_t most) {
  uint32_t count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  const bool is_whole = error == std::errc() && end == text.data() + text.size() && !text.starts_with('0');
  return is_whole && count <= most ? std::optional(count) : std::nullopt;
}

}  // namespace mqtt_sim::auth
