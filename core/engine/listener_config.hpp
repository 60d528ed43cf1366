// One way in to the embedded broker, as its JSON configuration describes it. The keys, all of them also at the top
// level of a broker that names no listeners, but for those marked with *:
//
//   name*, protocol_versions*, max_connections*, allow_anonymous*
//   host, port; or unix       where to listen; port 0: any free one; unix: the path of a socket
//   protocols                 list of mqtt, websocket, http; more than one: told apart by the first bytes
//   tls                       "off", "auto" (a certificate made at start), or an object: certificate, key,
//   key_password,
//                             certificate_pem, key_pem, ca, ca_directory, ca_pem, crl, client_certificate (ignored,
//                             requested, required), min_version ("1.2", "1.3"), ciphers, ciphersuites, alpn,
//                             session_tickets, key_log
//   plain_beside_tls          streams without TLS are taken as well
//   certificate_name_as_user  the common name of the client's certificate is its user name
//   websocket                 {paths, subprotocols, origins, max_frame}
//   proxy_protocol, trusted_proxies
//   handshake_timeout_ns      for PROXY, TLS and upgrade, each; else the broker's connect_timeout
//   http                      what is answered to HTTP: http_config.hpp
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "core/base/target.hpp"
#include "core/broker/options.hpp"
#include "core/engine/http_config.hpp"
#include "core/load/plan.hpp"

namespace mqtt_sim::engine {

struct ListenerConfig {
  ListenAddress at;
  broker::ListenerOptions options = {};
  HttpConfig http = {};                // where at.protocols.http
  bool generates_certificate = false;  // BrokerHost makes at.tls; in virtual time nobody does
};

// What a broker without a list of listeners has: one port for everything, with TLS and without.
ListenerConfig make_open_listener();

// Error: the path inside the listener, what stands there, and what should; kUnknownOption for a key that is none.
std::optional<load::PlanError> read_listener_key(const std::string& key, const nlohmann::json& value,
                                                 ListenerConfig& listener);
// Whether the keys of `object` fit together, and the files they name can be used. Error: likewise.
std::optional<load::PlanError> check_listener(const nlohmann::json& object, const ListenerConfig& listener);

}  // namespace mqtt_sim::engine
