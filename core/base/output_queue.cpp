#include "core/base/output_queue.hpp"

#include <algorithm>
#include <vector>

namespace mqtt_sim::inline base {
namespace {

constexpr size_t kFirstBlock = 512;
constexpr size_t kLargestBlock = 64 * 1024;

struct Segment {
  std::unique_ptr<uint8_t[]> block;  // ours to fill, or null when `shared` holds the bytes
  SharedBytes shared;
  size_t capacity = 0;
  size_t filled = 0;

  ByteView bytes() const { return block ? ByteView(block.get(), filled) : shared.view(); }
  size_t room() const { return block ? capacity - filled : 0; }
};

}  // namespace

struct OutputQueue::State {
  std::vector<Segment> segments;
  size_t first = 0;  // segments before this one have left
  size_t sent = 0;   // bytes of the first segment that have left
  size_t size = 0;
  mutable std::vector<ByteView> views;

  Segment& tail_with(size_t n) {
    if (segments.size() == first || segments.back().room() < n) add_block(n);
    return segments.back();
  }
  void add_block(size_t n) {
    const size_t grown = segments.empty() ? kFirstBlock : std::min(segments.back().capacity * 8, kLargestBlock);
    const size_t capacity = std::max({n, grown, kFirstBlock});
    segments.push_back({std::unique_ptr<uint8_t[]>(new uint8_t[capacity]), {}, capacity, 0});
  }
};

OutputQueue::OutputQueue() = default;
OutputQueue::~OutputQueue() = default;
OutputQueue::OutputQueue(OutputQueue&&) noexcept = default;
OutputQueue& OutputQueue::operator=(OutputQueue&&) noexcept = default;

std::span<uint8_t> OutputQueue::extend(size_t n) {
  if (n == 0) return {};  // nothing waits, so nothing may be owned
  if (!state_) state_ = std::make_unique<State>();
  Segment& tail = state_->tail_with(n);
  const std::span<uint8_t> space(tail.block.get() + tail.filled, n);
  tail.filled += n;
  state_->size += n;
  return space;
}

void OutputQueue::append(ByteView bytes) {
  if (bytes.empty()) return;
  std::ranges::copy(bytes, extend(bytes.size()).begin());
}

void OutputQueue::append(const SharedBytes& bytes) {
  if (bytes.size() < kShareFrom) return append(bytes.view());
  if (!state_) state_ = std::make_unique<State>();
  state_->segments.push_back({nullptr, bytes, 0, 0});
  state_->size += bytes.size();
}

size_t OutputQueue::size() const { return state_ ? state_->size : 0; }

std::span<const ByteView> OutputQueue::views() const {
  if (!state_) return {};
  auto& views = state_->views;
  views.clear();
  size_t skip = state_->sent;
  for (size_t i = state_->first; i < state_->segments.size() && views.size() < kViewLimit; ++i) {
    views.push_back(state_->segments[i].bytes().subspan(skip));
    skip = 0;
  }
  return views;
}

void OutputQueue::consume(size_t n) {
  if (n == 0) return;
  MQTT_SIM_ASSERT(state_ && n <= state_->size);
  state_->size -= n;
  if (state_->size == 0) return clear();
  State& state = *state_;
  state.sent += n;
  while (state.sent >= state.segments[state.first].bytes().size()) {
    state.sent -= state.segments[state.first].bytes().size();
    state.segments[state.first++] = Segment();
  }
  if (state.first > 64 && state.first * 2 > state.segments.size()) {
    state.segments.erase(state.segments.begin(), state.segments.begin() + static_cast<std::ptrdiff_t>(state.first));
    state.first = 0;
  }
}

void OutputQueue::clear() { state_.reset(); }

}  // namespace mqtt_sim::inline base
