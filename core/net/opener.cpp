#include "core/net/opener.hpp"

namespace mqtt_sim::net {

void Opener::push(std::unique_ptr<Layer> layer) {
  const size_t level = stack_.size();
  stack_.push(std::move(layer));
  WireBuffer rest = std::exchange(head_, {});
  if (!rest.empty()) stack_.ascend(rest.bytes(), level, [this](std::span<uint8_t> bytes) { take(bytes); });
}

void Opener::push_tls(TlsContext& context, TlsSession* session) {
  auto layer = std::make_unique<TlsLayer>(context, buffers_.plain_space(), session);
  tls_ = layer.get();
  push(std::move(layer));
}

Opener::Step Opener::refuse(CloseReason reason, std::string problem) {
  stack_.note(reason, std::move(problem));
  return Step::refuse;
}

}  // namespace mqtt_sim::net
