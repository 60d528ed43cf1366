#include "core/net/opener.hpp"
#include "core/net/websocket_layer.hpp"
#include "core/net/websocket_upgrade.hpp"

namespace mqtt_sim::net {

ClientOpener::ClientOpener(Stack& stack, StackBuffers& buffers, Random& random, const Opening& opening,
                           const Target& target, TlsContext* context, TlsSession* session, uint64_t frame_limit,
                           Instant now)
    : Opener(stack, buffers, random, opening), target_(target), frame_limit_(frame_limit), stage_began_(now) {
  if (has_tls(target.transport)) {
    push_tls(*context, session);
  } else {
    stage_ = Stage::request;
  }
}

Opener::Step ClientOpener::advance(Instant now) {
  if (stage_ == Stage::tls) {
    if (tls_->state() == Layer::State::opening) return Step::wait;
    opening_.tls = now - std::exchange(stage_began_, now);
    stage_ = has_websocket(target_.transport) ? Stage::request : Stage::done;
  }
  if (stage_ == Stage::request) {
    key_ = make_websocket_key(random_);
    stack_.speak(as_bytes(make_upgrade_request(target_, key_)));
    stage_ = Stage::response;
  }
  if (stage_ == Stage::response) {
    const Step step = read_response();
    if (step != Step::open) return step;
    opening_.upgrade = now - stage_began_;
    stage_ = Stage::done;
  }
  return Step::open;
}

Opener::Step ClientOpener::read_response() {
  const HeadExtent extent = find_head(head_.view());
  if (extent.state == HeadState::partial) return Step::wait;
  if (extent.state != HeadState::complete) {
    return refuse(CloseReason::upgrade_refused, extent.state == HeadState::too_large
                                                    ? "WebSocket upgrade: answer above 8 KiB"
                                                    : "WebSocket upgrade: the peer does not speak HTTP");
  }
  const auto response = parse_response_head(head_.view().first(extent.size));
  if (!response) return refuse(CloseReason::upgrade_refused, "WebSocket upgrade: " + response.error().text);
  const auto checked = check_upgrade_response(*response, target_.websocket, key_);
  if (!checked) return refuse(CloseReason::upgrade_refused, checked.error().text);
  head_.drop_front(extent.size);
  push(std::make_unique<WebSocketLayer>(WebSocketRole::client, random_, frame_limit_));
  return Step::open;
}

std::pair<CloseReason, std::string> ClientOpener::on_peer_end() const {
  if (stage_ == Stage::tls) return {CloseReason::tls_failed, "TLS handshake: the peer ended the stream"};
  return {CloseReason::upgrade_refused, "WebSocket upgrade: the peer ended the stream"};
}

}  // namespace mqtt_sim::net
