// Enhanced authentication (section 4.12) from outside: an Authenticator stands for one method, an Exchange for one run
// of it on one connection. The broker carries their data in CONNECT, AUTH and CONNACK and keeps the order of packets.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "core/base/time.hpp"
#include "core/protocol/reason_code.hpp"

namespace mqtt_sim::broker {

// The answer to what a client sent.
struct AuthStep {
  enum class Kind : uint8_t {
    proceed,  // AUTH 0x18 with `data`; the client's next is awaited
    accept,   // it is `user_name`; `data` are the last words, empty for none
    refuse,   // the connection ends with `reason`
  };
  Kind kind = Kind::refuse;
  std::string data = {};
  std::string user_name = {};
  protocol::ReasonCode reason = protocol::ReasonCode::not_authorized;
};

class Exchange {
 public:
  virtual ~Exchange() = default;
  // The Authentication Data of the client's next packet; the first is of its CONNECT or AUTH 0x19.
  virtual AuthStep on_data(std::string_view data, Instant now) = 0;
};

class Authenticator {
 public:
  virtual ~Authenticator() = default;
  virtual std::string_view method() const = 0;  // the Authentication Method, "SCRAM-SHA-256"
  // nullptr: not offered at present.
  virtual std::unique_ptr<Exchange> begin(Instant now) = 0;
};

}  // namespace mqtt_sim::broker
