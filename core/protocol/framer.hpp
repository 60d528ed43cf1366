// Cuts a byte stream into frames: a fixed header and the body it announces (section 2.1.4). Bytes that already hold a
// whole packet are not copied; only the unfinished tail of a read is kept, and never more than the maximum packet size,
// which is checked before anything is allocated.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "core/base/bytes.hpp"
#include "core/base/expected.hpp"
#include "core/protocol/packet.hpp"

namespace mqtt_sim::protocol {

struct Frame {
  uint8_t first = 0;  // packet type and flags
  ByteView body;      // after the remaining length

  PacketType type() const { return static_cast<PacketType>(first >> 4); }
  uint8_t flags() const { return first & 0x0F; }
};

// Use: feed(bytes), then next() until it gives no frame, before the bytes go away; only then feed() again. A frame is
// valid until the next call that is not const.
class Framer {
 public:
  static constexpr uint32_t kLargestPacket = 268'435'460;  // 5 bytes of fixed header and 268,435,455 of body

  explicit Framer(uint32_t maximum_packet_size = kLargestPacket);
  ~Framer();
  Framer(Framer&&) noexcept;
  Framer& operator=(Framer&&) noexcept;

  void set_maximum_packet_size(uint32_t);
  void feed(ByteView bytes);
  // A frame; nothing when more bytes are needed (what is left has then been copied); or an Error: malformed_packet for
  // a length that is not a variable byte integer in its shortest form, packet_too_large. After an error the stream is
  // lost: bytes are ignored and next() gives an Error until reset().
  Expected<std::optional<Frame>> next();

  size_t buffered() const;                    // bytes kept between reads
  ByteView unread() const { return input_; }  // of what was fed, after the last frame
  void reset();                               // for a new stream

 private:
  struct Partial;  // the unfinished packet; absent on an idle connection
  Expected<std::optional<Frame>> next_of_input();
  Expected<std::optional<Frame>> next_of_partial();

  ByteView input_;
  std::unique_ptr<Partial> partial_;
  uint32_t maximum_packet_size_;
  bool is_lost_ = false;
};

}  // namespace mqtt_sim::protocol
