#include "core/net/tls_layer.hpp"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "core/base/assert.hpp"
#include "core/net/tls_pem.hpp"

namespace mqtt_sim::net {
namespace {

constexpr size_t kRecordLimit = 16 * 1024;  // of plain bytes
constexpr int kCertificateRequired = 116;   // the one alert that OpenSSL 3.0 has no name for
constexpr int kAlertReasons = 1000;         // OpenSSL numbers an alert that came from the peer from here on

std::string describe(unsigned long code) {
  const int reason = ERR_GET_REASON(code);
  if (reason > kAlertReasons && reason < kAlertReasons + 256) {
    const bool is_nameless = reason == kAlertReasons + kCertificateRequired;
    return std::string("alert from peer: ") +
           (is_nameless ? "certificate required" : SSL_alert_desc_string_long(reason - kAlertReasons));
  }
  switch (reason) {
    case SSL_R_WRONG_VERSION_NUMBER:
    case SSL_R_HTTP_REQUEST:
    case SSL_R_HTTPS_PROXY_REQUEST: return "the peer does not speak TLS";
    default: break;
  }
  const char* text = ERR_reason_error_string(code);
  return text ? text : "unknown error";
}

}  // namespace

TlsLayer::TlsLayer(TlsContext& context, std::span<uint8_t> plain, TlsSession* session)
    : tls_(SSL_new(context.context())), plain_(plain), session_(session) {
  MQTT_SIM_ASSERT(tls_);
  BIO* bio = BIO_new(context.bio_method());
  MQTT_SIM_ASSERT(bio);
  BIO_set_data(bio, this);
  BIO_set_init(bio, 1);
  SSL_set_bio(tls_.get(), bio, bio);
  SSL_set_app_data(tls_.get(), this);
  if (!context.is_client()) {
    SSL_set_accept_state(tls_.get());
    return;
  }

  SSL_set_connect_state(tls_.get());
  const std::string& name = context.server_name();
  X509_VERIFY_PARAM* expected = SSL_get0_param(tls_.get());
  if (X509_VERIFY_PARAM_set1_ip_asc(expected, name.c_str()) != 1) {  // the name is none of an address
    SSL_set_tlsext_host_name(tls_.get(), name.c_str());
    X509_VERIFY_PARAM_set_hostflags(expected, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    X509_VERIFY_PARAM_set1_host(expected, name.data(), name.size());
  }
  if (session_ && *session_) SSL_set_session(tls_.get(), session_->get());
  shake_hands();
}

TlsLayer::~TlsLayer() { ERR_clear_error(); }

// --- in

void TlsLayer::put(std::span<uint8_t> bytes) { in_ = bytes; }

std::span<uint8_t> TlsLayer::take() {
  if (state_ == State::opening) shake_hands();
  if (state_ != State::open) return {};
  size_t filled = 0;
  while (filled < plain_.size()) {
    size_t n = 0;
    ERR_clear_error();
    const int result = SSL_read_ex(tls_.get(), plain_.data() + filled, plain_.size() - filled, &n);
    if (result == 1) {
      filled += n;
      continue;
    }
    const int error = SSL_get_error(tls_.get(), result);
    if (error == SSL_ERROR_WANT_READ) break;
    if (error == SSL_ERROR_ZERO_RETURN) {
      state_ = State::ended;
    } else {
      fail_by(result, "");
    }
    break;
  }
  // A ticket that was read leaves buffers behind that nothing else would release while the stream idles.
  if (filled == 0) SSL_free_buffers(tls_.get());
  return plain_.first(filled);
}

int TlsLayer::bio_read(BIO* bio, char* to, int size) {
  auto& self = *static_cast<TlsLayer*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  if (self.in_.empty()) {
    BIO_set_retry_read(bio);
    return -1;
  }
  const size_t n = std::min(static_cast<size_t>(size), self.in_.size());
  std::memcpy(to, self.in_.data(), n);
  self.in_ = self.in_.subspan(n);
  return static_cast<int>(n);
}

// --- out

void TlsLayer::give(std::span<const ByteView> bytes, WireBuffer& below) {
  if (!pending_.empty()) {
    below.append(pending_.view());
    pending_.release();
  }
  if (state_ != State::open) return;
  out_ = &below;
  // Small pieces share a record.
  std::array<uint8_t, kRecordLimit> record;
  size_t filled = 0;
  for (ByteView piece : bytes) {
    if (filled == 0 && (piece.size() >= kRecordLimit || bytes.size() == 1)) {
      encrypt(piece);
      continue;
    }
    while (!piece.empty()) {
      const size_t n = std::min(piece.size(), kRecordLimit - filled);
      std::memcpy(record.data() + filled, piece.data(), n);
      filled += n;
      piece = piece.subspan(n);
      if (filled < kRecordLimit) continue;
      encrypt(record);
      filled = 0;
    }
  }
  if (filled > 0) encrypt(ByteView(record).first(filled));
  out_ = &pending_;
}

void TlsLayer::encrypt(ByteView bytes) {
  if (bytes.empty() || state_ != State::open) return;
  ERR_clear_error();
  size_t written = 0;
  const int result = SSL_write_ex(tls_.get(), bytes.data(), bytes.size(), &written);
  if (result != 1) return fail_by(result, "");
  MQTT_SIM_ASSERT(written == bytes.size());  // our BIO takes everything
}

int TlsLayer::bio_write(BIO* bio, const char* from, int size) {
  BIO_clear_retry_flags(bio);
  static_cast<TlsLayer*>(BIO_get_data(bio))->out_->append(as_bytes({from, static_cast<size_t>(size)}));
  return size;
}

void TlsLayer::close() {
  if (state_ != State::open && state_ != State::ended) return;
  ERR_clear_error();
  SSL_shutdown(tls_.get());
}

// --- handshake

void TlsLayer::shake_hands() {
  ERR_clear_error();
  const int result = SSL_do_handshake(tls_.get());
  if (result == 1) {
    state_ = State::open;
  } else if (SSL_get_error(tls_.get(), result) != SSL_ERROR_WANT_READ) {
    fail_by(result, "TLS handshake: ");
  }
}

void TlsLayer::fail_by(int result, const char* when) {
  const int error = SSL_get_error(tls_.get(), result);
  const unsigned long code = ERR_peek_last_error();
  const long verified = SSL_get_verify_result(tls_.get());
  std::string text;
  if (ERR_GET_REASON(code) == SSL_R_CERTIFICATE_VERIFY_FAILED && verified != X509_V_OK) {
    text = std::string("certificate verify failed: ") + X509_verify_cert_error_string(verified);
  } else if (code != 0) {
    text = when + describe(code);
  } else {
    text = when + std::string(error == SSL_ERROR_SYSCALL ? "stream broken" : "cannot go on");
  }
  ERR_clear_error();
  in_ = {};
  fail(CloseReason::tls_failed, std::move(text));
}

std::string TlsLayer::peer_name() const {
  X509* certificate = SSL_get0_peer_certificate(tls_.get());
  if (!certificate || SSL_get_verify_result(tls_.get()) != X509_V_OK) return {};
  X509_NAME* subject = X509_get_subject_name(certificate);
  const int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
  if (at < 0) return {};
  unsigned char* text = nullptr;
  const int size = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
  if (size < 0) return {};
  std::string name(reinterpret_cast<const char*>(text), static_cast<size_t>(size));
  OPENSSL_free(text);
  return name.find('\0') == std::string::npos ? name : std::string();
}

int TlsLayer::on_session(SSL* tls, SSL_SESSION* session) {
  const auto& self = *static_cast<TlsLayer*>(SSL_get_app_data(tls));
  if (!self.session_) return 0;
  self.session_->reset(session);
  return 1;  // kept
}

}  // namespace mqtt_sim::net
