#include "core/net/stack.hpp"

#include <algorithm>

#include "core/base/assert.hpp"

namespace mqtt_sim::net {

void Stack::descend(std::span<const ByteView> bytes) {
  MQTT_SIM_ASSERT(unsent().empty());
  if (!layers_.empty()) {
    fresh_ = pass_down(bytes);
  } else {
    for (const ByteView piece : bytes) unsent_.append(piece);
  }
}

void Stack::speak(ByteView bytes) {
  MQTT_SIM_ASSERT(fresh_.empty());
  unsent_.append(layers_.empty() ? bytes : pass_down({&bytes, 1}));
}

ByteView Stack::pass_down(std::span<const ByteView> bytes) {
  const bool is_last = is_closing_ && !has_closed_;
  has_closed_ = is_closing_;
  ByteView whole;
  for (size_t i = layers_.size(); i-- > 0;) {
    Layer& layer = *layers_[i];
    WireBuffer& below = buffers_.down[i % 2];
    below.clear();
    layer.give(bytes, below);
    if (is_last && layer.state() != Layer::State::failed) {
      layer.close();
      layer.give({}, below);
    }
    whole = below.view();
    bytes = {&whole, whole.empty() ? size_t{0} : size_t{1}};
  }
  return whole;
}

bool Stack::has_output() const {
  return !unsent().empty() || (is_closing_ && !has_closed_ && !layers_.empty()) ||
         std::ranges::any_of(layers_, [](const auto& layer) { return layer->has_output(); });
}

void Stack::sent(size_t n) {
  if (unsent_.empty()) {
    unsent_.append(fresh_.subspan(n));
    fresh_ = {};
  } else {
    unsent_.drop_front(n);
    if (unsent_.empty()) unsent_.release();
  }
}

Layer::State Stack::state() const {
  using State = Layer::State;
  for (const State worst : {State::failed, State::ended, State::opening}) {
    if (std::ranges::any_of(layers_, [&](const auto& layer) { return layer->state() == worst; })) return worst;
  }
  return State::open;
}

const Layer* Stack::failed_layer() const {
  const auto found =
      std::ranges::find_if(layers_, [](const auto& layer) { return layer->state() == Layer::State::failed; });
  return found == layers_.end() ? nullptr : found->get();
}

void Stack::note(CloseReason reason, std::string problem) {
  if (has_note_) return;
  has_note_ = true;
  reason_ = reason;
  problem_ = std::move(problem);
}

}  // namespace mqtt_sim::net
