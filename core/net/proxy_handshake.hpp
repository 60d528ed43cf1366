// What a client says to a SOCKS5 or HTTP proxy, and what it makes of the answers, until the proxy has opened the way to
// the target: RFC 1928, RFC 1929, CONNECT of RFC 9110. Bytes in, bytes out; knows no socket and no time. Owned by the
// opener of its stream.
#pragma once

#include <string>
#include <string_view>

#include "core/base/bytes.hpp"
#include "core/base/proxy.hpp"
#include "core/net/wire_buffer.hpp"

namespace mqtt_sim::net {

class ProxyHandshake {
 public:
  enum class Step : uint8_t {
    wait,    // for more of the proxy's answer
    speak,   // to_say() is to be sent
    open,    // what follows in the buffer is the target's
    refuse,  // problem() says why
  };

  // `host`: a name or a literal address; `options` must outlive this.
  ProxyHandshake(const ProxyOptions& options, std::string host, uint16_t port);

  // Takes what it understands from the front of `head`.
  Step advance(WireBuffer& head);
  const std::string& to_say() const { return to_say_; }
  const std::string& problem() const { return problem_; }

 private:
  enum class Stage : uint8_t { begin, method, login, answer, http_answer };

  Step say(std::string text, Stage then);
  Step refuse(std::string_view problem);
  Step read_method(WireBuffer& head);
  Step read_login(WireBuffer& head);
  Step read_answer(WireBuffer& head);
  Step read_http_answer(WireBuffer& head);
  std::string greeting() const;
  std::string login() const;
  std::string request() const;
  std::string http_request() const;

  const ProxyOptions& options_;
  const std::string host_;
  const uint16_t port_;
  Stage stage_ = Stage::begin;
  std::string to_say_;
  std::string problem_;
};

}  // namespace mqtt_sim::net
