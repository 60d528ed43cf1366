#include "core/net/opener.hpp"
#include "core/net/websocket_layer.hpp"
#include "core/net/websocket_upgrade.hpp"

namespace mqtt_sim::net {
namespace {

constexpr uint8_t kTlsHandshake = 0x16;  // the first byte of every TLS stream

// Methods are written in letters; no MQTT stream begins with one, since CONNECT is 0x10 and nothing else may be first.
bool is_letter(uint8_t byte) { return (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z'); }

}  // namespace

ServerOpener::ServerOpener(Stack& stack, StackBuffers& buffers, Random& random, const Opening& opening,
                           const ListenAddress& rules, TlsContext* context, bool expects_proxy, Peer peer,
                           uint32_t& handshakes)
    : Opener(stack, buffers, random, opening),
      rules_(rules),
      context_(context),
      peer_(std::move(peer)),
      handshakes_(handshakes),
      stage_(expects_proxy ? Stage::proxy : Stage::transport) {
  ++handshakes_;
}

Opener::Step ServerOpener::advance(Instant) {
  if (stage_ == Stage::proxy && !read_proxy_header()) return stack_.has_note() ? Step::refuse : Step::wait;
  if (stage_ == Stage::transport && !tell_transport()) return Step::wait;
  if (stage_ == Stage::tls) {
    if (tls_->state() == Layer::State::opening) return Step::wait;
    peer_.transport = Transport::tls;
    peer_.certificate_name = tls_->peer_name();
    stage_ = Stage::application;
  }
  if (stage_ == Stage::application && !tell_application()) return Step::wait;
  if (stage_ == Stage::http) {
    const Step step = read_request();
    if (step != Step::open && step != Step::http) return step;
    stage_ = step == Step::open ? Stage::open : Stage::answer_http;
  }
  return stage_ == Stage::answer_http ? Step::http : Step::open;
}

bool ServerOpener::read_proxy_header() {
  const auto header = parse_proxy_header(head_.view());
  if (!header) {
    refuse(CloseReason::breach, header.error().text);
    return false;
  }
  if (header->size == 0) return false;
  if (!header->client.empty()) peer_.address = header->client;
  head_.drop_front(header->size);
  stage_ = Stage::transport;
  return true;
}

bool ServerOpener::tell_transport() {
  const bool may_be_either = context_ && rules_.plain_beside_tls;
  if (may_be_either && head_.empty()) return false;
  const bool is_tls = context_ && (!may_be_either || head_.view()[0] == kTlsHandshake);
  if (is_tls) push_tls(*context_, nullptr);
  stage_ = is_tls ? Stage::tls : Stage::application;
  return true;
}

bool ServerOpener::tell_application() {
  const Protocols& taken = rules_.protocols;
  const bool may_be_http = taken.websocket || taken.http;
  if (taken.mqtt && may_be_http && head_.empty()) return false;
  const bool is_http = may_be_http && (!taken.mqtt || is_letter(head_.view()[0]));
  stage_ = is_http ? Stage::http : Stage::open;
  return true;
}

Opener::Step ServerOpener::read_request() {
  if (!head_.empty() && !is_letter(head_.view()[0])) return refuse_request({400, "this is not HTTP"});
  const HeadExtent extent = find_head(head_.view());
  switch (extent.state) {
    case HeadState::partial: return Step::wait;
    case HeadState::too_large: return refuse_request({431, "headers above 8 KiB"});
    case HeadState::malformed: return refuse_request({400, "this is not HTTP"});
    case HeadState::complete: break;
  }
  const auto request = parse_request_head(head_.view().first(extent.size));
  if (!request) return refuse_request(request.error());
  const bool is_upgrade = rules_.protocols.websocket && is_upgrade_request(*request);
  if (!is_upgrade && rules_.protocols.http && rules_.http) return Step::http;
  if (!is_upgrade) return refuse_request({426, "only WebSocket is spoken here"});

  UpgradeAnswer answer = answer_upgrade_request(*request, rules_);
  stack_.speak(as_bytes(answer.text));
  if (!answer.is_accepted) return refuse(CloseReason::upgrade_refused, "WebSocket upgrade: " + answer.problem);
  peer_.transport = peer_.transport == Transport::tls ? Transport::wss : Transport::ws;
  peer_.subprotocol = answer.subprotocol;
  peer_.path = request->target.substr(0, request->target.find('?'));
  peer_.headers = request->fields;
  head_.drop_front(extent.size);
  push(std::make_unique<WebSocketLayer>(WebSocketRole::server, random_, rules_.websocket_frame_limit));
  return Step::open;
}

Opener::Step ServerOpener::refuse_request(const HttpFault& fault) {
  stack_.speak(as_bytes(make_refusal(fault)));
  return refuse(CloseReason::upgrade_refused, "HTTP: " + fault.text);
}

std::pair<CloseReason, std::string> ServerOpener::on_peer_end() const {
  if (stage_ == Stage::tls) return {CloseReason::tls_failed, "TLS handshake: the peer ended the stream"};
  return {CloseReason::peer, {}};
}

}  // namespace mqtt_sim::net
