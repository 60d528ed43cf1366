// What all TLS streams of one configuration share: certificates, trust, ciphers. Made from TlsClientOptions or
// TlsServerOptions, with a named error for everything that can be wrong with those. Owned by a Dialer or a Listener,
// and used on its thread only; it must outlive the layers made from it.
#pragma once

#include <openssl/ssl.h>

#include <array>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "core/base/expected.hpp"
#include "core/base/time.hpp"
#include "core/base/tls_options.hpp"
#include "core/net/openssl_types.hpp"

namespace mqtt_sim::net {

using TlsSession = std::unique_ptr<SSL_SESSION, FreeBy<SSL_SESSION_free>>;

class TlsContext {
 public:
  // For one host: `server_name` is what certificates are compared with unless the options name another.
  static Expected<std::unique_ptr<TlsContext>> make_client(const TlsClientOptions& options, const std::string& host);
  static Expected<std::unique_ptr<TlsContext>> make_server(const TlsServerOptions& options);
  TlsContext(const TlsContext&) = delete;
  TlsContext& operator=(const TlsContext&) = delete;
  ~TlsContext();

  // Layers to come are made from what `read` was made from, the others go on. Both have had the same options; `read` is
  // of no more use.
  void take_over(TlsContext& read);

  SSL_CTX* context() { return context_.get(); }
  const BIO_METHOD* bio_method() { return bio_method_.get(); }
  bool is_client() const { return is_client_; }
  bool resumes() const { return resumes_; }
  const std::string& server_name() const { return server_name_; }  // client only

 private:
  TlsContext(bool is_client);

  Expected<void> set_up(const TlsClientOptions& options);
  Expected<void> set_up(const TlsServerOptions& options);
  Expected<void> set_common(TlsVersion min_version, const std::string& ciphers, const std::string& ciphersuites,
                            const std::string& key_log_file);
  Expected<void> set_key_log(const std::string& file);
  static int on_verify(X509_STORE_CTX* chain, void* self);
  static int on_alpn(SSL*, const unsigned char** chosen, unsigned char* chosen_size, const unsigned char* offered,
                     unsigned offered_size, void* self);

  const bool is_client_;
  bool resumes_ = false;
  bool verifies_ = true;
  std::string server_name_;
  std::vector<unsigned char> alpn_;  // in the form of RFC 7301
  std::unique_ptr<BIO_METHOD, FreeBy<BIO_meth_free>> bio_method_;
  std::unique_ptr<SSL_CTX, FreeBy<SSL_CTX_free>> context_;
  std::unique_ptr<std::FILE, FreeBy<std::fclose>> key_log_;

  // The certificate that was verified last. Thousands of streams meet the same one; each still proves that the server
  // holds its key, but the chain is built again only when it differs or the second has passed.
  std::array<unsigned char, 32> verified_{};
  int64_t verified_until_s_ = 0;
};

}  // namespace mqtt_sim::net
