// Certificates that are made on the spot, held against OpenSSL's strict verification. What a stream says about a wrong
// one is in tls_test.cpp.
#include "tests/cpp/net/certificates.hpp"

#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <set>

#include "core/base/time.hpp"
#include "core/net/tls_context.hpp"

namespace mqtt_sim::net {
namespace {

using namespace std::chrono_literals;
using Certificate = std::unique_ptr<X509, FreeBy<X509_free>>;

Certificate read(const std::string& pem) {
  const std::unique_ptr<BIO, FreeBy<BIO_free>> bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  return Certificate(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
}

struct Check {
  std::string host = {};
  std::string address = {};
  int purpose = X509_PURPOSE_SSL_SERVER;
};

// X509_V_OK, or what OpenSSL finds wrong.
int verified(const KeyPair& pair, const KeyPair& root, const Check& check = {}) {
  const std::unique_ptr<X509_STORE, FreeBy<X509_STORE_free>> store(X509_STORE_new());
  X509_STORE_add_cert(store.get(), read(root.certificate_pem).get());
  const std::unique_ptr<X509_STORE_CTX, FreeBy<X509_STORE_CTX_free>> context(X509_STORE_CTX_new());
  const Certificate leaf = read(pair.certificate_pem);
  X509_STORE_CTX_init(context.get(), store.get(), leaf.get(), nullptr);
  X509_VERIFY_PARAM* parameters = X509_STORE_CTX_get0_param(context.get());
  X509_VERIFY_PARAM_set_flags(parameters, X509_V_FLAG_X509_STRICT);
  X509_VERIFY_PARAM_set_purpose(parameters, check.purpose);
  if (!check.host.empty()) X509_VERIFY_PARAM_set1_host(parameters, check.host.c_str(), 0);
  if (!check.address.empty()) X509_VERIFY_PARAM_set1_ip_asc(parameters, check.address.c_str());
  X509_verify_cert(context.get());
  return X509_STORE_CTX_get_error(context.get());
}

struct Certificates : ::testing::Test {
  const CertificateAuthority authority = CertificateAuthority::make("test authority");

  KeyPair issue(const CertificateRequest& request) const { return authority.issue(request).value(); }
  std::string refusal(const CertificateRequest& request) const { return authority.issue(request).error().text; }
};

TEST_F(Certificates, stand_up_to_strict_verification) {
  RecordProperty("req", "X-38");
  const KeyPair server = issue({.common_name = "localhost", .names = {"localhost", "127.0.0.1", "::1"}});
  for (const Check& good : {Check{}, Check{.host = "localhost"}, Check{.address = "127.0.0.1"}, Check{.address = "::1"},
                            Check{.host = "LOCALHOST"}}) {
    EXPECT_EQ(verified(server, authority.own(), good), X509_V_OK) << good.host << good.address;
  }
  EXPECT_EQ(verified(server, authority.own(), {.host = "example.org"}), X509_V_ERR_HOSTNAME_MISMATCH);
  EXPECT_EQ(verified(server, authority.own(), {.address = "127.0.0.2"}), X509_V_ERR_IP_ADDRESS_MISMATCH);
}

TEST_F(Certificates, are_for_servers_or_for_clients) {
  const KeyPair server = issue({.common_name = "s", .names = {"localhost"}});
  const KeyPair client = issue({.common_name = "sensor 7", .is_server = false});
  const Check as_client{.purpose = X509_PURPOSE_SSL_CLIENT};
  EXPECT_EQ(verified(client, authority.own(), as_client), X509_V_OK);
  EXPECT_EQ(verified(client, authority.own()), X509_V_ERR_INVALID_PURPOSE);
  EXPECT_EQ(verified(server, authority.own(), as_client), X509_V_ERR_INVALID_PURPOSE);
}

TEST_F(Certificates, of_an_authority_of_the_same_name_are_told_apart) {
  const CertificateAuthority other = CertificateAuthority::make("test authority");
  EXPECT_NE(verified(issue({.common_name = "s"}), other.own()), X509_V_OK);
}

TEST_F(Certificates, may_be_over_or_not_begun) {
  const auto now = std::chrono::system_clock::now();
  EXPECT_EQ(verified(issue({.common_name = "s", .validity = {now - 2h, now - 1h}}), authority.own()),
            X509_V_ERR_CERT_HAS_EXPIRED);
  EXPECT_EQ(verified(issue({.common_name = "s", .validity = {now + 1h, now + 2h}}), authority.own()),
            X509_V_ERR_CERT_NOT_YET_VALID);
}

TEST_F(Certificates, hold_a_wildcard) {
  const KeyPair server = issue({.common_name = "s", .names = {"*.sim.test"}});
  EXPECT_EQ(verified(server, authority.own(), {.host = "broker.sim.test"}), X509_V_OK);
  EXPECT_EQ(verified(server, authority.own(), {.host = "sim.test"}), X509_V_ERR_HOSTNAME_MISMATCH);
}

TEST_F(Certificates, have_different_serial_numbers_that_are_positive) {
  std::set<std::string> seen;
  for (int i = 0; i < 100; ++i) {
    const Certificate one = read(issue({.common_name = "s"}).certificate_pem);
    const ASN1_INTEGER* serial = X509_get0_serialNumber(one.get());
    EXPECT_EQ(ASN1_STRING_type(serial), V_ASN1_INTEGER) << "not V_ASN1_NEG_INTEGER";
    EXPECT_LE(ASN1_STRING_length(serial), 20);
    seen.emplace(reinterpret_cast<const char*>(ASN1_STRING_get0_data(serial)),
                 static_cast<size_t>(ASN1_STRING_length(serial)));
  }
  EXPECT_EQ(seen.size(), 100u);
}

TEST_F(Certificates, come_with_a_key_of_the_form_that_everybody_reads) {
  EXPECT_TRUE(issue({.common_name = "s"}).key_pem.starts_with("-----BEGIN PRIVATE KEY-----\n"));
}

TEST_F(Certificates, refuse_names_that_none_can_hold) {
  const std::string label(63, 'a');
  const std::string bad[] = {"",
                             "a..b",
                             ".a",
                             "a.",
                             "a b",
                             "*",
                             "a.*.b",
                             "é",
                             "10.0.0",
                             "256.0.0.1",
                             "::1::",
                             "[::1]",
                             "a/b",
                             "a:1",
                             label + "b",
                             std::string("a\0b", 3),
                             label + "." + label + "." + label + "." + label};
  for (const std::string& name : bad) {
    EXPECT_EQ(refusal({.common_name = "s", .names = {"localhost", name}}),
              "name \"" + name + "\": neither an address nor a DNS name");
  }
  for (const std::string& name : {label + "." + label, std::string("a-b_c.1.test"), std::string("fe80::1")}) {
    EXPECT_TRUE(authority.issue({.common_name = "s", .names = {name}})) << name;
  }
}

TEST_F(Certificates, refuse_common_names_that_none_can_hold) {
  for (const std::string& name : {std::string(), std::string(65, 'a'), std::string("\xff"), std::string("a\0b", 3)}) {
    EXPECT_EQ(refusal({.common_name = name}), "common name \"" + name + "\": must be 1 to 64 bytes of UTF-8");
  }
  EXPECT_TRUE(authority.issue({.common_name = std::string(64, 'a')}));
}

TEST_F(Certificates, refuse_to_end_before_they_begin) {
  const auto now = std::chrono::system_clock::now();
  EXPECT_EQ(refusal({.common_name = "s", .validity = {now, now}}),
            "validity: must end after it begins, and before the year 10000");
}

TEST(CertificateAuthority, of_a_bad_name_is_a_mistake_of_the_caller) {
  EXPECT_DEATH(CertificateAuthority::make(""), "set_common_name");
}

}  // namespace
}  // namespace mqtt_sim::net
