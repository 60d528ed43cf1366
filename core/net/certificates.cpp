#include "core/net/certificates.hpp"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "core/base/assert.hpp"
#include "core/net/openssl_types.hpp"

namespace mqtt_sim::net {
namespace {

constexpr size_t kCommonNameLimit = 64;  // ub-common-name of RFC 5280
constexpr size_t kDnsNameLimit = 253;
constexpr size_t kDnsLabelLimit = 63;
constexpr int kSerialBits = 159;  // positive, and 20 bytes at most
constexpr auto kClockSlack = std::chrono::hours(1);

using Bignum = std::unique_ptr<BIGNUM, FreeBy<BN_free>>;
using Extension = std::unique_ptr<X509_EXTENSION, FreeBy<X509_EXTENSION_free>>;
using GeneralNames = std::unique_ptr<GENERAL_NAMES, FreeBy<GENERAL_NAMES_free>>;

// --- names

bool is_dns_label(std::string_view label) {
  const auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  };
  return !label.empty() && label.size() <= kDnsLabelLimit && std::ranges::all_of(label, fits);
}

bool is_dns_name(std::string_view name) {
  if (name.empty() || name.size() > kDnsNameLimit) return false;
  if (name.starts_with("*.")) name.remove_prefix(2);
  for (size_t dot = name.find('.'); dot != name.npos; dot = name.find('.')) {
    if (!is_dns_label(name.substr(0, dot))) return false;
    name.remove_prefix(dot + 1);
  }
  // A last label of digits is what a mistyped address leaves.
  return is_dns_label(name) && !std::ranges::all_of(name, [](char c) { return c >= '0' && c <= '9'; });
}

// Null: neither an address nor a DNS name.
GENERAL_NAME* general_name(const std::string& name) {
  ASN1_STRING* value = nullptr;
  const bool has_zero = name.find('\0') != name.npos;
  int kind = GEN_IPADD;
  if (!has_zero) value = a2i_IPADDRESS(name.c_str());
  if (!value && is_dns_name(name)) {
    kind = GEN_DNS;
    value = ASN1_IA5STRING_new();
    ASN1_STRING_set(value, name.data(), static_cast<int>(name.size()));
  }
  ERR_clear_error();
  if (!value) return nullptr;
  GENERAL_NAME* made = GENERAL_NAME_new();
  GENERAL_NAME_set0_value(made, kind, value);
  return made;
}

Expected<GeneralNames> general_names(const std::vector<std::string>& names) {
  GeneralNames all(sk_GENERAL_NAME_new_null());
  for (const std::string& name : names) {
    GENERAL_NAME* one = general_name(name);
    if (!one) return tls_error("name \"" + name + "\": neither an address nor a DNS name");
    sk_GENERAL_NAME_push(all.get(), one);
  }
  return all;
}

bool set_common_name(X509* certificate, const std::string& name) {
  if (name.empty() || name.size() > kCommonNameLimit || name.find('\0') != name.npos) return false;
  return X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_UTF8,
                                    reinterpret_cast<const unsigned char*>(name.data()), static_cast<int>(name.size()),
                                    -1, 0) == 1;
}

// --- certificates

Key make_key() {
  Key key(EVP_EC_gen("P-256"));
  MQTT_SIM_ASSERT(key);
  return key;
}

// Version, serial number, times and key; false: the times are no times of a certificate.
bool fill(X509* certificate, const Validity& validity, EVP_PKEY* key) {
  const Bignum serial(BN_new());
  BN_rand(serial.get(), kSerialBits, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY);
  BN_to_ASN1_INTEGER(serial.get(), X509_get_serialNumber(certificate));
  X509_set_version(certificate, X509_VERSION_3);
  X509_set_pubkey(certificate, key);
  using Clock = std::chrono::system_clock;
  return validity.not_before < validity.not_after &&
         ASN1_TIME_set(X509_getm_notBefore(certificate), Clock::to_time_t(validity.not_before)) &&
         ASN1_TIME_set(X509_getm_notAfter(certificate), Clock::to_time_t(validity.not_after));
}

void extend(X509* certificate, X509* issuer, int kind, const char* value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  const Extension extension(X509V3_EXT_conf_nid(nullptr, &context, kind, value));
  MQTT_SIM_ASSERT(extension && X509_add_ext(certificate, extension.get(), -1) == 1);
}

void sign(X509* certificate, EVP_PKEY* key) { MQTT_SIM_ASSERT(X509_sign(certificate, key, EVP_sha256()) > 0); }

std::string text_of(const Bio& bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return {data, static_cast<size_t>(size)};
}

KeyPair pair_of(X509* certificate, EVP_PKEY* key) {
  const Bio certificate_text(BIO_new(BIO_s_mem()));
  const Bio key_text(BIO_new(BIO_s_mem()));
  MQTT_SIM_ASSERT(PEM_write_bio_X509(certificate_text.get(), certificate) == 1);
  MQTT_SIM_ASSERT(PEM_write_bio_PKCS8PrivateKey(key_text.get(), key, nullptr, nullptr, 0, nullptr, nullptr) == 1);
  return {text_of(certificate_text), text_of(key_text)};
}

}  // namespace

Validity Validity::days(int count) {
  const auto now = std::chrono::system_clock::now();
  return {now - kClockSlack, now + std::chrono::hours(24) * count};
}

CertificateAuthority::CertificateAuthority(std::shared_ptr<X509> certificate, std::shared_ptr<EVP_PKEY> key)
    : certificate_(std::move(certificate)), key_(std::move(key)), own_(pair_of(certificate_.get(), key_.get())) {}

CertificateAuthority CertificateAuthority::make(const std::string& common_name, const Validity& validity) {
  Key key = make_key();
  Certificate certificate(X509_new());
  X509* self = certificate.get();
  MQTT_SIM_ASSERT(fill(self, validity, key.get()));
  MQTT_SIM_ASSERT(set_common_name(self, common_name));
  X509_set_issuer_name(self, X509_get_subject_name(self));
  extend(self, self, NID_basic_constraints, "critical,CA:TRUE");
  extend(self, self, NID_key_usage, "critical,digitalSignature,keyCertSign,cRLSign");
  extend(self, self, NID_subject_key_identifier, "hash");
  extend(self, self, NID_authority_key_identifier, "keyid:always");
  sign(self, key.get());
  return {std::move(certificate), std::move(key)};
}

Expected<KeyPair> CertificateAuthority::issue(const CertificateRequest& request) const {
  const auto names = general_names(request.names);
  if (!names) return names.error();
  const Key key = make_key();
  const Certificate certificate(X509_new());
  if (!fill(certificate.get(), request.validity, key.get())) {
    return tls_error("validity: must end after it begins, and before the year 10000");
  }
  if (!set_common_name(certificate.get(), request.common_name)) {
    return tls_error("common name \"" + request.common_name + "\": must be 1 to 64 bytes of UTF-8");
  }
  X509_set_issuer_name(certificate.get(), X509_get_subject_name(certificate_.get()));
  extend(certificate.get(), certificate_.get(), NID_basic_constraints, "critical,CA:FALSE");
  extend(certificate.get(), certificate_.get(), NID_key_usage, "critical,digitalSignature");
  extend(certificate.get(), certificate_.get(), NID_ext_key_usage, request.is_server ? "serverAuth" : "clientAuth");
  extend(certificate.get(), certificate_.get(), NID_subject_key_identifier, "hash");
  extend(certificate.get(), certificate_.get(), NID_authority_key_identifier, "keyid:always");
  if (!request.names.empty()) {
    const int added = X509_add1_ext_i2d(certificate.get(), NID_subject_alt_name, names->get(), 0, X509V3_ADD_DEFAULT);
    MQTT_SIM_ASSERT(added == 1);
  }
  sign(certificate.get(), key_.get());
  return pair_of(certificate.get(), key.get());
}

}  // namespace mqtt_sim::net
