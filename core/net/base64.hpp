// Bytes as base64 text, as HTTP headers carry keys and logins: RFC 4648. A function of values; any thread.
#pragma once

#include <string>

#include "core/base/bytes.hpp"

namespace mqtt_sim::net {

std::string base64(ByteView bytes);

}  // namespace mqtt_sim::net
