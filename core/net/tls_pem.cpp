#include "core/net/tls_pem.hpp"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <vector>

#include "core/net/openssl_types.hpp"

namespace mqtt_sim::net {
namespace {

constexpr size_t kPemLimit = 16 * 1024 * 1024;
constexpr size_t kDirectoryLimit = 4096;

struct Pem {
  std::string name;
  std::string text;
};

Expected<Pem> read_file(const char* what, const std::string& file) {
  std::error_code error;
  if (std::filesystem::is_directory(file, error)) return tls_error(std::string(what) + " " + file + ": is a directory");
  std::ifstream in(file, std::ios::binary);
  if (!in) return tls_error(std::string("cannot read ") + what + " " + file + ": " + std::strerror(errno));
  Pem pem{std::string(what) + " " + file, {}};
  pem.text.assign(std::istreambuf_iterator<char>(in), {});
  if (pem.text.size() > kPemLimit) return tls_error(pem.name + ": larger than 16 MiB");
  return pem;
}

Expected<Pem> pem_of(const char* what, const std::string& file, const std::string& text) {
  if (!text.empty()) return Pem{std::string(what) + " (PEM text)", text};
  return read_file(what, file);
}

Bio bio_of(const Pem& pem) { return Bio(BIO_new_mem_buf(pem.text.data(), static_cast<int>(pem.text.size()))); }

std::vector<Certificate> certificates_in(const Pem& pem) {
  std::vector<Certificate> found;
  const Bio bio = bio_of(pem);
  while (X509* one = PEM_read_bio_X509_AUX(bio.get(), nullptr, nullptr, nullptr)) found.emplace_back(one);
  ERR_clear_error();
  return found;
}

// Never asks at the terminal.
int give_password(char* buffer, int size, int, void* password) {
  const auto& text = *static_cast<const std::string*>(password);
  if (text.empty() || text.size() > static_cast<size_t>(size)) return -1;
  std::ranges::copy(text, buffer);
  return static_cast<int>(text.size());
}

Expected<Key> read_key(const Pem& pem, const std::string& password) {
  const Bio bio = bio_of(pem);
  Key key(PEM_read_bio_PrivateKey(bio.get(), nullptr, give_password, const_cast<std::string*>(&password)));
  if (key) return key;
  if (pem.text.find("ENCRYPTED") != std::string::npos) {
    return tls_error(pem.name + (password.empty() ? ": is encrypted, and no password was given" : ": wrong password"));
  }
  return tls_error(pem.name + ": not a private key in PEM form");
}

Expected<void> trust_all_in(SSL_CTX* context, const Pem& pem, bool names_them) {
  const std::vector<Certificate> found = certificates_in(pem);
  if (found.empty()) return tls_error(pem.name + ": holds no certificate in PEM form");
  for (const Certificate& one : found) {
    X509_STORE_add_cert(SSL_CTX_get_cert_store(context), one.get());
    if (names_them) SSL_CTX_add_client_CA(context, one.get());
  }
  return {};
}

Expected<void> trust_directory(SSL_CTX* context, const std::string& directory, bool names_them) {
  std::error_code error;
  const std::filesystem::directory_iterator files(directory, error);
  if (error) return tls_error("cannot read CA directory " + directory + ": " + error.message());
  size_t read = 0;
  size_t useful = 0;
  for (const auto& entry : files) {
    if (!entry.is_regular_file(error) || ++read > kDirectoryLimit) continue;
    const auto pem = read_file("CA file", entry.path().string());
    if (pem && trust_all_in(context, *pem, names_them)) ++useful;
  }
  ERR_clear_error();
  if (useful == 0) return tls_error("CA directory " + directory + ": holds no certificate in PEM form");
  return {};
}

Expected<void> use_crl(SSL_CTX* context, const std::string& file) {
  const auto pem = read_file("revocation list", file);
  if (!pem) return pem.error();
  const Bio bio = bio_of(*pem);
  size_t count = 0;
  while (X509_CRL* crl = PEM_read_bio_X509_CRL(bio.get(), nullptr, nullptr, nullptr)) {
    X509_STORE_add_crl(SSL_CTX_get_cert_store(context), crl);
    X509_CRL_free(crl);
    ++count;
  }
  ERR_clear_error();
  if (count == 0) return tls_error(pem->name + ": holds no revocation list in PEM form");
  X509_STORE_set_flags(SSL_CTX_get_cert_store(context), X509_V_FLAG_CRL_CHECK);
  return {};
}

}  // namespace

std::string last_tls_error() {
  const unsigned long code = ERR_peek_last_error();
  const char* reason = ERR_reason_error_string(code);
  ERR_clear_error();
  return reason ? reason : "unknown error";
}

Expected<void> use_identity(SSL_CTX* context, const TlsIdentity& identity) {
  const auto pem = pem_of("certificate", identity.certificate_file, identity.certificate_pem);
  if (!pem) return pem.error();
  const std::vector<Certificate> chain = certificates_in(*pem);
  if (chain.empty()) return tls_error(pem->name + ": holds no certificate in PEM form");
  if (SSL_CTX_use_certificate(context, chain[0].get()) != 1) return tls_error(pem->name + ": " + last_tls_error());
  for (size_t i = 1; i < chain.size(); ++i) SSL_CTX_add1_chain_cert(context, chain[i].get());

  if (identity.key_file.empty() && identity.key_pem.empty())
    return tls_error(pem->name + ": its private key is missing");
  const auto key_pem = pem_of("private key", identity.key_file, identity.key_pem);
  if (!key_pem) return key_pem.error();
  const auto key = read_key(*key_pem, identity.key_password);
  if (!key) return key.error();
  if (X509_check_private_key(chain[0].get(), key->get()) != 1) {
    return tls_error(key_pem->name + ": does not fit " + pem->name);
  }
  if (SSL_CTX_use_PrivateKey(context, key->get()) != 1) return tls_error(key_pem->name + ": " + last_tls_error());
  return {};
}

Expected<void> use_trust(SSL_CTX* context, const TlsTrust& trust, bool names_them) {
  if (trust.system_store) SSL_CTX_set_default_verify_paths(context);
  for (const std::string& file : trust.ca_files) {
    const auto pem = read_file("CA file", file);
    if (!pem) return pem.error();
    if (const auto done = trust_all_in(context, *pem, names_them); !done) return done;
  }
  if (!trust.ca_pem.empty()) {
    if (const auto done = trust_all_in(context, {"CA (PEM text)", trust.ca_pem}, names_them); !done) return done;
  }
  if (!trust.ca_directory.empty()) {
    if (const auto done = trust_directory(context, trust.ca_directory, names_them); !done) return done;
  }
  if (!trust.crl_file.empty()) return use_crl(context, trust.crl_file);
  return {};
}

}  // namespace mqtt_sim::net
