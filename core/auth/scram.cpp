#include "core/auth/scram.hpp"

#include <algorithm>
#include <utility>

#include "core/auth/digest.hpp"
#include "core/base/base64.hpp"

namespace mqtt_sim::auth {
namespace {

constexpr std::string_view kTextStart = "SCRAM-SHA-256$";
constexpr size_t kKeySize = 32;
constexpr size_t kLongestNonce = 1024;

Error no_scram(std::string text) { return make_error(0x87, std::move(text)); }

std::string combine(std::string bytes, std::string_view with) {  // exclusive or
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>(bytes[i] ^ with[i]);
  return bytes;
}

// A comma would end the name and an equals sign would begin an escape.
std::string escape_name(std::string_view name) {
  std::string text;
  for (const char c : name) {
    if (c == ',') {
      text += "=2C";
    } else if (c == '=') {
      text += "=3D";
    } else {
      text += c;
    }
  }
  return text;
}

std::optional<std::string> unescape_name(std::string_view text) {
  std::string name;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '=') {
      name += text[i];
      continue;
    }
    const std::string_view escape = text.substr(i, 3);
    if (escape != "=2C" && escape != "=3D") return std::nullopt;
    name += escape == "=2C" ? ',' : '=';
    i += 2;
  }
  return name;
}

// Takes `<name>=<value>` from the front of a list with commas. Nothing is taken when another attribute stands there.
std::optional<std::string_view> take_attribute(std::string_view& list, char name) {
  if (list.size() < 2 || list[0] != name || list[1] != '=') return std::nullopt;
  const size_t end = std::min(list.find(','), list.size());
  const std::string_view value = list.substr(2, end - 2);
  list.remove_prefix(std::min(end + 1, list.size()));
  return value;
}

bool is_nonce(std::string_view text) {
  return !text.empty() && text.size() <= kLongestNonce &&
         std::ranges::all_of(text, [](char c) { return c >= 0x21 && c <= 0x7e && c != ','; });
}

std::string client_key_of(std::string_view salted) { return hmac(Hash::sha256, salted, "Client Key"); }
std::string server_key_of(std::string_view salted) { return hmac(Hash::sha256, salted, "Server Key"); }

}  // namespace

ScramSecret ScramSecret::make(std::string_view password, std::string_view salt, uint32_t iterations) {
  const std::string salted = pbkdf2(Hash::sha256, password, salt, iterations);
  return {.iterations = iterations,
          .salt = std::string(salt),
          .stored_key = digest(Hash::sha256, client_key_of(salted)),
          .server_key = server_key_of(salted)};
}

std::optional<ScramSecret> ScramSecret::parse(std::string_view text) {
  if (!text.starts_with(kTextStart)) return std::nullopt;
  text.remove_prefix(kTextStart.size());
  const size_t dollar = text.find('$');
  if (dollar == std::string_view::npos) return std::nullopt;
  const std::string_view first = text.substr(0, dollar);
  const std::string_view second = text.substr(dollar + 1);
  const size_t middle = first.find(':');
  const size_t between = second.find(':');
  if (middle == std::string_view::npos || between == std::string_view::npos) return std::nullopt;
  const auto iterations = parse_count(first.substr(0, middle), kMostIterations);
  const auto salt = from_base64(first.substr(middle + 1));
  const auto stored_key = from_base64(second.substr(0, between));
  const auto server_key = from_base64(second.substr(between + 1));
  if (!iterations || !salt || salt->empty() || !stored_key || !server_key) return std::nullopt;
  if (stored_key->size() != kKeySize || server_key->size() != kKeySize) return std::nullopt;
  return ScramSecret{*iterations, *salt, *stored_key, *server_key};
}

std::string ScramSecret::to_text() const {
  return std::string(kTextStart) + std::to_string(iterations) + ":" + to_base64(salt) + "$" + to_base64(stored_key) +
         ":" + to_base64(server_key);
}

bool ScramSecret::matches(std::string_view password) const {
  const std::string salted = pbkdf2(Hash::sha256, password, salt, iterations);
  return is_equal(digest(Hash::sha256, client_key_of(salted)), stored_key);
}

ScramClient::ScramClient(std::string user_name, std::string password, std::string nonce)
    : user_name_(std::move(user_name)), password_(std::move(password)), nonce_(std::move(nonce)) {}

std::string ScramClient::first() {
  server_signature_.clear();
  first_bare_ = "n=" + escape_name(user_name_) + ",r=" + nonce_;
  return "n,," + first_bare_;
}

Expected<std::string> ScramClient::answer(std::string_view challenge) {
  std::string_view rest = challenge;
  const auto nonce = take_attribute(rest, 'r');
  const auto salt_text = take_attribute(rest, 's');
  const auto count_text = take_attribute(rest, 'i');
  if (!nonce || !salt_text || !count_text) return no_scram("challenge is not of SCRAM");
  if (!is_nonce(*nonce) || !nonce->starts_with(nonce_) || nonce->size() == nonce_.size()) {
    return no_scram("challenge does not answer ours");
  }
  const auto salt = from_base64(*salt_text);
  const auto iterations = parse_count(*count_text, UINT32_MAX);
  if (!salt || salt->empty() || !iterations) return no_scram("challenge is not of SCRAM");
  if (*iterations > ScramSecret::kMostIterations) return no_scram("challenge asks for too many iterations");

  const std::string salted = pbkdf2(Hash::sha256, password_, *salt, *iterations);
  const std::string client_key = client_key_of(salted);
  const std::string without_proof = "c=biws,r=" + std::string(*nonce);  // biws: "n,,", no channel binding
  const std::string message = first_bare_ + "," + std::string(challenge) + "," + without_proof;
  const std::string signature = hmac(Hash::sha256, digest(Hash::sha256, client_key), message);
  server_signature_ = hmac(Hash::sha256, server_key_of(salted), message);
  return without_proof + ",p=" + to_base64(combine(client_key, signature));
}

bool ScramClient::check_server(std::string_view server_final) const {
  const auto signature_text = take_attribute(server_final, 'v');
  const auto signature = signature_text ? from_base64(*signature_text) : std::nullopt;
  return signature && !server_signature_.empty() && is_equal(*signature, server_signature_);
}

std::optional<Error> ScramServer::begin(std::string_view client_first) {
  const size_t flag_end = client_first.find(',');
  if (client_first.starts_with("p=")) return no_scram("channel binding is not offered");
  if (flag_end != 1 || (client_first[0] != 'n' && client_first[0] != 'y')) return no_scram("first message is no SCRAM");
  std::string_view rest = client_first.substr(2);
  const size_t header_end = rest.find(',');
  if (header_end == std::string_view::npos) return no_scram("first message is no SCRAM");
  std::string_view identity_part = rest.substr(0, header_end);
  const auto identity = take_attribute(identity_part, 'a');
  if (header_end > 0 && !identity) return no_scram("first message is no SCRAM");
  gs2_header_ = client_first.substr(0, 2 + header_end + 1);
  rest.remove_prefix(header_end + 1);
  client_first_bare_ = rest;

  const auto name_text = take_attribute(rest, 'n');  // a mandatory extension would stand before it: none is known
  const auto client_nonce = take_attribute(rest, 'r');
  if (!name_text || !client_nonce || !is_nonce(*client_nonce)) return no_scram("first message is no SCRAM");
  auto name = unescape_name(*name_text);
  if (!name || name->empty()) return no_scram("first message is no SCRAM");
  if (identity && unescape_name(*identity) != name) return no_scram("nobody may act for another user");
  user_name_ = std::move(*name);
  combined_nonce_ = std::string(*client_nonce) + nonce_;
  return std::nullopt;
}

std::string ScramServer::challenge(ScramSecret secret) {
  secret_ = std::move(secret);
  challenge_ = "r=" + combined_nonce_ + ",s=" + to_base64(secret_.salt) + ",i=" + std::to_string(secret_.iterations);
  return challenge_;
}

Expected<std::string> ScramServer::conclude(std::string_view client_final) {
  const size_t proof_start = client_final.rfind(",p=");
  if (proof_start == std::string_view::npos) return no_scram("last message is no SCRAM");
  const std::string_view without_proof = client_final.substr(0, proof_start);
  std::string_view rest = without_proof;
  const auto header = take_attribute(rest, 'c');
  const auto nonce = take_attribute(rest, 'r');
  const auto proof = from_base64(client_final.substr(proof_start + 3));
  if (!header || !nonce || !proof || proof->size() != kKeySize) return no_scram("last message is no SCRAM");
  if (from_base64(*header) != gs2_header_) return no_scram("channel binding differs");
  if (!is_equal(*nonce, combined_nonce_)) return no_scram("nonce is of another exchange");

  const std::string message = client_first_bare_ + "," + challenge_ + "," + std::string(without_proof);
  const std::string client_key = combine(*proof, hmac(Hash::sha256, secret_.stored_key, message));
  if (!is_equal(digest(Hash::sha256, client_key), secret_.stored_key)) return no_scram("not the password");
  return "v=" + to_base64(hmac(Hash::sha256, secret_.server_key, message));
}

}  // namespace mqtt_sim::auth
