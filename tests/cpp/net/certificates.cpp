#include "tests/cpp/net/certificates.hpp"

#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

#include <fstream>

namespace mqtt_sim::net {
namespace {

std::string text_of(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  std::string text(data, static_cast<size_t>(size));
  BIO_free(bio);
  return text;
}

BIO* bio_of(const std::string& text) { return BIO_new_mem_buf(text.data(), static_cast<int>(text.size())); }

X509* certificate_of(const std::string& pem) {
  BIO* in = bio_of(pem);
  X509* certificate = PEM_read_bio_X509(in, nullptr, nullptr, nullptr);
  BIO_free(in);
  return certificate;
}

EVP_PKEY* key_of(const std::string& pem) {
  BIO* in = bio_of(pem);
  EVP_PKEY* key = PEM_read_bio_PrivateKey(in, nullptr, nullptr, nullptr);
  BIO_free(in);
  return key;
}

TlsIdentity identity_of(const KeyPair& pair) {
  TlsIdentity identity;
  identity.certificate_pem = pair.certificate_pem;
  identity.key_pem = pair.key_pem;
  return identity;
}

Validity validity_of(const CertificateWish& wish) {
  const auto now = std::chrono::system_clock::now();
  return {now + wish.valid_from, now + wish.valid_until};
}

}  // namespace

TlsIdentity Authority::issue(const CertificateWish& wish) const {
  return identity_of(authority_.issue({wish.common_name, wish.names, wish.is_server, validity_of(wish)}).value());
}

TlsTrust Authority::trust() const {
  TlsTrust trust;
  trust.ca_pem = pem();
  return trust;
}

std::string Authority::revoke(const TlsIdentity& identity) const {
  X509* issuer = certificate_of(pem());
  X509* certificate = certificate_of(identity.certificate_pem);
  EVP_PKEY* key = key_of(authority_.own().key_pem);
  X509_CRL* list = X509_CRL_new();
  X509_CRL_set_version(list, 1);
  X509_CRL_set_issuer_name(list, X509_get_subject_name(issuer));
  ASN1_TIME* when = X509_gmtime_adj(nullptr, -60);
  X509_CRL_set1_lastUpdate(list, when);
  X509_REVOKED* entry = X509_REVOKED_new();
  X509_REVOKED_set_serialNumber(entry, X509_get_serialNumber(certificate));
  X509_REVOKED_set_revocationDate(entry, when);
  X509_CRL_add0_revoked(list, entry);
  X509_gmtime_adj(when, 3600);
  X509_CRL_set1_nextUpdate(list, when);
  X509_CRL_sign(list, key, EVP_sha256());
  BIO* out = BIO_new(BIO_s_mem());
  PEM_write_bio_X509_CRL(out, list);
  ASN1_TIME_free(when);
  X509_CRL_free(list);
  EVP_PKEY_free(key);
  X509_free(certificate);
  X509_free(issuer);
  return text_of(out);
}

TlsIdentity self_signed(const CertificateWish& wish) {
  return identity_of(CertificateAuthority::make(wish.common_name, validity_of(wish)).own());
}

std::string encrypted(const std::string& key_pem, std::string_view password) {
  EVP_PKEY* key = key_of(key_pem);
  BIO* out = BIO_new(BIO_s_mem());
  PEM_write_bio_PrivateKey(out, key, EVP_aes_128_cbc(), reinterpret_cast<const uint8_t*>(password.data()),
                           static_cast<int>(password.size()), nullptr, nullptr);
  EVP_PKEY_free(key);
  return text_of(out);
}

TemporaryDirectory::TemporaryDirectory() {
  std::string pattern = (std::filesystem::temp_directory_path() / "mqtt-sim-test-XXXXXX").string();
  root_ = ::mkdtemp(pattern.data());
}

TemporaryDirectory::~TemporaryDirectory() {
  std::error_code ignored;
  std::filesystem::remove_all(root_, ignored);
}

std::string TemporaryDirectory::write(const std::string& name, std::string_view text) const {
  const std::filesystem::path file = root_ / name;
  std::filesystem::create_directories(file.parent_path());
  std::ofstream(file, std::ios::binary) << text;
  return file.string();
}

}  // namespace mqtt_sim::net
