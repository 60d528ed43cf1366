#include "core/net/websocket_upgrade.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <boost/beast/http/rfc7230.hpp>
#include <cstring>

#include "core/base/base64.hpp"

namespace mqtt_sim::net {
namespace {

constexpr std::string_view kAcceptSuffix = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";  // RFC 6455 1.3
constexpr size_t kKeySize = 16;
constexpr size_t kKeyTextSize = 24;

bool is_key(std::string_view key) {
  if (key.size() != kKeyTextSize || !key.ends_with("==") || key[kKeyTextSize - 3] == '=') return false;
  std::array<uint8_t, 18> decoded;
  return EVP_DecodeBlock(decoded.data(), reinterpret_cast<const uint8_t*>(key.data()), static_cast<int>(key.size())) ==
         18;
}

std::string accept_value(std::string_view key) {
  const std::string text = std::string(key) + std::string(kAcceptSuffix);
  std::array<uint8_t, 20> digest;
  EVP_Digest(text.data(), text.size(), digest.data(), nullptr, EVP_sha1(), nullptr);
  return to_base64(as_text(digest));
}

std::string host_of(const Target& target) {
  const Address& at = target.address;
  if (!at.unix_path.empty()) return "localhost";
  const std::string host = at.host.find(':') == std::string::npos ? at.host : "[" + at.host + "]";
  const uint16_t usual = has_tls(target.transport) ? 443 : 80;
  return at.port == usual ? host : host + ":" + std::to_string(at.port);
}

bool contains(const std::vector<std::string>& list, std::string_view one) {
  return std::ranges::find(list, one) != list.end();
}

// An origin has no path; letters compare without their case.
bool is_allowed_origin(const std::vector<std::string>& allowed, std::string_view origin) {
  return std::ranges::any_of(allowed, [&](const std::string& one) { return is_same_field_name(one, origin); });
}

// The client's order decides.
std::string choose_subprotocol(const HttpHead& request, const std::vector<std::string>& known, bool& has_offered) {
  for (const HttpField& field : request.fields) {
    if (!is_same_field_name(field.name, "Sec-WebSocket-Protocol")) continue;
    for (const auto offered : boost::beast::http::token_list(field.value)) {
      has_offered = true;
      if (contains(known, offered)) return std::string(offered);
    }
  }
  return {};
}

UpgradeAnswer refuse(HttpFault fault, const std::vector<HttpField>& fields = {}) {
  return {make_refusal(fault, fields), false, fault.text, {}};
}

}  // namespace

std::string make_websocket_key(Random& random) {
  std::array<uint8_t, kKeySize> bytes;
  for (size_t i = 0; i < kKeySize; i += 8) {
    const uint64_t number = random.next();
    std::memcpy(bytes.data() + i, &number, 8);
  }
  return to_base64(as_text(bytes));
}

std::string make_upgrade_request(const Target& target, std::string_view key) {
  const WebSocketTarget& websocket = target.websocket;
  const auto is_given = [&](std::string_view name) { return !field_value(websocket.headers, name).empty(); };
  std::string text = "GET " + (websocket.path.empty() ? std::string("/") : websocket.path) + " HTTP/1.1\r\n";
  if (!is_given("Host")) text += "Host: " + host_of(target) + "\r\n";
  text += "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ";
  text += key;
  text += "\r\n";
  std::string offered;
  for (const std::string& one : websocket.subprotocols) offered += (offered.empty() ? "" : ", ") + one;
  if (!offered.empty()) text += "Sec-WebSocket-Protocol: " + offered + "\r\n";  // [MQTT-6.0.0-3]
  for (const HttpField& field : websocket.headers) text += field.name + ": " + field.value + "\r\n";
  return text + "\r\n";
}

Expected<void> check_upgrade_response(const HttpHead& response, const WebSocketTarget& asked, std::string_view key) {
  const auto refused = [](std::string why) { return make_error(0x80, "WebSocket upgrade: " + why); };
  if (response.status != 101) {
    const std::string reason = response.reason.empty() ? status_text(response.status) : response.reason;
    return refused("HTTP " + std::to_string(response.status) + " " + reason);
  }
  if (!response.has_token("Upgrade", "websocket") || !response.has_token("Connection", "upgrade")) {
    return refused("the answer is 101, but not to WebSocket");
  }
  if (response.field("Sec-WebSocket-Accept") != accept_value(key)) return refused("Sec-WebSocket-Accept is wrong");
  if (!response.field("Sec-WebSocket-Extensions").empty()) return refused("an extension that was not asked for");
  const std::string_view chosen = response.field("Sec-WebSocket-Protocol");
  if (!chosen.empty() && !contains(asked.subprotocols, chosen)) {
    return refused("sub-protocol " + std::string(chosen) + ", which was not offered");
  }
  return {};
}

bool is_upgrade_request(const HttpHead& request) { return request.has_token("Upgrade", "websocket"); }

UpgradeAnswer answer_upgrade_request(const HttpHead& request, const ListenAddress& rules) {
  if (request.method != "GET" || !request.is_1_1) return refuse({400, "a WebSocket is asked for with GET in HTTP/1.1"});
  if (!request.has_token("Connection", "upgrade")) return refuse({400, "Connection does not say upgrade"});
  const std::string_view key = request.field("Sec-WebSocket-Key");
  if (!is_key(key)) return refuse({400, "Sec-WebSocket-Key is missing or malformed"});
  if (request.field("Sec-WebSocket-Version") != "13") {
    return refuse({426, "only version 13 is spoken here"}, {{"Sec-WebSocket-Version", "13"}});
  }
  const std::string_view path = std::string_view(request.target).substr(0, request.target.find('?'));
  if (!rules.websocket_paths.empty() && !contains(rules.websocket_paths, path)) {
    return refuse({404, "no WebSocket at this path"});
  }
  const std::string_view origin = request.field("Origin");
  if (!rules.origins.empty() && !origin.empty() && !is_allowed_origin(rules.origins, origin)) {
    return refuse({403, "this origin is not allowed"});
  }
  bool has_offered = false;
  const std::string chosen = choose_subprotocol(request, rules.subprotocols, has_offered);
  if (has_offered && chosen.empty()) return refuse({400, "no sub-protocol offered is known here"});

  std::string text = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n";
  text += "Sec-WebSocket-Accept: " + accept_value(key) + "\r\n";
  if (!chosen.empty()) text += "Sec-WebSocket-Protocol: " + chosen + "\r\n";  // [MQTT-6.0.0-4]
  return {text + "\r\n", true, {}, chosen};
}

}  // namespace mqtt_sim::net
