// Views on bytes and the two cursors that read and write them in network order. A cursor never passes its end:
// a reader that would turns bad and stays bad, a writer asserts. Views do not own; the owner's comment says how
// long they last.
#pragma once

#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

#include "core/base/assert.hpp"

namespace mqtt_sim::inline base {

using ByteView = std::span<const uint8_t>;

inline ByteView as_bytes(std::string_view text) { return {reinterpret_cast<const uint8_t*>(text.data()), text.size()}; }
inline std::string_view as_text(ByteView bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

class ByteReader {
 public:
  explicit ByteReader(ByteView bytes) : at_(bytes.data()), end_(bytes.data() + bytes.size()) {}

  bool is_bad() const { return bad_; }
  size_t remaining() const { return static_cast<size_t>(end_ - at_); }
  bool is_done() const { return at_ == end_; }

  uint8_t u8() { return need(1) ? *at_++ : uint8_t{0}; }
  uint16_t u16() {
    if (!need(2)) return 0;
    const uint16_t value = static_cast<uint16_t>(at_[0] << 8 | at_[1]);
    at_ += 2;
    return value;
  }
  uint32_t u32() {
    const uint32_t high = u16();
    return high << 16 | u16();
  }
  ByteView take(size_t n) {
    if (!need(n)) return {};
    const ByteView view(at_, n);
    at_ += n;
    return view;
  }
  ByteView rest() { return take(remaining()); }

 private:
  bool need(size_t n) {
    if (!bad_ && remaining() >= n) return true;
    bad_ = true;
    at_ = end_;
    return false;
  }

  const uint8_t* at_;
  const uint8_t* end_;
  bool bad_ = false;
};

class ByteWriter {
 public:
  explicit ByteWriter(std::span<uint8_t> space) : begin_(space.data()), at_(begin_), end_(begin_ + space.size()) {}

  size_t written() const { return static_cast<size_t>(at_ - begin_); }

  void u8(uint8_t value) {
    MQTT_SIM_ASSERT(at_ < end_);
    *at_++ = value;
  }
  void u16(uint16_t value) {
    u8(static_cast<uint8_t>(value >> 8));
    u8(static_cast<uint8_t>(value));
  }
  void u32(uint32_t value) {
    u16(static_cast<uint16_t>(value >> 16));
    u16(static_cast<uint16_t>(value));
  }
  void put(ByteView bytes) {
    MQTT_SIM_ASSERT(bytes.size() <= static_cast<size_t>(end_ - at_));
    if (!bytes.empty()) std::memcpy(at_, bytes.data(), bytes.size());
    at_ += bytes.size();
  }

 private:
  uint8_t* begin_;
  uint8_t* at_;
  uint8_t* end_;
};

}  // namespace mqtt_sim::inline base
