#include "core/engine/targets.hpp"

#include <gtest/gtest.h>

#include <memory>

namespace mqtt_sim::engine {
namespace {

ListenerConfig plain(uint16_t port) { return {Address{"127.0.0.1", port}}; }

ListenerConfig websocket(uint16_t port) {
  ListenerConfig listener = plain(port);
  listener.at.protocols = {.mqtt = false, .websocket = true};
  return listener;
}

ListenerConfig secured(ListenerConfig listener, bool plain_beside_tls = false) {
  listener.generates_certificate = true;
  listener.at.plain_beside_tls = plain_beside_tls;
  return listener;
}

ListenerConfig everything(uint16_t port) {
  ListenerConfig listener = secured(plain(port), true);
  listener.at.protocols.websocket = true;
  return listener;
}

load::Plan plan_of(std::initializer_list<Transport> transports) {
  load::Plan plan;
  for (const Transport transport : transports) {
    plan.groups.emplace_back();
    plan.groups.back().target.transport = transport;
  }
  return plan;
}

std::vector<Address> addresses_of(const std::vector<ListenerConfig>& listeners) {
  std::vector<Address> bound;
  for (const ListenerConfig& listener : listeners) bound.push_back(listener.at.address);
  return bound;
}

std::vector<uint16_t> ports_of(const std::vector<Target>& targets) {
  std::vector<uint16_t> ports;
  for (const Target& target : targets) ports.push_back(target.address.port);
  return ports;
}

const load::Plan kAllFour = plan_of({Transport::tcp, Transport::tls, Transport::ws, Transport::wss});

TEST(Targets, AreTheListenersThatTakeTheTransportOfEachGroup) {
  const std::vector<ListenerConfig> listeners = {secured(websocket(4)), websocket(3), secured(plain(2)), plain(1)};
  EXPECT_FALSE(check_targets(kAllFour, listeners));
  EXPECT_EQ(ports_of(make_targets(kAllFour, listeners, addresses_of(listeners), "")),
            (std::vector<uint16_t>{1, 2, 3, 4}));
}

TEST(Targets, MayAllBeOneListener) {
  const std::vector<ListenerConfig> listeners = {everything(7)};
  EXPECT_FALSE(check_targets(kAllFour, listeners));
  EXPECT_EQ(ports_of(make_targets(kAllFour, listeners, addresses_of(listeners), "")),
            (std::vector<uint16_t>{7, 7, 7, 7}));
}

TEST(Targets, OfAWildcardAreOnThisMachine) {
  std::vector<ListenerConfig> listeners = {plain(1)};
  listeners[0].at.address.host = "0.0.0.0";
  EXPECT_EQ(make_targets(plan_of({Transport::tcp}), listeners, addresses_of(listeners), "")[0].address.host,
            "127.0.0.1");
  listeners[0].at.address.host = "::";
  EXPECT_EQ(make_targets(plan_of({Transport::tcp}), listeners, addresses_of(listeners), "")[0].address.host, "::1");
}

struct Missing {
  const char* name;
  Transport transport;
  ListenerConfig listener;
};

class MissingListener : public ::testing::TestWithParam<Missing> {};

TEST_P(MissingListener, NamesTheGroupAndItsTransport) {
  load::Plan plan = plan_of({GetParam().transport});
  const auto error = check_targets(plan, {GetParam().listener});
  ASSERT_TRUE(error);
  EXPECT_EQ(error->path, "groups.0.target.transport");
  EXPECT_EQ(error->value, to_string(GetParam().transport));
  plan.target = Address{"broker.example", 1883};
  EXPECT_FALSE(check_targets(plan, {})) << "an outside broker is asked by connecting";
}

INSTANTIATE_TEST_SUITE_P(Listeners, MissingListener,
                         ::testing::Values(Missing{"TcpAtOneForTlsOnly", Transport::tcp, secured(plain(1))},
                                           Missing{"TcpAtOneForWebSocketOnly", Transport::tcp, websocket(1)},
                                           Missing{"TlsAtAPlainOne", Transport::tls, plain(1)},
                                           Missing{"WsAtOneForMqttOnly", Transport::ws, plain(1)},
                                           Missing{"WssAtAPlainWebSocket", Transport::wss, websocket(1)},
                                           Missing{"WsAtOneForTlsOnly", Transport::ws, secured(websocket(1))}),
                         [](const auto& given) { return given.param.name; });

TEST(Targets, ClientsThatTrustNobodyInParticularTrustTheBrokersOwnCa) {
  load::Plan plan = plan_of({Transport::tls, Transport::wss, Transport::tls, Transport::tls, Transport::tcp});
  auto own_ca = std::make_shared<TlsClientOptions>();
  own_ca->trust.ca_pem = "mine";
  plan.groups[2].target.tls = own_ca;
  auto resuming = std::make_shared<TlsClientOptions>();
  resuming->resume = true;
  plan.groups[3].target.tls = resuming;
  const std::vector<ListenerConfig> listeners = {everything(7)};
  const auto targets = make_targets(plan, listeners, addresses_of(listeners), "generated");
  EXPECT_EQ(targets[0].tls->trust.ca_pem, "generated");
  EXPECT_EQ(targets[0].tls, targets[1].tls) << "they share one context";
  EXPECT_EQ(targets[2].tls->trust.ca_pem, "mine");
  EXPECT_EQ(targets[3].tls->trust.ca_pem, "generated");
  EXPECT_TRUE(targets[3].tls->resume);
  EXPECT_EQ(targets[4].tls, nullptr);
}

TEST(Targets, AnOutsideBrokersCertificateIsCheckedWithTheSystemsTrust) {
  load::Plan plan = plan_of({Transport::tls});
  plan.target = plan.groups[0].target.address = Address{"broker.example", 8883};
  const auto targets = make_targets(plan, {}, {}, "generated");
  EXPECT_EQ(targets[0].address, *plan.target);
  EXPECT_EQ(targets[0].tls, nullptr);
}

TEST(Targets, TlsOptionsThatCannotWorkAreRefusedBeforeTheRun) {
  load::Plan plan = plan_of({Transport::tcp, Transport::tls});
  auto options = std::make_shared<TlsClientOptions>();
  options->trust.ca_files = {"no_such_ca.pem"};
  plan.groups[1].target.tls = options;
  const auto error = check_targets(plan, {everything(7)});
  ASSERT_TRUE(error);
  EXPECT_EQ(error->path, "groups.1.target.tls");
  EXPECT_NE(error->message.find("no_such_ca.pem"), std::string::npos) << error->message;
}

}  // namespace
}  // namespace mqtt_sim::engine
