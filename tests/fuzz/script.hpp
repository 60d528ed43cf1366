// Reads what to do next out of the bytes of a fuzz input; an input that has ended reads as zeros.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "core/base/bytes.hpp"

namespace mqtt_sim::fuzz {

// Bytes on a heap block of exactly their size: a read past it, or after it is gone, is seen by AddressSanitizer.
inline std::vector<uint8_t> copy_of(ByteView bytes) { return {bytes.begin(), bytes.end()}; }

class Script {
 public:
  explicit Script(ByteView bytes) : rest_(bytes) {}

  bool is_done() const { return rest_.empty(); }
  uint8_t u8() {
    if (rest_.empty()) return 0;
    const uint8_t value = rest_.front();
    rest_ = rest_.subspan(1);
    return value;
  }
  ByteView bytes(size_t n) {  // or fewer
    const ByteView taken = rest_.first(std::min(n, rest_.size()));
    rest_ = rest_.subspan(taken.size());
    return taken;
  }
  ByteView rest() { return bytes(rest_.size()); }

 private:
  ByteView rest_;
};

}  // namespace mqtt_sim::fuzz
