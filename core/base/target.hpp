// Where a stream leads and how it is carried there; where a service listens and for what. Plain values from the Plan,
// shared by engine and drivers. A driver that has no sockets (core/sim) carries every transport as a plain stream.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/base/http.hpp"
#include "core/base/proxy.hpp"
#include "core/base/time.hpp"
#include "core/base/tls_options.hpp"

namespace mqtt_sim::inline base {

struct Address {
  std::string host = "127.0.0.1";
  uint16_t port = 1883;
  std::string unix_path = {};    // not empty: a Unix-domain socket, and host and port mean nothing
  std::string memory_name = {};  // not empty: streams within this process, likewise; to be dialled only

  friend bool operator==(const Address&, const Address&) = default;
};

enum class Transport : uint8_t {
  tcp,  // bytes as they are; also over a Unix-domain socket
  tls,
  ws,
  wss,
};
constexpr bool has_tls(Transport t) { return t == Transport::tls || t == Transport::wss; }
constexpr bool has_websocket(Transport t) { return t == Transport::ws || t == Transport::wss; }
const char* to_string(Transport);

// The HTTP request that opens a WebSocket.
struct WebSocketTarget {
  std::string path = "/mqtt";
  std::vector<HttpField> headers = {};               // sent beside the necessary ones
  std::vector<std::string> subprotocols = {"mqtt"};  // offered, in this order

  friend bool operator==(const WebSocketTarget&, const WebSocketTarget&) = default;
};

struct Target {
  Address address;
  Transport transport = Transport::tcp;
  std::shared_ptr<const TlsClientOptions> tls;  // of tls and wss; null: the defaults. Streams that share it share trust
  WebSocketTarget websocket;                    // of ws and wss
  ProxyOptions proxy = {};                      // on the way there; drivers without sockets pass it by

  Target(Address at = {}) : address(std::move(at)) {}  // implicit: an address alone is a target of plain TCP
  Target(Address at, Transport how, std::shared_ptr<const TlsClientOptions> options = nullptr)
      : address(std::move(at)), transport(how), tls(std::move(options)) {}

  friend bool operator==(const Target&, const Target&) = default;
};

// What a listener takes on one port. More than one: told apart by the first bytes.
struct Protocols {
  bool mqtt = true;
  bool websocket = false;
  bool http = false;  // plain GET and HEAD, answered by ListenAddress::http
};

struct ListenAddress {
  Address address;
  Protocols protocols;

  std::shared_ptr<const TlsServerOptions> tls;  // null: no TLS
  bool plain_beside_tls = false;                // with tls: streams without it are taken on the same port too

  std::vector<std::string> websocket_paths;  // empty: any path
  std::vector<std::string> subprotocols = {"mqtt", "mqttv3.1", "mqttv3.1.1"};
  std::vector<std::string> origins;  // allowed in a browser's Origin, as scheme://host[:port]; empty: any
  uint64_t websocket_frame_limit = 16 * 1024 * 1024;

  HttpHandler* http = nullptr;  // must outlive the driver

  bool proxy_protocol = false;               // version 1 or 2, expected from trusted proxies and from them only
  std::vector<std::string> trusted_proxies;  // addresses or networks as address/bits; Unix peers need "unix"

  Duration handshake_limit = std::chrono::seconds(10);  // for PROXY, TLS and the upgrade, each
  Duration http_idle_limit = std::chrono::seconds(60);  // between two requests
  uint32_t handshakes_limit = 16 * 1024;                // streams at once that have not come so far; more are closed

  ListenAddress(Address at = {}) : address(std::move(at)) {}  // implicit: an address alone means MQTT over plain TCP
};

// Who arrived at a service. The strings of a driver without sockets are empty but for the address.
struct Peer {
  std::string address;  // host:port as text
  Transport transport = Transport::tcp;
  std::string certificate_name = {};    // common name of the verified client certificate
  std::string subprotocol = {};         // of the WebSocket, as agreed
  std::string path = {};                // of the WebSocket's request
  std::vector<HttpField> headers = {};  // likewise
};

}  // namespace mqtt_sim::inline base
