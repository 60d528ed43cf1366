// The proxy that outbound streams go through: a plain value.
#pragma once

#include <cstdint>
#include <string>

namespace mqtt_sim::inline base {

enum class ProxyKind : uint8_t {
  none,
  socks5,   // RFC 1928, RFC 1929; the target's name is looked up here
  socks5h,  // the same, and the proxy looks it up
  http,     // CONNECT; the proxy looks it up
};

struct ProxyOptions {
  ProxyKind kind = ProxyKind::none;
  std::string host = {};
  uint16_t port = 1080;
  std::string user_name = {};  // empty: none is offered
  std::string password = {};

  explicit operator bool() const { return kind != ProxyKind::none; }
  friend bool operator==(const ProxyOptions&, const ProxyOptions&) = default;
};

}  // namespace mqtt_sim::inline base
