#include "core/auth/digest.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <charconv>

#include "core/base/assert.hpp"

namespace mqtt_sim::auth {
namespace {

constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

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

std::string to_base64(std::string_view bytes) {
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (size_t i = 0; i < bytes.size(); i += 3) {
    const std::string_view group = bytes.substr(i, 3);
    uint32_t bits = 0;
    for (size_t k = 0; k < 3; ++k) bits = bits << 8 | (k < group.size() ? static_cast<uint8_t>(group[k]) : 0u);
    for (size_t k = 0; k < 4; ++k) text += k <= group.size() ? kAlphabet[bits >> (18 - 6 * k) & 63] : '=';
  }
  return text;
}

std::optional<std::string> from_base64(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  const size_t padding = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
  std::string bytes;
  uint32_t bits = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const size_t value = i < text.size() - padding ? kAlphabet.find(text[i]) : 0;
    if (value == std::string_view::npos) return std::nullopt;
    bits = bits << 6 | static_cast<uint32_t>(value);
    if (i % 4 != 3) continue;
    for (const unsigned shift : {16u, 8u, 0u}) bytes += static_cast<char>(bits >> shift & 255);
    bits = 0;
  }
  bytes.resize(bytes.size() - padding);
  if (to_base64(bytes) != text) return std::nullopt;  // bits that say nothing are zero
  return bytes;
}

std::optional<uint32_t> parse_count(std::string_view text, uint32_t most) {
  uint32_t count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  const bool is_whole = error == std::errc() && end == text.data() + text.size() && !text.starts_with('0');
  return is_whole && count <= most ? std::optional(count) : std::nullopt;
}

}  // namespace mqtt_sim::auth
