// What a user may say about one way in, and how what is wrong is answered.
#include "core/engine/listener_config.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "core/engine/broker_config.hpp"
#include "core/net/certificates.hpp"

namespace mqtt_sim::engine {
namespace {

using nlohmann::json;
using std::chrono::seconds;

const net::CertificateAuthority& authority() {
  static const auto one = net::CertificateAuthority::make("test authority");
  return one;
}

json certificate() {
  const auto pair = authority().issue({.common_name = "localhost", .names = {"localhost"}});
  return {{"certificate_pem", pair->certificate_pem}, {"key_pem", pair->key_pem}};
}

json mutual() {
  json tls = certificate();
  tls["client_certificate"] = "required";
  tls["ca_pem"] = authority().own().certificate_pem;
  return tls;
}

json with(json object, const char* key, const json& value) {
  object[key] = value;
  return object;
}

ListenerConfig only_listener(const json& document) {
  const auto config = parse_broker_config(document.dump());
  EXPECT_TRUE(config) << (config ? "" : config.error().path + ": " + config.error().message);
  return config ? config->listeners.front() : ListenerConfig{};
}

ListenerConfig strict_listener(const json& listener) { return only_listener({{"listeners", {listener}}}); }

TEST(ListenerConfig, IsOnePortForEverythingUnlessTold) {
  RecordProperty("req", "M-28");
  const ListenerConfig open = only_listener(json::object());
  EXPECT_TRUE(open.at.protocols.mqtt && open.at.protocols.websocket && open.at.protocols.http);
  EXPECT_TRUE(open.generates_certificate);
  EXPECT_TRUE(open.at.plain_beside_tls);
  EXPECT_FALSE(open.at.tls) << "it is made when the broker is";
  EXPECT_EQ(open.at.handshake_limit, seconds(10));
  EXPECT_EQ(open.at.handshakes_limit, 100'000u);
}

TEST(ListenerConfig, OfAListIsPlainMqttUnlessTold) {
  const ListenerConfig strict = strict_listener(json::object());
  EXPECT_TRUE(strict.at.protocols.mqtt);
  EXPECT_FALSE(strict.at.protocols.websocket || strict.at.protocols.http || strict.generates_certificate);
  EXPECT_FALSE(strict.at.plain_beside_tls || strict.at.tls);
}

TEST(ListenerConfig, TakesPlainStreamsBesideItsOwnCertificateOnly) {
  EXPECT_FALSE(only_listener({{"tls", certificate()}}).at.plain_beside_tls);
  EXPECT_FALSE(only_listener({{"tls", "off"}}).at.plain_beside_tls);
  EXPECT_FALSE(strict_listener({{"tls", "auto"}}).at.plain_beside_tls);
  EXPECT_TRUE(only_listener({{"tls", certificate()}, {"plain_beside_tls", true}}).at.plain_beside_tls);
  EXPECT_FALSE(only_listener({{"plain_beside_tls", false}}).at.plain_beside_tls);
}

TEST(ListenerConfig, ReadsEveryKeyOfTls) {
  RecordProperty("req", "X-24");
  json tls = mutual();
  tls.update({{"min_version", "1.3"},
              {"ciphers", "ECDHE-ECDSA-AES128-GCM-SHA256"},
              {"ciphersuites", "TLS_AES_128_GCM_SHA256"},
              {"alpn", {"mqtt"}},
              {"session_tickets", 0},
              {"key_log", "/dev/null"}});
  const ListenerConfig listener = strict_listener({{"tls", tls}, {"certificate_name_as_user", true}});
  ASSERT_TRUE(listener.at.tls);
  const TlsServerOptions& read = *listener.at.tls;
  EXPECT_EQ(read.identity.certificate_pem, tls["certificate_pem"]);
  EXPECT_EQ(read.identity.key_pem, tls["key_pem"]);
  EXPECT_EQ(read.client_certificate, ClientCertificate::required);
  EXPECT_EQ(read.trust.ca_pem, authority().own().certificate_pem);
  EXPECT_EQ(read.min_version, TlsVersion::tls1_3);
  EXPECT_EQ(read.ciphers, "ECDHE-ECDSA-AES128-GCM-SHA256");
  EXPECT_EQ(read.ciphersuites, "TLS_AES_128_GCM_SHA256");
  EXPECT_EQ(read.alpn, std::vector<std::string>{"mqtt"});
  EXPECT_EQ(read.session_tickets, 0u);
  EXPECT_EQ(read.key_log_file, "/dev/null");
  EXPECT_TRUE(listener.options.certificate_name_as_user);
}

TEST(ListenerConfig, ReadsEveryOtherKey) {
  const ListenerConfig listener = strict_listener(
      {{"protocols", {"websocket", "http"}},
       {"websocket",
        {{"paths", {"/a", "/b"}}, {"subprotocols", {"mqtt"}}, {"origins", {"https://a.example"}}, {"max_frame", 1000}}},
       {"proxy_protocol", true},
       {"trusted_proxies", {"10.0.0.0/8", "unix"}},
       {"handshake_timeout_ns", 5},
       {"unix", "/tmp/a"}});
  EXPECT_FALSE(listener.at.protocols.mqtt);
  EXPECT_TRUE(listener.at.protocols.websocket && listener.at.protocols.http);
  EXPECT_EQ(listener.at.websocket_paths, (std::vector<std::string>{"/a", "/b"}));
  EXPECT_EQ(listener.at.subprotocols, std::vector<std::string>{"mqtt"});
  EXPECT_EQ(listener.at.origins, std::vector<std::string>{"https://a.example"});
  EXPECT_EQ(listener.at.websocket_frame_limit, 1000u);
  EXPECT_TRUE(listener.at.proxy_protocol);
  EXPECT_EQ(listener.at.trusted_proxies, (std::vector<std::string>{"10.0.0.0/8", "unix"}));
  EXPECT_EQ(listener.at.handshake_limit, Duration(5));
  EXPECT_EQ(listener.at.address.unix_path, "/tmp/a");
}

TEST(ListenerConfig, LetsHandshakesTakeAsLongAndBeAsManyAsTheBrokerAllows) {
  const json limits = {{"connect_timeout_ns", 7}, {"max_half_open", 3}};
  EXPECT_EQ(only_listener(limits).at.handshake_limit, Duration(7));
  EXPECT_EQ(only_listener(limits).at.handshakes_limit, 3u);
  const ListenerConfig listed = only_listener(with(limits, "listeners", json::array({json::object()})));
  EXPECT_EQ(listed.at.handshake_limit, Duration(7));
  EXPECT_EQ(listed.at.handshakes_limit, 3u);
}

TEST(ListenerConfig, NamesWhatIsWrong) {
  struct Wrong {
    json listener;
    const char* path;
    const char* message;
  };
  const json proxies = {{"proxy_protocol", true}, {"trusted_proxies", {"10.0.0.0/40"}}};
  const Wrong cases[] = {
      {{{"protocols", json::array()}}, "protocols", R"(a list of at least one of "mqtt", "websocket" and "http")"},
      {{{"protocols", {"amqp"}}}, "protocols", R"(a list of at least one of "mqtt", "websocket" and "http")"},
      {{{"tls", "on"}}, "tls", R"("auto", "off" or an object)"},
      {{{"tls", {{"certifcate", "x"}}}}, "tls.certifcate", "a known option"},
      {{{"tls", {{"min_version", "1.1"}}}}, "tls.min_version", "one of 1.2 1.3"},
      {{{"tls", {{"client_certificate", true}}}}, "tls.client_certificate", "one of ignored requested required"},
      {{{"tls", json::object()}}, "tls.certificate", "a file in PEM form"},
      {{{"tls", {{"min_version", "1.3"}}}}, "tls.certificate", "a file in PEM form"},
      {{{"plain_beside_tls", true}, {"tls", "off"}}, "plain_beside_tls", "left out where there is no TLS"},
      {{{"certificate_name_as_user", true}, {"tls", "off"}},
       "certificate_name_as_user",
       "used with tls.client_certificate"},
      {{{"certificate_name_as_user", true}, {"tls", certificate()}},
       "certificate_name_as_user",
       "used with tls.client_certificate"},
      {{{"certificate_name_as_user", true}, {"tls", mutual()}, {"plain_beside_tls", true}},
       "certificate_name_as_user",
       "left out beside plain_beside_tls"},
      {{{"websocket", 1}}, "websocket", "an object"},
      {{{"websocket", {{"path", "/"}}}}, "websocket.path", "a known option"},
      {{{"websocket", {{"paths", {"a"}}}}}, "websocket.paths", "paths that begin with /"},
      {{{"websocket", json::object()}, {"protocols", {"mqtt"}}},
       "websocket",
       R"(left out where protocols does not name "websocket")"},
      {{{"proxy_protocol", true}},
       "trusted_proxies",
       "the addresses or networks of the proxies that may use proxy_protocol"},
      {{{"trusted_proxies", {"::1"}}}, "trusted_proxies", "left out without proxy_protocol"},
      {{{"unix", "/tmp/a"}, {"port", 1}}, "port", "left out beside unix"},
      {{{"unix", ""}}, "unix", "a path of 1 to 107 bytes"},
      {{{"unix", std::string(108, 'x')}}, "unix", "a path of 1 to 107 bytes"},
      {{{"handshake_timeout_ns", 0}}, "handshake_timeout_ns", "longer than 0"},
  };
  for (const auto& [listener, path, message] : cases) {
    const auto alone = parse_broker_config(listener.dump());
    ASSERT_FALSE(alone) << listener;
    EXPECT_EQ(alone.error().path, path);
    EXPECT_EQ(alone.error().message, message);
    const auto listed = parse_broker_config(json{{"listeners", {json::object(), listener}}}.dump());
    ASSERT_FALSE(listed) << listener;
    EXPECT_EQ(listed.error().path, "listeners[1]." + std::string(path));
    EXPECT_EQ(listed.error().message, message);
  }
  const auto network = parse_broker_config(proxies.dump());
  ASSERT_FALSE(network);
  EXPECT_EQ(network.error().path, "trusted_proxies");
  EXPECT_EQ(network.error().message.rfind("usable: ", 0), 0u) << network.error().message;
}

std::string complaint_about_tls(const json& tls) {
  const auto config = parse_broker_config(json{{"tls", tls}}.dump());
  return config ? "nothing" : config.error().path + ": " + config.error().message;
}

TEST(ListenerConfig, TriesItsCertificatesOut) {
  RecordProperty("req", "X-24");
  EXPECT_EQ(complaint_about_tls(mutual()), "nothing");
  const json other = certificate();
  const struct {
    json tls;
    const char* message;
  } cases[] = {
      {{{"certificate", "/nowhere.pem"}, {"key", "/nowhere-key.pem"}},
       "tls: usable: cannot read certificate /nowhere.pem: No such file or directory"},
      {{{"certificate", "/tmp"}, {"key", "/tmp"}}, "tls: usable: certificate /tmp: is a directory"},
      {{{"certificate", "/dev/null"}, {"key", "/dev/null"}},
       "tls: usable: certificate /dev/null: holds no certificate in PEM form"},
      {{{"certificate_pem", other["certificate_pem"]}},
       "tls: usable: certificate (PEM text): its private key is missing"},
      {with(certificate(), "key_pem", other["key_pem"]),
       "tls: usable: private key (PEM text): does not fit certificate (PEM text)"},
      {with(certificate(), "key_pem", "nonsense"),
       "tls: usable: private key (PEM text): not a private key in PEM form"},
      {with(certificate(), "client_certificate", "required"),
       "tls: usable: client certificates are asked for, and no CA is given"},
      {with(mutual(), "ca_pem", "nonsense"), "tls: usable: CA (PEM text): holds no certificate in PEM form"},
      {with(mutual(), "ca", "/nowhere.pem"),
       "tls: usable: cannot read CA file /nowhere.pem: No such file or directory"},
      {with(mutual(), "crl", "/dev/null"),
       "tls: usable: revocation list /dev/null: holds no revocation list in PEM form"},
      {with(certificate(), "ciphers", "ROT13"), "tls: usable: ciphers \"ROT13\": none of them is known"},
      {with(certificate(), "ciphersuites", "ROT13"), "tls: usable: ciphersuites \"ROT13\": not all of them are known"},
      {with(certificate(), "alpn", {""}), "tls: usable: ALPN name of 0 bytes"},
  };
  for (const auto& [tls, message] : cases) EXPECT_EQ(complaint_about_tls(tls), message);
}

TEST(ListenerConfig, ShowsNoSecretInAnError) {
  for (const json& tls : {json{{"key_pem", 4711}}, json{{"key_password", 4711}}}) {
    const auto config = parse_broker_config(json{{"tls", tls}}.dump());
    ASSERT_FALSE(config);
    EXPECT_EQ(config.error().value, "nothing");
  }
  const auto beside = parse_broker_config(json{{"tls", certificate()}, {"listeners", {json::object()}}}.dump());
  ASSERT_FALSE(beside);
  EXPECT_EQ(beside.error().path, "tls");
  EXPECT_EQ(beside.error().message, "left out beside listeners");
  EXPECT_EQ(beside.error().value, "what is not shown");
}

}  // namespace
}  // namespace mqtt_sim::engine
