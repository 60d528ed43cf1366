#include "core/engine/listener_config.hpp"

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <utility>

#include "core/engine/option_value.hpp"
#include "core/net/proxy_header.hpp"
#include "core/net/tls_check.hpp"

namespace mqtt_sim::engine {
namespace {

using load::PlanError;
using nlohmann::json;

constexpr size_t kUnixPathLimit = 107;  // what the system's address can hold
const std::string kNothing = "nothing";

std::optional<PlanError> refuse(const std::string& path, const json& value, const Remedy& remedy) {
  if (remedy.empty()) return std::nullopt;
  return PlanError{path, value.dump(), remedy};
}

Remedy read_protocols(const json& value, Protocols& to) {
  to = {.mqtt = false};
  const auto take = [&](const json& word) {
    if (word == "mqtt") return to.mqtt = true;
    if (word == "websocket") return to.websocket = true;
    return word == "http" && (to.http = true);
  };
  if (value.is_array() && !value.empty() && std::ranges::all_of(value, take)) return {};
  return R"(a list of at least one of "mqtt", "websocket" and "http")";
}

Remedy read_protocol_versions(const json& value, broker::ListenerOptions& to) {
  to.accepts_v3_1 = to.accepts_v3_1_1 = to.accepts_v5_0 = false;
  const auto take = [&](const json& word) {
    if (word == "3.1") return to.accepts_v3_1 = true;
    if (word == "3.1.1") return to.accepts_v3_1_1 = true;
    return word == "5.0" && (to.accepts_v5_0 = true);
  };
  if (value.is_array() && !value.empty() && std::ranges::all_of(value, take)) return {};
  return R"(a list of at least one of "3.1", "3.1.1" and "5.0")";
}

Remedy read_tls_key(const std::string& key, const json& value, TlsServerOptions& to) {
  if (key == "certificate") return read(value, to.identity.certificate_file);
  if (key == "certificate_pem") return read(value, to.identity.certificate_pem);
  if (key == "key") return read(value, to.identity.key_file);
  if (key == "key_pem") return read(value, to.identity.key_pem);
  if (key == "key_password") return read(value, to.identity.key_password);
  if (key == "ca") return read(value, to.trust.ca_files.emplace_back());
  if (key == "ca_directory") return read(value, to.trust.ca_directory);
  if (key == "ca_pem") return read(value, to.trust.ca_pem);
  if (key == "crl") return read(value, to.trust.crl_file);
  if (key == "client_certificate") return read(value, to.client_certificate);
  if (key == "min_version") return read(value, to.min_version);
  if (key == "ciphers") return read(value, to.ciphers);
  if (key == "ciphersuites") return read(value, to.ciphersuites);
  if (key == "alpn") return read(value, to.alpn);
  if (key == "session_tickets") return read(value, to.session_tickets);
  if (key == "key_log") return read(value, to.key_log_file);
  return kUnknownOption;
}

std::optional<PlanError> read_tls(const json& value, ListenerConfig& listener) {
  listener.generates_certificate = value == "auto";
  listener.at.tls.reset();
  if (value.is_string() && (value == "auto" || value == "off")) return std::nullopt;
  if (!value.is_object()) return PlanError{"tls", value.dump(), R"("auto", "off" or an object)"};
  auto tls = std::make_shared<TlsServerOptions>();
  for (const auto& [key, item] : value.items()) {
    const Remedy remedy = read_tls_key(key, item, *tls);
    const bool is_secret = key.starts_with("key");
    if (!remedy.empty()) return PlanError{"tls." + key, is_secret ? kNothing : item.dump(), remedy};
  }
  listener.at.tls = std::move(tls);
  return std::nullopt;
}

Remedy read_websocket_key(const std::string& key, const json& value, ListenAddress& to) {
  if (key == "subprotocols") return read(value, to.subprotocols);
  if (key == "origins") return read(value, to.origins);
  if (key == "max_frame") return read(value, to.websocket_frame_limit);
  if (key != "paths") return kUnknownOption;
  const Remedy remedy = read(value, to.websocket_paths);
  const auto is_path = [](const std::string& path) { return path.starts_with('/'); };
  return remedy.empty() && !std::ranges::all_of(to.websocket_paths, is_path) ? "paths that begin with /" : remedy;
}

std::optional<PlanError> read_websocket(const json& value, ListenAddress& to) {
  if (!value.is_object()) return PlanError{"websocket", value.dump(), "an object"};
  for (const auto& [key, item] : value.items()) {
    if (auto error = refuse("websocket." + key, item, read_websocket_key(key, item, to))) return error;
  }
  return std::nullopt;
}

Remedy read_unix(const json& value, Address& to) {
  Remedy remedy = read(value, to.unix_path);
  if (remedy.empty() && (to.unix_path.empty() || to.unix_path.size() > kUnixPathLimit)) {
    remedy = "a path of 1 to " + std::to_string(kUnixPathLimit) + " bytes";
  }
  return remedy;
}

Remedy read_handshake_timeout(const json& value, Duration& to) {
  const Remedy remedy = read(value, to);
  return remedy.empty() && to == Duration::zero() ? "longer than 0" : remedy;
}

Remedy read_plain_key(const std::string& key, const json& value, ListenerConfig& listener) {
  ListenAddress& at = listener.at;
  if (key == "name") return read(value, listener.options.name);
  if (key == "protocol_versions") return read_protocol_versions(value, listener.options);
  if (key == "max_connections") return read(value, listener.options.max_connections);
  if (key == "allow_anonymous") return read(value, listener.options.allow_anonymous);
  if (key == "certificate_name_as_user") return read(value, listener.options.certificate_name_as_user);
  if (key == "host") return read(value, at.address.host);
  if (key == "port") return read(value, at.address.port);
  if (key == "unix") return read_unix(value, at.address);
  if (key == "protocols") return read_protocols(value, at.protocols);
  if (key == "plain_beside_tls") return read(value, at.plain_beside_tls);
  if (key == "proxy_protocol") return read(value, at.proxy_protocol);
  if (key == "trusted_proxies") return read(value, at.trusted_proxies);
  if (key == "handshake_timeout_ns") return read_handshake_timeout(value, at.handshake_limit);
  return kUnknownOption;
}

std::optional<PlanError> check_tls(const json& object, const ListenerConfig& listener) {
  const bool has_tls = listener.at.tls || listener.generates_certificate;
  if (!has_tls && object.value("plain_beside_tls", false)) {
    return PlanError{"plain_beside_tls", "true", "left out where there is no TLS"};
  }
  const bool asks = listener.at.tls && listener.at.tls->client_certificate != ClientCertificate::ignored;
  if (listener.options.certificate_name_as_user && (!asks || listener.at.plain_beside_tls)) {
    return PlanError{"certificate_name_as_user", "true",
                     asks ? "left out beside plain_beside_tls" : "used with tls.client_certificate"};
  }
  if (!listener.at.tls) return std::nullopt;
  if (!listener.at.tls->identity.is_given()) return PlanError{"tls.certificate", kNothing, "a file in PEM form"};
  if (const auto usable = net::check(*listener.at.tls); !usable) {
    return PlanError{"tls", kNothing, "usable: " + usable.error().text};
  }
  return std::nullopt;
}

std::optional<PlanError> check_proxies(const ListenAddress& at) {
  if (at.proxy_protocol && at.trusted_proxies.empty()) {
    return PlanError{"trusted_proxies", "[]", "the addresses or networks of the proxies that may use proxy_protocol"};
  }
  const json proxies = at.trusted_proxies;
  if (!at.proxy_protocol && !proxies.empty()) {
    return PlanError{"trusted_proxies", proxies.dump(), "left out without proxy_protocol"};
  }
  const auto trust = net::ProxyTrust::parse(at.trusted_proxies);
  if (!trust) return PlanError{"trusted_proxies", proxies.dump(), "usable: " + trust.error().text};
  return std::nullopt;
}

}  // namespace

ListenerConfig make_open_listener() {
  ListenerConfig listener{Address{"127.0.0.1", 0}};
  listener.at.protocols = {.mqtt = true, .websocket = true, .http = true};
  listener.at.plain_beside_tls = true;
  listener.generates_certificate = true;
  return listener;
}

std::optional<PlanError> read_listener_key(const std::string& key, const json& value, ListenerConfig& listener) {
  if (key == "tls") return read_tls(value, listener);
  if (key == "websocket") return read_websocket(value, listener.at);
  if (key == "http") return read_http(value, listener.http);
  return refuse(key, value, read_plain_key(key, value, listener));
}

std::optional<PlanError> check_listener(const json& object, const ListenerConfig& listener) {
  if (object.contains("unix") && object.contains("port")) {
    return PlanError{"port", object["port"].dump(), "left out beside unix"};
  }
  if (object.contains("websocket") && !listener.at.protocols.websocket) {
    return PlanError{"websocket", object["websocket"].dump(), R"(left out where protocols does not name "websocket")"};
  }
  if (object.contains("http") && !listener.at.protocols.http) {
    return PlanError{"http", object["http"].dump(), R"(left out where protocols does not name "http")"};
  }
  if (auto error = check_tls(object, listener)) return error;
  return check_proxies(listener.at);
}

}  // namespace mqtt_sim::engine
