#include "core/client/authentication.hpp"

#include <utility>

namespace mqtt_sim::client {

bool AuthenticationOptions::is_scram() const { return method == auth::kScramSha256; }

std::string Authentication::begin(std::string nonce, std::string_view data) {
  is_under_way_ = true;
  has_answered_ = is_owner_asked_ = false;
  if (is_owners()) return std::string(data);
  scram_.emplace(options_.user_name, options_.password, std::move(nonce));
  return scram_->first();
}

// One challenge is all that SCRAM has; each answer costs thousands of hashes, so a server gets no second one.
std::optional<std::string> Authentication::answer(std::string_view challenge) {
  if (!scram_ || std::exchange(has_answered_, true)) return std::nullopt;
  auto answer = scram_->answer(challenge);
  if (!answer) return std::nullopt;
  return std::move(*answer);
}

bool Authentication::conclude(std::string_view data) {
  is_under_way_ = is_owner_asked_ = false;
  if (is_owners()) return true;
  const bool is_server_known = scram_ && scram_->check_server(data);
  scram_.reset();
  return is_server_known;
}

}  // namespace mqtt_sim::client
