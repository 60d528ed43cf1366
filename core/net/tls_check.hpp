// Tries TLS options out before a run: reads the files, fits the keys. Any thread.
#pragma once

#include "core/base/expected.hpp"
#include "core/base/tls_options.hpp"

namespace mqtt_sim::net {

// Error: what every opening, or listen(), would fail with.
Expected<void> check(const TlsClientOptions& options);
Expected<void> check(const TlsServerOptions& options);

}  // namespace mqtt_sim::net
