// The client's side of enhanced authentication on one connection (section 4.12): the exchange before CONNACK and any
// number of re-authentications after it. Runs SCRAM-SHA-256 itself; of any other method it keeps the steps in their
// order and leaves the data to the owner. The options must outlive it.
//
//   CONNECT begin()   →  AUTH 0x18 answer()  →  ...  →  CONNACK conclude()
//   AUTH 0x19 begin() →  AUTH 0x18 answer()  →  ...  →  AUTH 0x00 conclude()
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "core/auth/scram.hpp"
#include "core/client/options.hpp"

namespace mqtt_sim::client {

class Authentication {
 public:
  explicit Authentication(const AuthenticationOptions& options) : options_(options) {}

  std::string_view method() const { return options_.method; }
  bool is_owners() const { return !options_.is_scram(); }  // the owner gives the data
  bool is_under_way() const { return is_under_way_; }

  // The first data to send: of SCRAM, or `data` where it is the owner's. `nonce`: never the same twice.
  std::string begin(std::string nonce, std::string_view data);
  // SCRAM only: what to answer to a challenge; nothing when it is none of ours, or the second one.
  std::optional<std::string> answer(std::string_view challenge);
  // Other methods: the owner has been asked for data, and whether it may give them now.
  void note_challenge() { is_owner_asked_ = true; }
  bool take_answer() { return std::exchange(is_owner_asked_, false); }
  // The server has accepted us. False: it did not show that it knows the password.
  bool conclude(std::string_view data);

 private:
  const AuthenticationOptions& options_;
  std::optional<auth::ScramClient> scram_;
  bool is_under_way_ = false;
  bool has_answered_ = false;
  bool is_owner_asked_ = false;
};

}  // namespace mqtt_sim::client
