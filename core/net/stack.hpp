// The layers between one endpoint and its socket, and the bytes that have passed them but that the socket has not taken
// yet. Plain streams have none. Owned by Connection, its thread only.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/net/layer.hpp"
#include "core/net/wire_buffer.hpp"

namespace mqtt_sim::net {

// What the stacks of one loop share, each for the length of a call.
struct StackBuffers {
  static constexpr size_t kPlainSize = 256 * 1024;

  WireBuffer down[2];                // output, between two layers and below the last
  std::unique_ptr<uint8_t[]> plain;  // input of TLS, decrypted
  std::span<uint8_t> plain_space() {
    if (!plain) plain.reset(new uint8_t[kPlainSize]);
    return {plain.get(), kPlainSize};
  }
};

class Stack {
 public:
  static constexpr size_t kBatchLimit = 64 * 1024;  // bytes from above in one pass down; also the bound on unsent()

  explicit Stack(StackBuffers& buffers) : buffers_(buffers) {}

  void push(std::unique_ptr<Layer> layer) { layers_.push_back(std::move(layer)); }
  size_t size() const { return layers_.size(); }  // layers

  // Takes bytes up, from the layer numbered `from` (0: the lowest; the bytes are the socket's) to above the last, and
  // calls sink(span) with every run that arrives there.
  template <class Sink>
  void ascend(std::span<uint8_t> bytes, size_t from, const Sink& sink) {
    if (from == layers_.size()) return sink(bytes);
    Layer& layer = *layers_[from];
    layer.put(bytes);
    for (std::span<uint8_t> up = layer.take(); !up.empty(); up = layer.take()) ascend(up, from + 1, sink);
  }

  // Takes bytes down; they become unsent(), which must be empty.
  void descend(std::span<const ByteView> bytes);
  // Takes bytes down to wait behind what is unsent. For a few bytes between two pushes.
  void speak(ByteView bytes);
  // From now on each layer says goodbye after the bytes given.
  void close() { is_closing_ = true; }

  bool has_output() const;  // unsent() is not empty, or descend() without bytes would make it so
  ByteView unsent() const { return unsent_.empty() ? fresh_ : unsent_.view(); }
  // The socket has taken the first n bytes of unsent(). To be called before anything else descends on this loop.
  void sent(size_t n);

  Layer::State state() const;  // the worst of all layers: failed, ended, opening, open
  const Layer* failed_layer() const;
  // Why the stream ends, if not for what the socket says; the first reason counts.
  void note(CloseReason reason, std::string problem);
  bool has_note() const { return has_note_; }
  CloseReason reason() const { return reason_; }
  const std::string& problem() const { return problem_; }

 private:
  ByteView pass_down(std::span<const ByteView> bytes);

  StackBuffers& buffers_;
  std::vector<std::unique_ptr<Layer>> layers_;  // lowest first
  WireBuffer unsent_;
  ByteView fresh_;  // of the last descent, in buffers_
  bool is_closing_ = false;
  bool has_closed_ = false;
  bool has_note_ = false;
  CloseReason reason_ = CloseReason::local;
  std::string problem_;
};

}  // namespace mqtt_sim::net
