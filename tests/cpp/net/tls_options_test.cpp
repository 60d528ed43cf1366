// What is said about TLS options that cannot work, before any stream is opened.
#include <gtest/gtest.h>

#include <functional>

#include "core/net/tls_check.hpp"
#include "tests/cpp/net/transports.hpp"

namespace mqtt_sim::net {
namespace {

struct Mistake {
  const char* name;
  std::function<void(TlsClientOptions&, const TemporaryDirectory&)> make;
  std::string text;  // DIR stands for the directory
};

const Mistake kMistakes[] = {
    {"missing certificate", [](auto& o, const auto& d) { o.identity.certificate_file = d.path("none.pem"); },
     "cannot read certificate DIR/none.pem: No such file or directory"},
    {"certificate that is a directory", [](auto& o, const auto& d) { o.identity.certificate_file = d.path(""); },
     "certificate DIR/: is a directory"},
    {"certificate that is none",
     [](auto& o, const auto& d) { o.identity.certificate_file = d.write("c.pem", "hello"); },
     "certificate DIR/c.pem: holds no certificate in PEM form"},
    {"certificate without a key",
     [](auto& o, const auto&) { o.identity.certificate_pem = authority().issue().certificate_pem; },
     "certificate (PEM text): its private key is missing"},
    {"key of another certificate",
     [](auto& o, const auto&) {
       o.identity = authority().issue();
       o.identity.key_pem = authority().issue().key_pem;
     },
     "private key (PEM text): does not fit certificate (PEM text)"},
    {"key that is none",
     [](auto& o, const auto& d) {
       o.identity = authority().issue();
       o.identity.key_pem.clear();
       o.identity.key_file = d.write("k.pem", "-----BEGIN NOTHING-----");
     },
     "private key DIR/k.pem: not a private key in PEM form"},
    {"wrong password",
     [](auto& o, const auto&) {
       o.identity = authority().issue();
       o.identity.key_pem = encrypted(o.identity.key_pem, "right");
       o.identity.key_password = "wrong";
     },
     "private key (PEM text): wrong password"},
    {"no password",
     [](auto& o, const auto&) {
       o.identity = authority().issue();
       o.identity.key_pem = encrypted(o.identity.key_pem, "right");
     },
     "private key (PEM text): is encrypted, and no password was given"},
    {"CA file that holds none", [](auto& o, const auto& d) { o.trust.ca_files = {d.write("ca.pem", "")}; },
     "CA file DIR/ca.pem: holds no certificate in PEM form"},
    {"CA directory that is missing", [](auto& o, const auto& d) { o.trust.ca_directory = d.path("none"); },
     "cannot read CA directory DIR/none: No such file or directory"},
    {"CA directory that holds none",
     [](auto& o, const auto& d) {
       d.write("dir/readme.txt", "nothing");
       o.trust.ca_directory = d.path("dir");
     },
     "CA directory DIR/dir: holds no certificate in PEM form"},
    {"revocation list that is none",
     [](auto& o, const auto& d) {
       o.trust = authority().trust();
       o.trust.crl_file = d.write("list.pem", "nothing");
     },
     "revocation list DIR/list.pem: holds no revocation list in PEM form"},
    {"ciphers", [](auto& o, const auto&) { o.ciphers = "ROT13"; }, "ciphers \"ROT13\": none of them is known"},
    {"ciphersuites", [](auto& o, const auto&) { o.ciphersuites = "ROT13"; },
     "ciphersuites \"ROT13\": not all of them are known"},
    {"ALPN", [](auto& o, const auto&) { o.alpn = {""}; }, "ALPN name of 0 bytes"},
    {"key log", [](auto& o, const auto& d) { o.key_log_file = d.path("none/keys"); },
     "cannot write key log DIR/none/keys: No such file or directory"},
};

TEST(TlsOptions, each_mistake_has_its_error) {
  for (const Mistake& row : kMistakes) {
    SCOPED_TRACE(row.name);
    const TemporaryDirectory directory;
    TlsClientOptions options;
    row.make(options, directory);
    const auto checked = check(options);
    ASSERT_FALSE(checked);
    std::string text = row.text;
    if (const size_t at = text.find("DIR/"); at != std::string::npos) text.replace(at, 4, directory.path(""));
    EXPECT_EQ(checked.error().text, text);
  }
}

TEST(TlsOptions, trust_may_come_as_files_directory_or_text) {
  const TemporaryDirectory directory;
  const Authority first("first");
  const Authority second("second");
  TlsClientOptions options;
  options.trust.ca_files = {directory.write("a.pem", first.pem()),
                            directory.write("b.pem", first.pem() + second.pem())};
  options.trust.ca_pem = second.pem();
  options.trust.ca_directory = directory.path("");
  EXPECT_TRUE(check(options));
}

TEST(TlsOptions, a_listener_refuses_what_cannot_work) {
  RecordingService service;
  NetDriver driver;
  ListenAddress rules(Address{"127.0.0.1", 0});
  auto options = std::make_shared<TlsServerOptions>();
  rules.tls = options;
  const std::string begin = "cannot listen on 127.0.0.1:0: ";
  EXPECT_EQ(driver.listen(service, rules).error().text, begin + "a TLS listener needs a certificate");
  options->identity = authority().issue();
  options->client_certificate = ClientCertificate::required;
  EXPECT_EQ(driver.listen(service, rules).error().text,
            begin + "client certificates are asked for, and no CA is given");
  options->trust = authority().trust();
  EXPECT_TRUE(driver.listen(service, rules));
  EXPECT_TRUE(check(*options));
}

}  // namespace
}  // namespace mqtt_sim::net
