// What tests want of certificates beside core/net/certificates.hpp: wishes with defaults that fit loopback, the forms
// in which the options take them, and what only a test does to them.
#pragma once

#include <chrono>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/tls_options.hpp"
#include "core/net/certificates.hpp"

namespace mqtt_sim::net {

struct CertificateWish {
  std::string common_name = "localhost";
  std::vector<std::string> names = {"localhost", "127.0.0.1", "::1"};
  bool is_server = true;
  std::chrono::seconds valid_from = std::chrono::hours(-1);
  std::chrono::seconds valid_until = std::chrono::hours(24);
};

class Authority {
 public:
  explicit Authority(const std::string& name = "test authority") : authority_(CertificateAuthority::make(name)) {}

  TlsIdentity issue(const CertificateWish& wish = {}) const;
  const std::string& pem() const { return authority_.own().certificate_pem; }
  TlsTrust trust() const;
  // A list that revokes the certificate.
  std::string revoke(const TlsIdentity& identity) const;

 private:
  CertificateAuthority authority_;
};

// A certificate that vouches for itself. It has a common name only.
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
