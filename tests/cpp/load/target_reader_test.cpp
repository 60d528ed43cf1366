#include "core/load/target_reader.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>

#include "tests/cpp/load/plan_document.hpp"

namespace mqtt_sim::load {
namespace {

Json plan_with(const Json& target) {
  Json json = valid_plan();
  json["groups"][0]["target"] = target;
  return json;
}

Target target_of(const Json& target) {
  auto plan = parse_plan(plan_with(target).dump());
  if (plan.has_error()) throw std::runtime_error(plan.error().path + ": " + plan.error().message);
  return plan->groups[0].target;
}

TEST(TargetOfAGroup, IsThatOfThePlanOverTcpWhenItSaysNothing) {
  EXPECT_EQ(target_of(nullptr), Target(Address{"broker.example", 8883}));
  EXPECT_EQ(target_of(Json::object()), Target(Address{"broker.example", 8883}));
}

TEST(TargetOfAGroup, HasAnAddressAndATransportOfItsOwn) {
  const Target target = target_of({{"host", "other.example"}, {"port", 443}, {"transport", "wss"}});
  EXPECT_EQ(target.address, (Address{"other.example", 443}));
  EXPECT_EQ(target.transport, Transport::wss);
  EXPECT_EQ(target.tls, nullptr);
}

TEST(TargetOfAGroup, MayBeAUnixSocket) {
  const Target target = target_of({{"unix", "/run/mqtt.sock"}});
  EXPECT_EQ(target.address.unix_path, "/run/mqtt.sock");
  EXPECT_EQ(target.transport, Transport::tcp);
}

TEST(TargetOfAGroup, ReadsEveryOptionOfTls) {
  const Target target = target_of({{"transport", "tls"},
                                   {"tls",
                                    {{"reject_unauthorized", false},
                                     {"ca", {"a.pem", "b.pem"}},
                                     {"ca_directory", "cas"},
                                     {"ca_pem", "CA"},
                                     {"system_ca", true},
                                     {"crl", "crl.pem"},
                                     {"certificate", "c.pem"},
                                     {"certificate_pem", "C"},
                                     {"key", "k.pem"},
                                     {"key_pem", "K"},
                                     {"key_password", "secret"},
                                     {"server_name", "name.example"},
                                     {"alpn", {"mqtt"}},
                                     {"min_version", "1.3"},
                                     {"ciphers", "HIGH"},
                                     {"ciphersuites", "TLS_AES_128_GCM_SHA256"},
                                     {"resume", true},
                                     {"key_log", "keys.log"}}}});
  ASSERT_TRUE(target.tls);
  const TlsClientOptions& tls = *target.tls;
  EXPECT_FALSE(tls.verify);
  EXPECT_EQ(tls.trust.ca_files, (std::vector<std::string>{"a.pem", "b.pem"}));
  EXPECT_EQ(tls.trust.ca_directory, "cas");
  EXPECT_EQ(tls.trust.ca_pem, "CA");
  EXPECT_TRUE(tls.trust.system_store);
  EXPECT_EQ(tls.trust.crl_file, "crl.pem");
  EXPECT_EQ(tls.identity.certificate_file, "c.pem");
  EXPECT_EQ(tls.identity.certificate_pem, "C");
  EXPECT_EQ(tls.identity.key_file, "k.pem");
  EXPECT_EQ(tls.identity.key_pem, "K");
  EXPECT_EQ(tls.identity.key_password, "secret");
  EXPECT_EQ(tls.server_name, "name.example");
  EXPECT_EQ(tls.alpn, std::vector<std::string>{"mqtt"});
  EXPECT_EQ(tls.min_version, TlsVersion::tls1_3);
  EXPECT_EQ(tls.ciphers, "HIGH");
  EXPECT_EQ(tls.ciphersuites, "TLS_AES_128_GCM_SHA256");
  EXPECT_TRUE(tls.resume);
  EXPECT_EQ(tls.key_log_file, "keys.log");
}

TEST(TargetOfAGroup, VerifiesUnlessToldOtherwise) {
  const Target target = target_of({{"transport", "tls"}, {"tls", Json::object()}});
  EXPECT_TRUE(target.tls->verify);
  EXPECT_EQ(target.tls->min_version, TlsVersion::tls1_2);
}

TEST(TargetOfAGroup, ReadsTheRequestOfAWebSocket) {
  Json websocket = {{"path", "/broker?x=1"}, {"subprotocols", {"mqttv3.1", "mqtt"}}};
  websocket["headers"] = Json::array({Json::array({"X-One", "1"}), Json::array({"X-Two", "2"})});
  const Target target = target_of({{"transport", "ws"}, {"websocket", websocket}});
  EXPECT_EQ(target.websocket.path, "/broker?x=1");
  EXPECT_EQ(target.websocket.headers, (std::vector<HttpField>{{"X-One", "1"}, {"X-Two", "2"}}));
  EXPECT_EQ(target.websocket.subprotocols, (std::vector<std::string>{"mqttv3.1", "mqtt"}));
}

TEST(TargetOfAGroup, SharesTheOptionsOfTlsWithThoseThatSayTheSame) {
  Json json = valid_plan();
  const Json same = {{"transport", "tls"}, {"tls", {{"ca", {"ca.pem"}}}}};
  for (const size_t group : {0, 1, 2}) json["groups"][group]["target"] = same;
  json["groups"][2]["target"]["tls"]["resume"] = true;
  const auto plan = parse_plan(json.dump());
  ASSERT_TRUE(plan.has_value());
  EXPECT_EQ(plan->groups[0].target.tls, plan->groups[1].target.tls);
  EXPECT_NE(plan->groups[0].target.tls, plan->groups[2].target.tls);
}

struct Wrong {
  const char* name;
  Json target;
  const char* path;
  const char* message;
};

class WrongTarget : public ::testing::TestWithParam<Wrong> {};

TEST_P(WrongTarget, NamesThePathAndWhatWouldBeRight) {
  const auto plan = parse_plan(plan_with(GetParam().target).dump());
  ASSERT_TRUE(plan.has_error());
  EXPECT_EQ(plan.error().path, std::string("groups.0.target.") + GetParam().path);
  EXPECT_NE(plan.error().message.find(GetParam().message), std::string::npos) << plan.error().message;
}

INSTANTIATE_TEST_SUITE_P(
    Plans, WrongTarget,
    ::testing::Values(
        Wrong{"UnknownTransport", {{"transport", "quic"}}, "transport", "one of tcp, tls, ws, wss"},
        Wrong{"HostWithoutPort", {{"host", "a"}}, "port", "a whole number from 1 to 65535"},
        Wrong{"PortZero", {{"host", "a"}, {"port", 0}}, "port", "a whole number from 1 to 65535"},
        Wrong{"TlsOverAUnixSocket", {{"unix", "/a"}, {"transport", "tls"}}, "transport", "\"tcp\""},
        Wrong{"CaIsNoList", {{"transport", "tls"}, {"tls", {{"ca", "a.pem"}}}}, "tls.ca", "a list of texts"},
        Wrong{"VersionTooOld",
              {{"transport", "tls"}, {"tls", {{"min_version", "1.1"}}}},
              "tls.min_version",
              "one of 1.2, 1.3"},
        Wrong{"PathWithoutSlash", {{"transport", "ws"}, {"websocket", {{"path", "mqtt"}}}}, "websocket.path", "/"},
        Wrong{"HeadersAreNoPairs",
              {{"transport", "ws"}, {"websocket", {{"headers", {1, 2}}}}},
              "websocket.headers",
              "a list of pairs of texts"}),
    [](const auto& given) { return given.param.name; });

}  // namespace
}  // namespace mqtt_sim::load
