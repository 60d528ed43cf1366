#include "core/net/tls_context.hpp"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <cerrno>
#include <chrono>
#include <cstring>

#include "core/net/tls_check.hpp"
#include "core/net/tls_layer.hpp"
#include "core/net/tls_library.hpp"
#include "core/net/tls_pem.hpp"

namespace mqtt_sim::net {
namespace {

constexpr int64_t kTrustFor_s = 1;
// OpenSSL's own list with the shorter hash first: a handshake derives some twenty keys with it.
const std::string kDefaultSuites = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";
constexpr unsigned char kSessionIdContext[] = "mqtt-sim";

int64_t seconds() {
  return std::chrono::duration_cast<std::chrono::seconds>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// Names with their lengths before them, as both sides of ALPN want them.
Expected<std::vector<unsigned char>> alpn_list(const std::vector<std::string>& names) {
  std::vector<unsigned char> list;
  for (const std::string& name : names) {
    if (name.empty() || name.size() > 255) return tls_error("ALPN name of " + std::to_string(name.size()) + " bytes");
    list.push_back(static_cast<unsigned char>(name.size()));
    list.insert(list.end(), name.begin(), name.end());
  }
  return list;
}

long bio_control(BIO*, int command, long, void*) { return command == BIO_CTRL_FLUSH ? 1 : 0; }

}  // namespace

TlsContext::TlsContext(bool is_client)
    : is_client_(is_client),
      bio_method_(BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "layer")),
      context_(SSL_CTX_new_ex(tls_library(), nullptr, is_client ? TLS_client_method() : TLS_server_method())) {
  BIO_meth_set_read(bio_method_.get(), TlsLayer::bio_read);
  BIO_meth_set_write(bio_method_.get(), TlsLayer::bio_write);
  BIO_meth_set_ctrl(bio_method_.get(), bio_control);
  SSL_CTX_set_mode(context(), SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_options(context(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_IGNORE_UNEXPECTED_EOF);
  SSL_CTX_set_session_cache_mode(context(), SSL_SESS_CACHE_OFF);
}

TlsContext::~TlsContext() = default;

Expected<std::unique_ptr<TlsContext>> TlsContext::make_client(const TlsClientOptions& options,
                                                              const std::string& host) {
  std::unique_ptr<TlsContext> made(new TlsContext(true));
  made->server_name_ = options.server_name.empty() ? host : options.server_name;
  if (const auto done = made->set_up(options); !done) return done.error();
  return made;
}

Expected<std::unique_ptr<TlsContext>> TlsContext::make_server(const TlsServerOptions& options) {
  std::unique_ptr<TlsContext> made(new TlsContext(false));
  if (const auto done = made->set_up(options); !done) return done.error();
  return made;
}

// What the callbacks refer to outlives all layers; the other one's context goes with the last layer made from it.
void TlsContext::take_over(TlsContext& read) {
  context_.swap(read.context_);
  SSL_CTX_set_app_data(context(), this);
  if (!alpn_.empty()) SSL_CTX_set_alpn_select_cb(context(), on_alpn, this);
}

Expected<void> TlsContext::set_up(const TlsClientOptions& options) {
  auto done = set_common(options.min_version, options.ciphers, options.ciphersuites, options.key_log_file);
  if (!done) return done;
  TlsTrust trust = options.trust;
  trust.system_store = trust.system_store || !trust.is_given();
  verifies_ = options.verify;
  if (verifies_) {
    if (done = use_trust(context(), trust, false); !done) return done;
  }
  SSL_CTX_set_verify(context(), verifies_ ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nullptr);
  SSL_CTX_set_cert_verify_callback(context(), on_verify, this);
  if (options.identity.is_given()) {
    if (done = use_identity(context(), options.identity); !done) return done;
  }
  const auto alpn = alpn_list(options.alpn);
  if (!alpn) return alpn.error();
  if (!alpn->empty()) SSL_CTX_set_alpn_protos(context(), alpn->data(), static_cast<unsigned>(alpn->size()));
  resumes_ = options.resume;
  if (resumes_) {
    SSL_CTX_set_session_cache_mode(context(), SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(context(), TlsLayer::on_session);
  } else {
    SSL_CTX_set_options(context(), SSL_OP_NO_TICKET);
  }
  return {};
}

Expected<void> TlsContext::set_up(const TlsServerOptions& options) {
  auto done = set_common(options.min_version, options.ciphers, options.ciphersuites, options.key_log_file);
  if (!done) return done;
  if (!options.identity.is_given()) return tls_error("a TLS listener needs a certificate");
  if (done = use_identity(context(), options.identity); !done) return done;
  SSL_CTX_set_options(context(), SSL_OP_CIPHER_SERVER_PREFERENCE);
  if (options.session_tickets == 0) SSL_CTX_set_options(context(), SSL_OP_NO_TICKET);
  SSL_CTX_set_num_tickets(context(), options.session_tickets);
  SSL_CTX_set_session_id_context(context(), kSessionIdContext, sizeof kSessionIdContext - 1);

  if (options.client_certificate != ClientCertificate::ignored) {
    if (!options.trust.is_given()) return tls_error("client certificates are asked for, and no CA is given");
    if (done = use_trust(context(), options.trust, true); !done) return done;
    const bool is_required = options.client_certificate == ClientCertificate::required;
    SSL_CTX_set_verify(context(), SSL_VERIFY_PEER | (is_required ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0), nullptr);
  }
  const auto alpn = alpn_list(options.alpn);
  if (!alpn) return alpn.error();
  alpn_ = *alpn;
  if (!alpn_.empty()) SSL_CTX_set_alpn_select_cb(context(), on_alpn, this);
  return {};
}

Expected<void> TlsContext::set_common(TlsVersion min_version, const std::string& ciphers,
                                      const std::string& ciphersuites, const std::string& key_log_file) {
  SSL_CTX_set_min_proto_version(context(), min_version == TlsVersion::tls1_3 ? TLS1_3_VERSION : TLS1_2_VERSION);
  if (!ciphers.empty() && SSL_CTX_set_cipher_list(context(), ciphers.c_str()) != 1) {
    return tls_error("ciphers \"" + ciphers + "\": none of them is known");
  }
  const std::string& suites = ciphersuites.empty() ? kDefaultSuites : ciphersuites;
  if (SSL_CTX_set_ciphersuites(context(), suites.c_str()) != 1) {
    return tls_error("ciphersuites \"" + ciphersuites + "\": not all of them are known");
  }
  return key_log_file.empty() ? Expected<void>() : set_key_log(key_log_file);
}

Expected<void> TlsContext::set_key_log(const std::string& file) {
  key_log_.reset(std::fopen(file.c_str(), "ae"));
  if (!key_log_) return tls_error("cannot write key log " + file + ": " + std::strerror(errno));
  SSL_CTX_set_app_data(context(), this);
  SSL_CTX_set_keylog_callback(context(), [](const SSL* tls, const char* line) {
    auto& self = *static_cast<TlsContext*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(tls)));
    const std::string whole = std::string(line) + '\n';  // one write, since several processes may share the file
    std::fwrite(whole.data(), 1, whole.size(), self.key_log_.get());
    std::fflush(self.key_log_.get());
  });
  return {};
}

int TlsContext::on_verify(X509_STORE_CTX* chain, void* self_pointer) {
  auto& self = *static_cast<TlsContext*>(self_pointer);
  if (!self.verifies_) return 1;
  std::array<unsigned char, 32> digest{};
  unsigned size = digest.size();
  X509* leaf = X509_STORE_CTX_get0_cert(chain);
  if (!leaf || X509_digest(leaf, EVP_sha256(), digest.data(), &size) != 1) return X509_verify_cert(chain);
  const int64_t now_s = seconds();
  if (now_s < self.verified_until_s_ && digest == self.verified_) return 1;
  const int result = X509_verify_cert(chain);
  if (result == 1) {
    self.verified_ = digest;
    self.verified_until_s_ = now_s + kTrustFor_s;
  }
  return result;
}

int TlsContext::on_alpn(SSL*, const unsigned char** chosen, unsigned char* chosen_size, const unsigned char* offered,
                        unsigned offered_size, void* self_pointer) {
  const auto& self = *static_cast<TlsContext*>(self_pointer);
  unsigned char* found = nullptr;
  const int result = SSL_select_next_proto(&found, chosen_size, self.alpn_.data(),
                                           static_cast<unsigned>(self.alpn_.size()), offered, offered_size);
  *chosen = found;
  return result == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

Expected<void> check(const TlsClientOptions& options) {
  const auto made = TlsContext::make_client(options, "localhost");
  return made ? Expected<void>() : Expected<void>(made.error());
}

Expected<void> check(const TlsServerOptions& options) {
  const auto made = TlsContext::make_server(options);
  return made ? Expected<void>() : Expected<void>(made.error());
}

}  // namespace mqtt_sim::net
