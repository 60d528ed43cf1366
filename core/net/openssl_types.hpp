// OpenSSL's objects as values with one owner, and its mistakes as ours.
#pragma once

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "core/base/expected.hpp"

namespace mqtt_sim::net {

template <auto Free>
struct FreeBy {
  template <class T>
  void operator()(T* object) const {
    Free(object);
  }
};

using Bio = std::unique_ptr<BIO, FreeBy<BIO_free>>;
using Certificate = std::unique_ptr<X509, FreeBy<X509_free>>;
using Key = std::unique_ptr<EVP_PKEY, FreeBy<EVP_PKEY_free>>;

// What is wrong with certificates, keys or options. OpenSSL keeps what it said of it no longer.
inline Error tls_error(std::string text) {
  constexpr uint8_t kUnspecifiedError = 0x80;
  ERR_clear_error();
  return make_error(kUnspecifiedError, std::move(text));
}

}  // namespace mqtt_sim::net
