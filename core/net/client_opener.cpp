#include "core/net/opener.hpp"
#include "core/net/websocket_layer.hpp"
#include "core/net/websocket_upgrade.hpp"

namespace mqtt_sim::net {

ClientOpener::ClientOpener(Stack& stack, StackBuffers& buffers, Random& random, const Opening& opening,
                           const Target& target, const std::string& destination, TlsContext* context,
                           TlsSession* session, uint64_t frame_limit, Instant now)
    : Opener(stack, buffers, random, opening),
      target_(target),
      context_(context),
      session_(session),
      frame_limit_(frame_limit),
      stage_began_(now) {
  if (target.proxy) proxy_.emplace(target.proxy, destination, target.address.port);
}

Opener::Step ClientOpener::advance(Instant now) {
  if (stage_ == Stage::proxy) {
    const Step step = pass_proxy();
    if (step != Step::open) return step;
    if (proxy_) opening_.tcp += now - std::exchange(stage_began_, now);
    stage_ = has_tls(target_.transport)         ? Stage::secure
             : has_websocket(target_.transport) ? Stage::request
                                                : Stage::done;
  }
  if (stage_ == Stage::secure) {
    push_tls(*context_, session_);
    stage_ = Stage::tls;
  }
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

Opener::Step ClientOpener::pass_proxy() {
  while (proxy_) {
    switch (proxy_->advance(head_)) {
      case ProxyHandshake::Step::wait: return Step::wait;
      case ProxyHandshake::Step::speak: stack_.speak(as_bytes(proxy_->to_say())); break;
      case ProxyHandshake::Step::open: return Step::open;
      case ProxyHandshake::Step::refuse: return refuse(CloseReason::unreachable, proxy_->problem());
    }
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
  if (stage_ == Stage::proxy) return {CloseReason::unreachable, "the proxy ended the stream"};
  if (stage_ == Stage::tls) return {CloseReason::tls_failed, "TLS handshake: the peer ended the stream"};
  return {CloseReason::upgrade_refused, "WebSocket upgrade: the peer ended the stream"};
}

}  // namespace mqtt_sim::net
