// A TLS peer that does what ours never would: old versions, renegotiation. It speaks over a RawSocket while the driver
// under test runs in between.
#pragma once

#include <gtest/gtest.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <functional>
#include <string>

#include "tests/cpp/net/raw_socket.hpp"
#include "tests/cpp/net/recording_endpoint.hpp"

namespace mqtt_sim::net {

class RawTls {
 public:
  RawTls(RawSocket& socket, NetDriver& driver, int version)
      : socket_(socket), driver_(driver), context_(SSL_CTX_new(TLS_client_method())) {
    SSL_CTX_set_min_proto_version(context_, version);
    SSL_CTX_set_max_proto_version(context_, version);
    SSL_CTX_set_security_level(context_, 0);
    tls_ = SSL_new(context_);
    SSL_set_bio(tls_, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    SSL_set_connect_state(tls_);
  }
  RawTls(const RawTls&) = delete;
  RawTls& operator=(const RawTls&) = delete;
  ~RawTls() {
    SSL_free(tls_);
    SSL_CTX_free(context_);
    ERR_clear_error();
  }

  SSL* tls() { return tls_; }
  bool shakes_hands() {
    return pump([&] { return SSL_do_handshake(tls_); });
  }
  bool sends(const std::string& text) {
    return pump([&] { return SSL_write(tls_, text.data(), static_cast<int>(text.size())); });
  }
  // The bytes that come, until there are n of them.
  std::string receives(size_t n) {
    std::string got;
    char buffer[4096];
    while (got.size() < n) {
      int size = 0;
      if (!pump([&] { return size = SSL_read(tls_, buffer, sizeof buffer); })) break;
      got.append(buffer, static_cast<size_t>(size));
    }
    return got;
  }
  const std::string& problem() const { return problem_; }  // of the last that failed

 private:
  bool pump(const std::function<int()>& step) {
    for (int i = 0; i < 500; ++i) {
      ERR_clear_error();
      const int result = step();
      const int error = SSL_get_error(tls_, result);
      char buffer[4096];
      const int waiting = BIO_read(SSL_get_wbio(tls_), buffer, sizeof buffer);
      if (waiting > 0) socket_.send({buffer, static_cast<size_t>(waiting)});
      if (result > 0) return true;
      if (error != SSL_ERROR_WANT_READ) {
        const char* reason = ERR_reason_error_string(ERR_peek_last_error());
        problem_ = reason ? reason : "?";
        return false;
      }
      driver_.run_until(driver_.now() + 1ms);
      const std::string in = socket_.receive_some(sizeof buffer);
      BIO_write(SSL_get_rbio(tls_), in.data(), static_cast<int>(in.size()));
    }
    problem_ = "nothing came";
    return false;
  }

  RawSocket& socket_;
  NetDriver& driver_;
  SSL_CTX* context_;
  SSL* tls_ = nullptr;
  std::string problem_;
};

}  // namespace mqtt_sim::net
