// WebSocket frames (RFC 6455) below a byte stream. Outgoing bytes leave as binary frames, several pieces in one;
// incoming frames are unmasked where they lie and handed up as they come, so that no frame is ever kept: MQTT packets
// need not be aligned with them [MQTT-6.0.0-2]. No extensions. At most one pong waits, for the latest ping.
#pragma once

#include <array>
#include <cstdint>

#include "core/base/random.hpp"
#include "core/net/layer.hpp"

namespace mqtt_sim::net {

enum class WebSocketRole : uint8_t { client, server };

// The codes of RFC 6455 7.4.1 that we send.
enum class WebSocketCode : uint16_t {
  normal = 1000,
  protocol_error = 1002,
  unsupported_data = 1003,
  too_big = 1009,
};

class WebSocketLayer final : public Layer {
 public:
  // `random` gives the keys that a client masks with; it must outlive the layer.
  WebSocketLayer(WebSocketRole role, Random& random, uint64_t frame_limit);

  void put(std::span<uint8_t> bytes) override;
  std::span<uint8_t> take() override { return std::exchange(ready_, {}); }
  void give(std::span<const ByteView> bytes, WireBuffer& below) override;
  bool has_output() const override { return has_pong_ || has_close_; }
  void close() override;

 private:
  static constexpr size_t kHeaderLimit = 14;
  static constexpr size_t kControlLimit = 125;

  struct Header {
    uint8_t opcode = 0;
    bool is_final = false;
    bool is_masked = false;
    uint8_t reserved = 0;
    uint64_t length = 0;
    std::array<uint8_t, 4> key{};
    size_t size = 0;  // of the header itself; 0: more bytes are needed
  };

  static Header parse_header(ByteView bytes);
  size_t read_header(ByteView bytes);  // bytes taken
  void on_header(const Header& header);
  const char* flaw_of(const Header& header) const;
  void on_frame_end();
  void on_close_frame();

  void put_frame(uint8_t opcode, std::span<const ByteView> pieces, size_t size, WireBuffer& below);
  void refuse(WebSocketCode code, const char* problem);
  void say_close(uint16_t code);

  Random& random_;
  const uint64_t frame_limit_;
  const WebSocketRole role_;
  std::span<uint8_t> ready_;

  // The frame that is being read.
  Header frame_;
  uint64_t left_ = 0;           // payload to come
  bool is_in_frame_ = false;    // its header has been read
  bool is_in_message_ = false;  // a message began that no frame has ended
  uint8_t partial_size_ = 0;
  std::array<uint8_t, kHeaderLimit> partial_;  // the beginning of a header
  uint8_t control_size_ = 0;
  std::array<uint8_t, kControlLimit> control_;  // payload of a ping or close, until it is answered

  uint8_t pong_size_ = 0;
  bool has_pong_ = false;
  bool has_close_ = false;   // to be sent
  bool has_closed_ = false;  // said, or about to be
  uint16_t close_code_ = 0;  // 0: without one
  std::array<uint8_t, kControlLimit> pong_;
};

// dst[i] = src[i] ^ key[(phase + i) % 4]; dst may begin before src in the same block.
void mask_bytes(uint8_t* dst, const uint8_t* src, size_t n, const std::array<uint8_t, 4>& key, size_t phase);

}  // namespace mqtt_sim::net
