// SCRAM-SHA-256 as a method of enhanced authentication, for those Users who can. The nonces are a keyed hash of a
// counter: repeatable when the Users' secret is, and else unknown to everybody.
#pragma once

#include "core/broker/authenticator.hpp"
#include "core/broker/users.hpp"

namespace mqtt_sim::broker {

class ScramMethod final : public Authenticator {
 public:
  explicit ScramMethod(Users& users) : users_(users) {}  // which outlive it

  std::string_view method() const override { return auth::kScramSha256; }
  std::unique_ptr<Exchange> begin(Instant now) override;

 private:
  Users& users_;
  uint64_t begun_ = 0;
};

}  // namespace mqtt_sim::broker
