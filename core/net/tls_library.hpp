// The OpenSSL library context that TLS contexts are made in. OpenSSL 3.0 and 3.1 look through everything that the
// default provider has to decode the key of each certificate that arrives, a quarter of what a handshake costs a
// client. Ours has the same provider without what no handshake needs; certificates of one's own are read elsewhere.
// One a process, never freed; any thread.
#pragma once

#include <openssl/types.h>

namespace mqtt_sim::net {

// Null stands for OpenSSL's own context: a later OpenSSL remembers how keys are decoded; and where other providers, or
// FIPS, are configured, those are meant.
OSSL_LIB_CTX* tls_library();

}  // namespace mqtt_sim::net
