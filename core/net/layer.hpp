// Turns bytes into bytes, in both directions: TLS, WebSocket. Knows no socket, no endpoint and no time. Bytes from
// below are put in and what they mean is taken out; bytes from above are given and come out in the layer's form. An
// idle layer owns no buffer. Owned by the Stack of one stream.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <utility>

#include "core/base/bytes.hpp"
#include "core/base/endpoint.hpp"
#include "core/net/wire_buffer.hpp"

namespace mqtt_sim::net {

class Layer {
 public:
  enum class State : uint8_t {
    opening,  // shakes hands; nothing can be given or taken yet
    open,
    ended,   // the peer said goodbye
    failed,  // the peer broke the rules or refused us; problem() says how, and the last output tells the peer
  };

  Layer() = default;
  Layer(const Layer&) = delete;
  Layer& operator=(const Layer&) = delete;
  virtual ~Layer() = default;

  // Bytes from below, which the layer may overwrite. They last until take() has returned nothing.
  virtual void put(std::span<uint8_t> bytes) = 0;
  // The next bytes for above, valid until the next call; nothing: no more until the next put().
  virtual std::span<uint8_t> take() = 0;

  // Appends to `below` what the layer itself has to say, then `bytes` in the layer's form.
  virtual void give(std::span<const ByteView> bytes, WireBuffer& below) = 0;
  virtual bool has_output() const = 0;  // of its own
  // Says goodbye; the next give() brings it.
  virtual void close() = 0;

  State state() const { return state_; }
  CloseReason reason() const { return reason_; }  // once failed
  const std::string& problem() const { return problem_; }

 protected:
  void fail(CloseReason reason, std::string problem) {
    state_ = State::failed;
    reason_ = reason;
    problem_ = std::move(problem);
  }

  State state_ = State::opening;

 private:
  CloseReason reason_ = CloseReason::reset;
  std::string problem_;
};

}  // namespace mqtt_sim::net
