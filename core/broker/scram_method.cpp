#include "core/broker/scram_method.hpp"

#include <utility>

#include "core/base/base64.hpp"

namespace mqtt_sim::broker {
namespace {

class ScramExchange final : public Exchange {
 public:
  ScramExchange(Users& users, std::string nonce) : users_(users), server_(std::move(nonce)) {}

  AuthStep on_data(std::string_view data, Instant) override {
    if (!is_begun_) {
      is_begun_ = true;
      if (server_.begin(data)) return {};
      return {.kind = AuthStep::Kind::proceed, .data = server_.challenge(users_.scram_secret(server_.user_name()))};
    }
    auto last_words = server_.conclude(data);
    if (!last_words) return {};
    return {
        .kind = AuthStep::Kind::accept, .data = std::move(*last_words), .user_name = std::string(server_.user_name())};
  }

 private:
  Users& users_;
  auth::ScramServer server_;
  bool is_begun_ = false;
};

}  // namespace

std::unique_ptr<Exchange> ScramMethod::begin(Instant) {
  if (!users_.has_scram()) return nullptr;
  const std::string nonce = to_base64(users_.derive("nonce " + std::to_string(++begun_)).substr(0, 18));
  return std::make_unique<ScramExchange>(users_, nonce);
}

}  // namespace mqtt_sim::broker
