// How an HTTP request becomes a WebSocket (RFC 6455 4): both sides of it, as text in and text out. No state, no socket.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/expected.hpp"
#include "core/base/random.hpp"
#include "core/base/target.hpp"
#include "core/net/http_head.hpp"

namespace mqtt_sim::net {

// --- client

std::string make_websocket_key(Random& random);
std::string make_upgrade_request(const Target& target, std::string_view key);
// Whether `response` makes the stream a WebSocket. Error: why not, the server's status first.
Expected<void> check_upgrade_response(const HttpHead& response, const WebSocketTarget& asked, std::string_view key);

// --- server

bool is_upgrade_request(const HttpHead& request);

struct UpgradeAnswer {
  std::string text;  // the whole response
  bool is_accepted = false;
  std::string problem;      // why not
  std::string subprotocol;  // agreed on; may be empty
};
UpgradeAnswer answer_upgrade_request(const HttpHead& request, const ListenAddress& rules);

}  // namespace mqtt_sim::net
