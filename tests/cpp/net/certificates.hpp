// Certificates made for a test, in memory: an authority, and what it issues. P-256 keys, so that making one is quick.
#pragma once

#include <openssl/evp.h>
#include <openssl/x509.h>

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "core/base/tls_options.hpp"

namespace mqtt_sim::net {

struct CertificateWish {
  std::string common_name = "localhost";
  std::string names = "DNS:localhost,IP:127.0.0.1,IP:::1";  // in OpenSSL's words; empty: none
  long valid_from_s = -3600;
  long valid_until_s = 24 * 3600;
};

class Authority {
 public:
  explicit Authority(const std::string& name = "test authority");
  ~Authority();
  Authority(const Authority&) = delete;
  Authority& operator=(const Authority&) = delete;

  TlsIdentity issue(const CertificateWish& wish = {}) const;
  const std::string& pem() const { return pem_; }
  TlsTrust trust() const;
  // A list that revokes the certificate.
  std::string revoke(const TlsIdentity& identity) const;

 private:
  EVP_PKEY* key_;
  X509* certificate_;
  std::string pem_;
};

// A certificate that vouches for itself.
TlsIdentity self_signed(const CertificateWish& wish = {});
// The same key, readable with the password only.
std::string encrypted(const std::string& key_pem, std::string_view password);

// A directory that goes away with the test.
class TemporaryDirectory {
 public:
  TemporaryDirectory();
  ~TemporaryDirectory();
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  std::string path(const std::string& name) const { return (root_ / name).string(); }
  std::string write(const std::string& name, std::string_view text) const;  // its path

 private:
  std::filesystem::path root_;
};

}  // namespace mqtt_sim::net
