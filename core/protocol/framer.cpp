#include "core/protocol/framer.hpp"

#include <algorithm>
#include <vector>

#include "core/protocol/variable_byte_integer.hpp"

namespace mqtt_sim::protocol {
namespace {

// Of the packet that begins some bytes; both zero while the remaining length has not arrived whole.
struct Extent {
  size_t header = 0;
  size_t whole = 0;
};

Expected<Extent> measure(ByteView bytes, uint32_t maximum_packet_size) {
  ByteReader in(bytes);
  in.u8();
  const std::optional<uint32_t> body = read_variable_byte_integer(in);
  if (!body) {
    if (in.is_bad()) return Extent();
    return make_error(ReasonCode::malformed_packet,
                      "remaining length is not a variable byte integer");  // [MQTT-1.5.5-1]
  }
  const size_t header = bytes.size() - in.remaining();
  const Extent extent{header, header + *body};
  if (extent.whole > maximum_packet_size) {
    return make_error(ReasonCode::packet_too_large, "packet is larger than the maximum packet size");
  }
  return extent;
}

Frame frame_of(ByteView bytes, Extent extent) {
  return {bytes[0], bytes.subspan(extent.header, extent.whole - extent.header)};
}

}  // namespace

struct Framer::Partial {
  std::vector<uint8_t> bytes;
  bool is_handed_out = false;  // as a frame that the caller may still be reading

  // Grows with what has arrived, not with what was announced: a forged length costs its sender as much as us.
  void append(ByteView more, size_t whole) {
    if (bytes.size() + more.size() > bytes.capacity()) {
      bytes.reserve(std::max(bytes.size() + more.size(), std::min(whole, 2 * bytes.capacity())));
    }
    bytes.insert(bytes.end(), more.begin(), more.end());
  }
};

Framer::Framer(uint32_t maximum_packet_size) : maximum_packet_size_(maximum_packet_size) {}
Framer::~Framer() = default;
Framer::Framer(Framer&&) noexcept = default;
Framer& Framer::operator=(Framer&&) noexcept = default;

void Framer::set_maximum_packet_size(uint32_t size) { maximum_packet_size_ = size; }

void Framer::feed(ByteView bytes) {
  MQTT_SIM_ASSERT(input_.empty());
  if (!is_lost_) input_ = bytes;
}

Expected<std::optional<Frame>> Framer::next() {
  if (is_lost_) return make_error(ReasonCode::malformed_packet, "stream was given up after an earlier error");
  if (partial_ && partial_->is_handed_out) {
    partial_->is_handed_out = false;
    partial_->bytes.clear();
  }
  auto frame = buffered() == 0 ? next_of_input() : next_of_partial();
  if (!frame) {
    reset();
    is_lost_ = true;
  }
  return frame;
}

Expected<std::optional<Frame>> Framer::next_of_input() {
  if (input_.empty()) {
    partial_.reset();
    return std::nullopt;
  }
  const Expected<Extent> extent = measure(input_, maximum_packet_size_);
  if (!extent) return extent.error();
  if (extent->whole == 0 || extent->whole > input_.size()) {
    if (!partial_) partial_ = std::make_unique<Partial>();
    partial_->append(input_, extent->whole);
    input_ = {};
    return std::nullopt;
  }
  const Frame frame = frame_of(input_, *extent);
  input_ = input_.subspan(extent->whole);
  return frame;
}

Expected<std::optional<Frame>> Framer::next_of_partial() {
  Expected<Extent> extent = measure(partial_->bytes, maximum_packet_size_);
  while (extent && extent->whole == 0 && !input_.empty()) {  // at most the four bytes of a remaining length
    partial_->append(input_.first(1), 0);
    input_ = input_.subspan(1);
    extent = measure(partial_->bytes, maximum_packet_size_);
  }
  if (!extent) return extent.error();
  if (extent->whole == 0) return std::nullopt;

  const size_t missing = extent->whole - partial_->bytes.size();
  const size_t taken = std::min(missing, input_.size());
  partial_->append(input_.first(taken), extent->whole);
  input_ = input_.subspan(taken);
  if (taken < missing) return std::nullopt;
  partial_->is_handed_out = true;
  return frame_of(partial_->bytes, *extent);
}

size_t Framer::buffered() const { return partial_ && !partial_->is_handed_out ? partial_->bytes.size() : 0; }

void Framer::reset() {
  input_ = {};
  partial_.reset();
  is_lost_ = false;
}

}  // namespace mqtt_sim::protocol
