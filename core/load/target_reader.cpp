#include "core/load/target_reader.hpp"

#include <utility>

namespace mqtt_sim::load {
namespace {

TlsIdentity read_identity(const Reader& in) {
  TlsIdentity identity;
  identity.certificate_file = in.text_or("certificate", "");
  identity.certificate_pem = in.text_or("certificate_pem", "");
  identity.key_file = in.text_or("key", "");
  identity.key_pem = in.text_or("key_pem", "");
  identity.key_password = in.text_or("key_password", "");
  return identity;
}

TlsTrust read_trust(const Reader& in) {
  TlsTrust trust;
  trust.ca_files = in.texts("ca");
  trust.ca_directory = in.text_or("ca_directory", "");
  trust.ca_pem = in.text_or("ca_pem", "");
  trust.crl_file = in.text_or("crl", "");
  trust.system_store = in.boolean_or("system_ca", false);
  return trust;
}

TlsClientOptions read_tls(const Reader& in) {
  TlsClientOptions tls;
  tls.verify = in.boolean_or("reject_unauthorized", true);
  tls.trust = read_trust(in);
  tls.identity = read_identity(in);
  tls.server_name = in.text_or("server_name", "");
  tls.alpn = in.texts("alpn");
  if (!in.is_null("min_version"))
    tls.min_version = in.choice<TlsVersion>("min_version", {{"1.2", TlsVersion::tls1_2}, {"1.3", TlsVersion::tls1_3}});
  tls.ciphers = in.text_or("ciphers", "");
  tls.ciphersuites = in.text_or("ciphersuites", "");
  tls.resume = in.boolean_or("resume", false);
  tls.key_log_file = in.text_or("key_log", "");
  return tls;
}

WebSocketTarget read_websocket(const Reader& in) {
  WebSocketTarget websocket;
  websocket.path = in.text_or("path", websocket.path);
  if (!websocket.path.starts_with('/')) in.fail("path", "a path that begins with /");
  for (auto& [name, value] : in.user_properties("headers")) websocket.headers.push_back({name, value});
  if (!in.is_null("subprotocols")) websocket.subprotocols = in.texts("subprotocols");
  return websocket;
}

ProxyOptions read_proxy(const Reader& in) {
  ProxyOptions proxy;
  proxy.kind = in.choice<ProxyKind>(
      "kind", {{"socks5", ProxyKind::socks5}, {"socks5h", ProxyKind::socks5h}, {"http", ProxyKind::http}});
  proxy.host = in.text("host");
  proxy.port = in.integer<uint16_t>("port", 1, UINT16_MAX);
  proxy.user_name = in.text_or("username", "");
  proxy.password = in.text_or("password", "");
  return proxy;
}

}  // namespace

Address read_address(const Reader& in) {
  Address address;
  if (!in.is_null("memory")) {
    address.memory_name = in.text("memory");
  } else if (in.is_null("unix")) {
    address.host = in.text("host");
    address.port = in.integer<uint16_t>("port", 1, UINT16_MAX);
  } else {
    address.unix_path = in.text("unix");
  }
  return address;
}

Target TargetReader::read(const Reader& in, const Address& otherwise) {
  const bool has_address = !in.is_null("host") || !in.is_null("unix") || !in.is_null("memory");
  Target target(has_address ? read_address(in) : otherwise);
  if (!in.is_null("transport"))
    target.transport = in.choice<Transport>(
        "transport",
        {{"tcp", Transport::tcp}, {"tls", Transport::tls}, {"ws", Transport::ws}, {"wss", Transport::wss}});
  if (!in.is_null("tls") && has_tls(target.transport)) {
    std::shared_ptr<const TlsClientOptions>& tls = tls_[in.json()["tls"].dump()];
    if (!tls) tls = std::make_shared<const TlsClientOptions>(read_tls(in.at("tls")));
    target.tls = tls;
  }
  if (!in.is_null("websocket")) target.websocket = read_websocket(in.at("websocket"));
  if (!in.is_null("proxy")) target.proxy = read_proxy(in.at("proxy"));
  if (!target.address.unix_path.empty() && target.transport != Transport::tcp)
    in.fail("transport", "\"tcp\" over a Unix-domain socket");
  return target;
}

}  // namespace mqtt_sim::load
