// How TLS is spoken on a stream: certificates, trust, versions. Plain values; whoever holds a PEM may give its text
// instead of a file. What they say is tried out where they are used (core/net), and each mistake has a named error.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace mqtt_sim::inline base {

enum class TlsVersion : uint8_t { tls1_2, tls1_3 };

// A certificate chain with its private key; empty: none. For each a file or the PEM text itself.
struct TlsIdentity {
  std::string certificate_file;
  std::string certificate_pem;
  std::string key_file;
  std::string key_pem;
  std::string key_password;

  bool is_given() const { return !certificate_file.empty() || !certificate_pem.empty(); }
  bool names_files() const { return !certificate_file.empty() || !key_file.empty(); }
};

// Whose certificates are believed.
struct TlsTrust {
  std::vector<std::string> ca_files;  // PEM, each with one certificate or more
  std::string ca_directory;           // every PEM file in it
  std::string ca_pem;
  std::string crl_file;       // PEM; certificates on it are refused
  bool system_store = false;  // also those the system believes

  bool is_given() const { return !ca_files.empty() || !ca_directory.empty() || !ca_pem.empty() || system_store; }
  bool names_files() const { return !ca_files.empty() || !ca_directory.empty() || !crl_file.empty(); }
};

struct TlsClientOptions {
  bool verify = true;  // false: whatever certificate the server shows is good enough
  TlsTrust trust;      // nothing given: the system's
  TlsIdentity identity;
  std::string server_name;  // asked for, and compared with the certificate; empty: the host of the address
  std::vector<std::string> alpn;
  TlsVersion min_version = TlsVersion::tls1_2;
  std::string ciphers;       // OpenSSL's list for TLS 1.2; empty: the default
  std::string ciphersuites;  // the same for TLS 1.3
  bool resume = false;       // keep each stream's session ticket for its next opening
  std::string key_log_file;  // the secrets of every session are appended to it, in the format of SSLKEYLOGFILE
};

enum class ClientCertificate : uint8_t {
  ignored,    // not asked for
  requested,  // may be missing, but must be good when it is there
  required,
};

struct TlsServerOptions {
  TlsIdentity identity;
  ClientCertificate client_certificate = ClientCertificate::ignored;
  TlsTrust trust;  // of client certificates
  std::vector<std::string> alpn;
  TlsVersion min_version = TlsVersion::tls1_2;
  std::string ciphers;
  std::string ciphersuites;
  uint32_t session_tickets = 1;  // tickets sent for each TLS 1.3 session; 0: no resumption
  std::string key_log_file;

  bool names_files() const { return identity.names_files() || trust.names_files(); }  // which may change
};

}  // namespace mqtt_sim::inline base
