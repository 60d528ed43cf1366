// Certificates for trying things out: an authority made on the spot, and what it issues. P-256 keys, extensions as
// RFC 5280 wants them, so that strict verifiers (browsers, Python, Node) take them. Plain values, any thread.
#pragma once

#include <openssl/evp.h>
#include <openssl/x509.h>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "core/base/expected.hpp"

namespace mqtt_sim::net {

struct KeyPair {
  std::string certificate_pem;
  std::string key_pem;  // PKCS#8, without a password
};

struct Validity {
  std::chrono::system_clock::time_point not_before;
  std::chrono::system_clock::time_point not_after;

  // From an hour ago, for peers whose clocks are behind.
  static Validity days(int count);
};

inline constexpr int kCertificateDays = 397;  // the longest that browsers take from anybody

struct CertificateRequest {
  std::string common_name;              // 1 to 64 bytes of UTF-8, which is what X.509 allows
  std::vector<std::string> names = {};  // DNS names, also with *. in front, and addresses
  bool is_server = true;                // otherwise a client's
  Validity validity = Validity::days(kCertificateDays);
};

class CertificateAuthority {
 public:
  // The common name as in a request; any other is a mistake of the caller.
  static CertificateAuthority make(const std::string& common_name,
                                   const Validity& validity = Validity::days(kCertificateDays));

  const KeyPair& own() const { return own_; }
  // Error: what no certificate can hold, and why.
  Expected<KeyPair> issue(const CertificateRequest& request) const;

 private:
  CertificateAuthority(std::shared_ptr<X509> certificate, std::shared_ptr<EVP_PKEY> key);

  std::shared_ptr<X509> certificate_;
  std::shared_ptr<EVP_PKEY> key_;
  KeyPair own_;
};

}  // namespace mqtt_sim::net
