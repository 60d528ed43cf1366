// The ways a stream can be carried, for tests that must hold on all of them.
#pragma once

#include <memory>
#include <string>

#include "core/base/driver.hpp"
#include "tests/cpp/net/certificates.hpp"
#include "tests/cpp/net/recording_endpoint.hpp"

namespace mqtt_sim::net {

// One authority and one server certificate for the whole test program: making them takes a millisecond.
inline const Authority& authority() {
  static const Authority one;
  return one;
}
inline std::shared_ptr<TlsServerOptions> server_tls(const CertificateWish& wish = {}) {
  auto options = std::make_shared<TlsServerOptions>();
  options->identity = authority().issue(wish);
  return options;
}
inline std::shared_ptr<TlsClientOptions> client_tls() {
  auto options = std::make_shared<TlsClientOptions>();
  options->trust = authority().trust();
  return options;
}

inline ListenAddress rules_for(Transport transport) {
  ListenAddress rules(Address{"127.0.0.1", 0});
  rules.protocols = {.mqtt = !has_websocket(transport), .websocket = has_websocket(transport)};
  if (has_tls(transport)) rules.tls = server_tls();
  return rules;
}
inline Target target_for(Transport transport, const Address& at) {
  return Target(at, transport, has_tls(transport) ? client_tls() : nullptr);
}

// A client and a service that echoes, on one driver.
struct Carried {
  RecordingEndpoint client{StreamWish::open};
  RecordingService service;
  NetDriver driver;
  std::string detail;  // of the client's last end
  Waker* waker = nullptr;

  explicit Carried(NetOptions options = {}) : driver(std::move(options)) {
    client.when_closed = [this] { detail = driver.close_detail(); };
  }
  void carry(const ListenAddress& rules, Target target) {
    target.address = driver.listen(service, rules).value();
    waker = &driver.attach(client, target);
  }
  void carry(Transport transport) { carry(rules_for(transport), target_for(transport, {})); }
  bool opens() {
    return run_until_true(driver, [&] { return !client.openings.empty() || !client.closes.empty(); }) &&
           client.closes.empty();
  }
  bool closes() {
    return run_until_true(driver, [&] { return !client.closes.empty(); });
  }
  void say(std::string_view text) {
    client.say(text);
    waker->wake();
  }
};

}  // namespace mqtt_sim::net
