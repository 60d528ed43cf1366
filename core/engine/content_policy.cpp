#include "core/engine/content_policy.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <optional>

namespace mqtt_sim::engine {
namespace {

constexpr size_t kHostLimit = 255;

// Calls use(key, value) for every member of a query, as sent.
template <class Use>
void for_each_member(std::string_view query, Use&& use) {
  while (!query.empty()) {
    const std::string_view member = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(query.size(), member.size() + 1));
    const std::string_view key = member.substr(0, member.find('='));
    use(key, member.substr(std::min(member.size(), key.size() + 1)));
  }
}

std::string decode(std::string_view value) {
  std::string text;
  for (size_t i = 0; i < value.size(); ++i) {
    unsigned code = 0;
    const char* digits = value.data() + i + 1;
    const bool is_coded =
        value[i] == '%' && i + 2 < value.size() && std::from_chars(digits, digits + 2, code, 16).ptr == digits + 2;
    text += is_coded ? static_cast<char>(code) : value[i];
    if (is_coded) i += 2;
  }
  return text;
}

// host or host:port, of which nothing can leave its place in a header.
bool is_plain_host(std::string_view host) {
  const auto is_allowed = [](unsigned char c) {
    return std::isalnum(c) != 0 || std::string_view("-._:[]").find(static_cast<char>(c)) != std::string_view::npos;
  };
  return !host.empty() && host.size() <= kHostLimit && std::ranges::all_of(host, is_allowed);
}

std::string_view without_port(std::string_view host) {
  const size_t colon = host.rfind(':');
  const bool has_port = colon != std::string_view::npos && host.find(']', colon) == std::string_view::npos;
  return has_port ? host.substr(0, colon) : host;
}

struct Place {
  std::string scheme;  // with its ://
  std::string host;    // with its port
};

// Of a WebSocket address; its user, path and the rest are nobody's business here.
std::optional<Place> parse_place(std::string_view url) {
  for (const std::string_view scheme : {"ws://", "wss://"}) {
    if (!url.starts_with(scheme)) continue;
    std::string_view host = url.substr(scheme.size());
    host = host.substr(0, host.find_first_of("/?#"));
    if (const size_t at = host.rfind('@'); at != std::string_view::npos) host.remove_prefix(at + 1);
    if (is_plain_host(host)) return Place{std::string(scheme), std::string(host)};
  }
  return std::nullopt;
}

}  // namespace

std::string content_security_policy(std::string_view host, std::string_view query, bool allows_others) {
  std::string places = "'self'";
  const auto allow = [&](const std::string& scheme, const std::string& where) { places += " " + scheme + where; };
  const bool is_known = is_plain_host(host);
  const std::string name(is_known ? without_port(host) : "");
  if (is_known) {
    allow("ws://", std::string(host));
    allow("wss://", std::string(host));
  }
  for_each_member(query, [&](std::string_view key, std::string_view value) {
    if (key == "url") {
      const auto place = parse_place(decode(value));
      if (place && (allows_others || (is_known && without_port(place->host) == name)))
        allow(place->scheme, place->host);
    } else if (is_known && key == "mosquitto") {  // the ports of these two stand in crawl/options.js as well
      allow("ws://", name + ":8080");
      allow("wss://", name + ":8081");
    } else if (is_known && key == "useDiffusionServer") {
      allow("ws://", name + ":8086");
      allow("wss://", name + ":8086");
    }
  });
  return "default-src 'self'; connect-src " + places + "; base-uri 'none'; form-action 'self'";
}

}  // namespace mqtt_sim::engine
