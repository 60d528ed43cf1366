// Reads certificates and keys for a TLS context. Every failure names the file, or says "PEM text".
#pragma once

#include <openssl/ssl.h>

#include "core/base/expected.hpp"
#include "core/base/tls_options.hpp"

namespace mqtt_sim::net {

// Chain and key; fails also when they do not fit.
Expected<void> use_identity(SSL_CTX* context, const TlsIdentity& identity);
// Whom to believe. `names_them`: tell peers which authorities' certificates are welcome.
Expected<void> use_trust(SSL_CTX* context, const TlsTrust& trust, bool names_them);

// The newest reason on OpenSSL's list of errors, in its words; clears the list.
std::string last_tls_error();

}  // namespace mqtt_sim::net
