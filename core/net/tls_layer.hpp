// TLS below a byte stream, by OpenSSL with released buffers. OpenSSL reads straight from the bytes that were put in and
// writes straight into the buffer that leaves: its BIO is this layer and keeps nothing, so that an idle stream costs
// OpenSSL's own state and no more.
#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <string>

#include "core/net/layer.hpp"
#include "core/net/tls_context.hpp"

namespace mqtt_sim::net {

class TlsLayer final : public Layer {
 public:
  // `plain` is the space to decrypt into, shared by all layers of a loop. A client's layer begins to speak at once.
  // `session`, when not null, is resumed and takes up newer ones; it must outlive the layer.
  TlsLayer(TlsContext& context, std::span<uint8_t> plain, TlsSession* session = nullptr);
  ~TlsLayer() override;

  void put(std::span<uint8_t> bytes) override;
  std::span<uint8_t> take() override;
  void give(std::span<const ByteView> bytes, WireBuffer& below) override;
  bool has_output() const override { return !pending_.empty(); }
  void close() override;

  bool was_resumed() const { return SSL_session_reused(tls_.get()) == 1; }
  std::string peer_name() const;  // common name of the peer's verified certificate; empty: none was shown

 private:
  friend class TlsContext;  // makes the BIO's functions known to OpenSSL
  static int bio_read(BIO* bio, char* to, int size);
  static int bio_write(BIO* bio, const char* from, int size);
  static int on_session(SSL* tls, SSL_SESSION* session);

  void shake_hands();
  void encrypt(ByteView bytes);
  void fail_by(int result, const char* when);

  std::unique_ptr<SSL, FreeBy<SSL_free>> tls_;
  std::span<uint8_t> plain_;
  TlsSession* session_;
  ByteView in_;         // what OpenSSL has not read yet
  WireBuffer pending_;  // what it said while nobody took output: handshake, alerts
  WireBuffer* out_ = &pending_;
};

}  // namespace mqtt_sim::net
