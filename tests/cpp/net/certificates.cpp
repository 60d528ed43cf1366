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

std::string pem_of(X509* certificate) {
  BIO* bio = BIO_new(BIO_s_mem());
  PEM_write_bio_X509(bio, certificate);
  return text_of(bio);
}

std::string pem_of(EVP_PKEY* key) {
  BIO* bio = BIO_new(BIO_s_mem());
  PEM_write_bio_PrivateKey(bio, key, nullptr, nullptr, 0, nullptr, nullptr);
  return text_of(bio);
}

void extend(X509* certificate, X509* issuer, int kind, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str());
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
}

// `issuer` null: vouches for itself.
X509* make(EVP_PKEY* key, const CertificateWish& wish, bool is_authority, X509* issuer, EVP_PKEY* issuer_key) {
  static long serial = 1;
  X509* certificate = X509_new();
  X509_set_version(certificate, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), serial++);
  X509_gmtime_adj(X509_getm_notBefore(certificate), wish.valid_from_s);
  X509_gmtime_adj(X509_getm_notAfter(certificate), wish.valid_until_s);
  X509_set_pubkey(certificate, key);
  X509_NAME* name = X509_get_subject_name(certificate);
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, reinterpret_cast<const uint8_t*>(wish.common_name.data()),
                             static_cast<int>(wish.common_name.size()), -1, 0);
  X509_set_issuer_name(certificate, issuer ? X509_get_subject_name(issuer) : name);
  X509* vouching = issuer ? issuer : certificate;
  extend(certificate, vouching, NID_basic_constraints, is_authority ? "critical,CA:TRUE" : "critical,CA:FALSE");
  if (is_authority) extend(certificate, vouching, NID_key_usage, "critical,keyCertSign,cRLSign");
  if (!is_authority && !wish.names.empty()) extend(certificate, vouching, NID_subject_alt_name, wish.names);
  X509_sign(certificate, issuer ? issuer_key : key, EVP_sha256());
  return certificate;
}

TlsIdentity identity_of(X509* certificate, EVP_PKEY* key) {
  TlsIdentity identity;
  identity.certificate_pem = pem_of(certificate);
  identity.key_pem = pem_of(key);
  X509_free(certificate);
  EVP_PKEY_free(key);
  return identity;
}

}  // namespace

Authority::Authority(const std::string& name) : key_(EVP_EC_gen("P-256")) {
  certificate_ = make(key_, {.common_name = name, .names = {}}, true, nullptr, nullptr);
  pem_ = pem_of(certificate_);
}

Authority::~Authority() {
  X509_free(certificate_);
  EVP_PKEY_free(key_);
}

TlsIdentity Authority::issue(const CertificateWish& wish) const {
  EVP_PKEY* key = EVP_EC_gen("P-256");
  return identity_of(make(key, wish, false, certificate_, key_), key);
}

TlsTrust Authority::trust() const {
  TlsTrust trust;
  trust.ca_pem = pem_;
  return trust;
}

std::string Authority::revoke(const TlsIdentity& identity) const {
  BIO* in = BIO_new_mem_buf(identity.certificate_pem.data(), static_cast<int>(identity.certificate_pem.size()));
  X509* certificate = PEM_read_bio_X509(in, nullptr, nullptr, nullptr);
  BIO_free(in);
  X509_CRL* list = X509_CRL_new();
  X509_CRL_set_version(list, 1);
  X509_CRL_set_issuer_name(list, X509_get_subject_name(certificate_));
  ASN1_TIME* when = X509_gmtime_adj(nullptr, -60);
  X509_CRL_set1_lastUpdate(list, when);
  X509_REVOKED* entry = X509_REVOKED_new();
  X509_REVOKED_set_serialNumber(entry, X509_get_serialNumber(certificate));
  X509_REVOKED_set_revocationDate(entry, when);
  X509_CRL_add0_revoked(list, entry);
  X509_gmtime_adj(when, 3600);
  X509_CRL_set1_nextUpdate(list, when);
  X509_CRL_sign(list, key_, EVP_sha256());
  BIO* out = BIO_new(BIO_s_mem());
  PEM_write_bio_X509_CRL(out, list);
  ASN1_TIME_free(when);
  X509_CRL_free(list);
  X509_free(certificate);
  return text_of(out);
}

TlsIdentity self_signed(const CertificateWish& wish) {
  EVP_PKEY* key = EVP_EC_gen("P-256");
  return identity_of(make(key, wish, false, nullptr, nullptr), key);
}

std::string encrypted(const std::string& key_pem, std::string_view password) {
  BIO* in = BIO_new_mem_buf(key_pem.data(), static_cast<int>(key_pem.size()));
  EVP_PKEY* key = PEM_read_bio_PrivateKey(in, nullptr, nullptr, nullptr);
  BIO* out = BIO_new(BIO_s_mem());
  PEM_write_bio_PrivateKey(out, key, EVP_aes_128_cbc(), reinterpret_cast<const uint8_t*>(password.data()),
                           static_cast<int>(password.size()), nullptr, nullptr);
  EVP_PKEY_free(key);
  BIO_free(in);
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
