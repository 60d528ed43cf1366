// What a stream goes through between the socket's first byte and the endpoint's: TLS handshake, WebSocket upgrade, and
// for an arrived one also the PROXY header and finding out what the peer speaks. It pushes layers on the Stack as it
// learns which; it reads from above the topmost one, and speaks there. Owned by Connection while that is opening.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "core/base/driver.hpp"
#include "core/base/random.hpp"
#include "core/net/http_head.hpp"
#include "core/net/proxy_handshake.hpp"
#include "core/net/proxy_header.hpp"
#include "core/net/stack.hpp"
#include "core/net/tls_layer.hpp"

namespace mqtt_sim::net {

class Opener {
 public:
  enum class Step : uint8_t {
    wait,    // for more bytes
    open,    // head() holds the endpoint's first bytes, perhaps none
    http,    // the same, and the endpoint is one that answers HTTP
    refuse,  // the stack's note says why; what is unsent may still leave
  };

  // `opening` tells what happened before; the stages to come are added.
  Opener(Stack& stack, StackBuffers& buffers, Random& random, const Opening& opening)
      : stack_(stack), buffers_(buffers), random_(random), opening_(opening) {}
  Opener(const Opener&) = delete;
  Opener& operator=(const Opener&) = delete;
  virtual ~Opener() = default;

  // Bytes that arrived above the topmost layer.
  void take(ByteView bytes) { head_.append(bytes); }
  WireBuffer& head() { return head_; }
  const Opening& opening() const { return opening_; }
  const TlsLayer* tls() const { return tls_; }  // null: none
  // Goes on as far as the bytes allow.
  virtual Step advance(Instant now) = 0;
  // The peer ended the stream: why that is a failure.
  virtual std::pair<CloseReason, std::string> on_peer_end() const = 0;

 protected:
  // Puts a layer on top; what has arrived and nobody has read passes through it.
  void push(std::unique_ptr<Layer> layer);
  void push_tls(TlsContext& context, TlsSession* session);
  Step refuse(CloseReason reason, std::string problem);

  Stack& stack_;
  StackBuffers& buffers_;
  Random& random_;
  Opening opening_;
  TlsLayer* tls_ = nullptr;
  WireBuffer head_;
};

// For outbound streams of tls, ws and wss, and all that go through a proxy.
class ClientOpener final : public Opener {
 public:
  // `context` is of the target's TLS and not null if it has any. `destination`: what a proxy is told as the target's
  // host.
  ClientOpener(Stack&, StackBuffers&, Random&, const Opening& opening, const Target& target,
               const std::string& destination, TlsContext* context, TlsSession* session, uint64_t frame_limit,
               Instant now);

  Step advance(Instant now) override;
  std::pair<CloseReason, std::string> on_peer_end() const override;

 private:
  enum class Stage : uint8_t { proxy, secure, tls, request, response, done };

  Step pass_proxy();
  Step read_response();

  const Target& target_;
  TlsContext* context_;
  TlsSession* session_;
  const uint64_t frame_limit_;
  Instant stage_began_;
  std::optional<ProxyHandshake> proxy_;
  std::string key_;
  Stage stage_ = Stage::proxy;
};

// For arrived streams, by the rules of their listener, which must outlive it.
class ServerOpener final : public Opener {
 public:
  ServerOpener(Stack&, StackBuffers&, Random&, const Opening& opening, const ListenAddress& rules, TlsContext* context,
               bool expects_proxy, Peer peer, uint32_t& handshakes);
  ~ServerOpener() override { --handshakes_; }

  Step advance(Instant now) override;
  std::pair<CloseReason, std::string> on_peer_end() const override;
  const Peer& peer() const { return peer_; }

 private:
  enum class Stage : uint8_t { proxy, transport, tls, application, http, open, answer_http };

  bool read_proxy_header();  // false: not all of it is there, or refused
  bool tell_transport();     // false: no byte yet
  bool tell_application();   // likewise
  Step read_request();
  Step refuse_request(const HttpFault& fault);

  const ListenAddress& rules_;
  TlsContext* context_;
  Peer peer_;
  uint32_t& handshakes_;  // of the listener: how many are in progress
  Stage stage_;
};

}  // namespace mqtt_sim::net
