// TLS contexts lack nothing for being made in a library context of their own: what is offered, and whom it can talk to.
#include "core/net/tls_library.hpp"

#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <openssl/provider.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "core/net/openssl_types.hpp"
#include "core/net/tls_layer.hpp"
#include "tests/cpp/net/certificates.hpp"

namespace mqtt_sim::net {
namespace {

using Context = std::unique_ptr<SSL_CTX, FreeBy<SSL_CTX_free>>;

Context made_in(OSSL_LIB_CTX* library) { return Context(SSL_CTX_new_ex(library, nullptr, TLS_method())); }

std::vector<std::string> ciphers_of(SSL_CTX* context) {
  std::vector<std::string> names;
  const STACK_OF(SSL_CIPHER)* ciphers = SSL_CTX_get_ciphers(context);
  for (int i = 0; i < sk_SSL_CIPHER_num(ciphers); ++i) {
    names.emplace_back(SSL_CIPHER_get_name(sk_SSL_CIPHER_value(ciphers, i)));
  }
  return names;
}

Key make_key(const std::string& kind) {
  if (kind.starts_with("P-")) return Key(EVP_EC_gen(kind.c_str()));
  if (!kind.starts_with("RSA")) return Key(EVP_PKEY_Q_keygen(nullptr, nullptr, kind.c_str()));
  const std::unique_ptr<EVP_PKEY_CTX, FreeBy<EVP_PKEY_CTX_free>> making(
      EVP_PKEY_CTX_new_from_name(nullptr, kind.c_str(), nullptr));
  EVP_PKEY_keygen_init(making.get());
  EVP_PKEY_CTX_set_rsa_keygen_bits(making.get(), 2048);
  EVP_PKEY* key = nullptr;
  EVP_PKEY_generate(making.get(), &key);
  return Key(key);
}

std::string text_of(const Bio& bio) {
  char* text = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &text);
  return {text, static_cast<size_t>(size)};
}

// Vouches for itself, for localhost.
TlsIdentity identity_with(const std::string& kind) {
  const Key key = make_key(kind);
  const Certificate certificate(X509_new());
  X509_set_version(certificate.get(), X509_VERSION_3);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -60);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 3600);
  X509_set_pubkey(certificate.get(), key.get());
  X509_NAME* name = X509_get_subject_name(certificate.get());
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, reinterpret_cast<const uint8_t*>("localhost"), -1, -1, 0);
  X509_set_issuer_name(certificate.get(), name);
  X509_sign(certificate.get(), key.get(), kind.starts_with("ED") ? nullptr : EVP_sha256());

  TlsIdentity identity;
  const Bio own(BIO_new(BIO_s_mem()));
  PEM_write_bio_X509(own.get(), certificate.get());
  identity.certificate_pem = text_of(own);
  const Bio secret(BIO_new(BIO_s_mem()));
  PEM_write_bio_PrivateKey(secret.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  identity.key_pem = text_of(secret);
  return identity;
}

// Both sides show the same certificate, which both believe.
struct Acquaintance {
  TlsServerOptions server;
  TlsClientOptions client;
  int version = 0;  // the newest that the client speaks; 0: whatever it can

  explicit Acquaintance(const std::string& kind) {
    server.identity = client.identity = identity_with(kind);
    server.trust.ca_pem = client.trust.ca_pem = server.identity.certificate_pem;
    server.client_certificate = ClientCertificate::required;
  }

  // Empty: they met, and each knows the other's name.
  std::string shake_hands() const {
    const auto of_server = TlsContext::make_server(server);
    const auto of_client = TlsContext::make_client(client, "localhost");
    if (!of_server || !of_client) return (of_server ? of_client : of_server).error().text;
    SSL_CTX_set_max_proto_version((*of_client)->context(), version);
    std::vector<uint8_t> plain(32 * 1024);
    TlsLayer from(**of_client, plain);
    TlsLayer to(**of_server, plain);
    for (int i = 0; i < 4; ++i) {
      pass(from, to);
      pass(to, from);
    }
    if (from.peer_name() == "localhost" && to.peer_name() == "localhost") return {};
    return "client: " + from.problem() + ", server: " + to.problem();
  }

  static void pass(TlsLayer& speaker, TlsLayer& listener) {
    WireBuffer said;
    speaker.give({}, said);
    listener.put(said.bytes());
    listener.take();
  }
};

TEST(TlsLibrary, is_used_where_openssl_looks_through_everything) {
  const bool forgets = OPENSSL_version_major() == 3 && OPENSSL_version_minor() < 2;
  EXPECT_EQ(tls_library() != nullptr, forgets);
  EXPECT_EQ(tls_library(), tls_library());
}

// In a process of its own, since OpenSSL reads its configuration once.
TEST(TlsLibrary, leaves_alone_where_other_providers_are_configured) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const TemporaryDirectory directory;
  const std::string configuration = directory.write("openssl.cnf",
                                                    "openssl_conf = all\n[all]\nproviders = providers\n"
                                                    "[providers]\ndefault = used\nnull = used\n[used]\nactivate = 1\n");
  const auto look = [&] {
    ::setenv("OPENSSL_CONF", configuration.c_str(), 1);
    const bool has_others = OSSL_PROVIDER_available(nullptr, "null") == 1;
    std::_Exit(has_others && tls_library() == nullptr ? 0 : 1);
  };
  EXPECT_EXIT(look(), ::testing::ExitedWithCode(0), "");
}

TEST(TlsLibrary, offers_the_ciphers_that_openssl_offers) {
  const Context ours = made_in(tls_library());
  const Context usual = made_in(nullptr);
  ASSERT_TRUE(ours && usual);
  EXPECT_FALSE(ciphers_of(usual.get()).empty());
  EXPECT_EQ(ciphers_of(ours.get()), ciphers_of(usual.get()));
  EXPECT_EQ(SSL_CTX_get_security_level(ours.get()), SSL_CTX_get_security_level(usual.get()));
}

TEST(TlsLibrary, knows_the_groups_and_signatures_that_openssl_knows) {
  for (OSSL_LIB_CTX* library : {tls_library(), static_cast<OSSL_LIB_CTX*>(nullptr)}) {
    const Context context = made_in(library);
    for (const char* group : {"X25519", "P-256", "X448", "P-521", "P-384", "ffdhe2048", "ffdhe3072", "ffdhe8192"}) {
      EXPECT_EQ(SSL_CTX_set1_groups_list(context.get(), group), 1) << group;
    }
    EXPECT_EQ(SSL_CTX_set1_sigalgs_list(context.get(),
                                        "ECDSA+SHA256:ECDSA+SHA384:ECDSA+SHA512:ed25519:ed448:RSA-PSS+SHA256:"
                                        "rsa_pss_pss_sha512:RSA+SHA256:RSA+SHA512"),
              1);
  }
}

TEST(TlsLibrary, certificates_with_every_kind_of_key_are_believed) {
  for (const char* kind : {"P-256", "P-384", "P-521", "RSA", "RSA-PSS", "ED25519", "ED448"}) {
    EXPECT_EQ(Acquaintance(kind).shake_hands(), "") << kind;
  }
}

TEST(TlsLibrary, every_cipher_that_is_offered_is_spoken) {
  const Context usual = made_in(nullptr);
  Acquaintance with_curve("P-256");
  Acquaintance with_rsa("RSA");
  size_t count = 0;
  for (const std::string& cipher : ciphers_of(usual.get())) {
    const bool is_of_1_3 = cipher.starts_with("TLS_");
    const bool needs_more = cipher.find("DHE-RSA") == 0 || cipher.find("PSK") != cipher.npos ||
                            cipher.find("SRP") != cipher.npos;  // a server with parameters or passwords for it
    if (needs_more) continue;
    Acquaintance& both = cipher.find("ECDSA") != cipher.npos ? with_curve : with_rsa;
    both.client.ciphers = is_of_1_3 ? "" : cipher;
    both.version = is_of_1_3 ? TLS1_3_VERSION : TLS1_2_VERSION;
    both.client.ciphersuites = is_of_1_3 ? cipher : "";
    EXPECT_EQ(both.shake_hands(), "") << cipher;
    ++count;
  }
  EXPECT_GE(count, 15u);
}

TEST(TlsLibrary, threads_may_end_after_they_used_it) {
  const Acquaintance both("P-256");
  std::vector<std::string> problems(4, "not tried");
  for (int round = 0; round < 2; ++round) {
    std::vector<std::thread> threads;
    for (std::string& problem : problems) {
      threads.emplace_back([&] { problem = both.shake_hands(); });
    }
    for (std::thread& each : threads) each.join();
    EXPECT_EQ(problems, std::vector<std::string>(4));
  }
}

}  // namespace
}  // namespace mqtt_sim::net
