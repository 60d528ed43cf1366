#include "core/net/websocket_layer.hpp"

#include <algorithm>
#include <cstring>

namespace mqtt_sim::net {
namespace {

enum Opcode : uint8_t { continuation = 0, text = 1, binary = 2, close_frame = 8, ping = 9, pong = 10 };

constexpr uint8_t kFinal = 0x80;
constexpr uint8_t kMasked = 0x80;
constexpr uint8_t kLength16 = 126;
constexpr uint8_t kLength64 = 127;

bool is_control(uint8_t opcode) { return (opcode & 8) != 0; }

// RFC 6455 7.4: those that may stand in a frame.
bool is_close_code(uint16_t code) {
  return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) || (code >= 3000 && code <= 4999);
}

uint64_t big_endian(ByteView bytes) {
  uint64_t value = 0;
  for (const uint8_t byte : bytes) value = value << 8 | byte;
  return value;
}

}  // namespace

void mask_bytes(uint8_t* dst, const uint8_t* src, size_t n, const std::array<uint8_t, 4>& key, size_t phase) {
  std::array<uint8_t, 8> turned;
  for (size_t i = 0; i < 8; ++i) turned[i] = key[(phase + i) % 4];
  uint64_t word = 0;
  std::memcpy(&word, turned.data(), 8);
  size_t i = 0;
  for (; i + 8 <= n; i += 8) {
    uint64_t eight = 0;
    std::memcpy(&eight, src + i, 8);
    eight ^= word;
    std::memcpy(dst + i, &eight, 8);
  }
  for (; i < n; ++i) dst[i] = static_cast<uint8_t>(src[i] ^ turned[i % 8]);
}

WebSocketLayer::WebSocketLayer(WebSocketRole role, Random& random, uint64_t frame_limit)
    : random_(random), frame_limit_(frame_limit), role_(role) {
  state_ = State::open;
}

// --- in

void WebSocketLayer::put(std::span<uint8_t> bytes) {
  uint8_t* const begin = bytes.data();
  uint8_t* end_of_ready = begin;  // payloads are moved together: many small frames go up as one run
  for (size_t at = 0; at < bytes.size() && state_ == State::open;) {
    if (!is_in_frame_) {
      at += read_header(bytes.subspan(at));
      continue;
    }
    const size_t n = static_cast<size_t>(std::min<uint64_t>(left_, bytes.size() - at));
    const size_t phase = static_cast<size_t>((frame_.length - left_) % 4);
    if (is_control(frame_.opcode)) {
      mask_bytes(control_.data() + control_size_, begin + at, n, frame_.key, phase);
      control_size_ = static_cast<uint8_t>(control_size_ + n);
    } else {
      if (frame_.is_masked) {
        mask_bytes(end_of_ready, begin + at, n, frame_.key, phase);
      } else {
        std::memmove(end_of_ready, begin + at, n);
      }
      end_of_ready += n;
    }
    at += n;
    left_ -= n;
    if (left_ == 0) on_frame_end();
  }
  ready_ = {begin, static_cast<size_t>(end_of_ready - begin)};
}

WebSocketLayer::Header WebSocketLayer::parse_header(ByteView bytes) {
  Header header;
  if (bytes.size() < 2) return header;
  header.is_final = (bytes[0] & kFinal) != 0;
  header.reserved = bytes[0] & 0x70;
  header.opcode = bytes[0] & 0x0f;
  header.is_masked = (bytes[1] & kMasked) != 0;
  const uint8_t length = bytes[1] & 0x7f;
  const size_t length_size = length == kLength64 ? 8 : length == kLength16 ? 2 : 0;
  const size_t size = 2 + length_size + (header.is_masked ? 4 : 0);
  if (bytes.size() < size) return header;
  header.length = length_size == 0 ? length : big_endian(bytes.subspan(2, length_size));
  if (header.is_masked) std::ranges::copy(bytes.subspan(size - 4, 4), header.key.begin());
  header.size = size;
  return header;
}

size_t WebSocketLayer::read_header(ByteView bytes) {
  size_t taken = 0;
  Header header;
  if (partial_size_ == 0) {
    header = parse_header(bytes);
    taken = header.size;
    if (taken == 0) {  // kept until the rest is there: fewer than fourteen bytes
      taken = bytes.size();
      std::ranges::copy(bytes, partial_.begin());
      partial_size_ = static_cast<uint8_t>(taken);
      return taken;
    }
  } else {
    while (header.size == 0 && taken < bytes.size()) {
      partial_[partial_size_++] = bytes[taken++];
      header = parse_header(ByteView(partial_).first(partial_size_));
    }
    if (header.size == 0) return taken;
    partial_size_ = 0;
  }
  on_header(header);
  return taken;
}

const char* WebSocketLayer::flaw_of(const Header& header) const {
  if (header.reserved != 0) return "reserved bit set in a frame";
  if (header.is_masked != (role_ == WebSocketRole::server)) {
    return header.is_masked ? "masked frame from a server" : "unmasked frame from a client";
  }
  if (header.length >> 63 != 0) return "frame length above 2^63";
  switch (header.opcode) {
    case continuation: return is_in_message_ ? nullptr : "continuation of nothing";
    case text:
    case binary: return is_in_message_ ? "new message inside a fragmented one" : nullptr;
    case close_frame:
    case ping:
    case pong:
      if (!header.is_final) return "fragmented control frame";
      return header.length > kControlLimit ? "control frame above 125 bytes" : nullptr;
    default: return "reserved opcode";
  }
}

void WebSocketLayer::on_header(const Header& header) {
  if (const char* flaw = flaw_of(header)) return refuse(WebSocketCode::protocol_error, flaw);
  if (header.opcode == text) return refuse(WebSocketCode::unsupported_data, "text frame");  // [MQTT-6.0.0-1]
  if (header.length > frame_limit_) return refuse(WebSocketCode::too_big, "frame above the limit");
  frame_ = header;
  left_ = header.length;
  is_in_frame_ = true;
  control_size_ = 0;
  if (left_ == 0) on_frame_end();
}

void WebSocketLayer::on_frame_end() {
  is_in_frame_ = false;
  switch (frame_.opcode) {
    case close_frame: return on_close_frame();
    case ping:
      std::copy_n(control_.begin(), control_size_, pong_.begin());
      pong_size_ = control_size_;
      has_pong_ = true;
      return;
    case pong: return;
    default: is_in_message_ = !frame_.is_final;
  }
}

void WebSocketLayer::on_close_frame() {
  const ByteView payload = ByteView(control_).first(control_size_);
  if (payload.size() == 1) return refuse(WebSocketCode::protocol_error, "close frame of one byte");
  const uint16_t code = payload.empty() ? uint16_t{0} : static_cast<uint16_t>(big_endian(payload.first(2)));
  if (!payload.empty() && !is_close_code(code)) return refuse(WebSocketCode::protocol_error, "close code out of range");
  say_close(code);  // the answer repeats it
  state_ = State::ended;
}

// --- out

void WebSocketLayer::give(std::span<const ByteView> bytes, WireBuffer& below) {
  if (has_pong_ && !has_closed_) {
    const ByteView payload = ByteView(pong_).first(pong_size_);
    put_frame(pong, {&payload, 1}, payload.size(), below);
  }
  has_pong_ = false;
  if (!has_closed_) {
    size_t size = 0;
    for (const ByteView piece : bytes) size += piece.size();
    if (size > 0) put_frame(binary, bytes, size, below);
  }
  if (!has_close_) return;
  has_close_ = false;
  const std::array<uint8_t, 2> code{static_cast<uint8_t>(close_code_ >> 8), static_cast<uint8_t>(close_code_)};
  const ByteView payload = ByteView(code).first(close_code_ == 0 ? 0 : 2);
  put_frame(close_frame, {&payload, 1}, payload.size(), below);
}

void WebSocketLayer::put_frame(uint8_t opcode, std::span<const ByteView> pieces, size_t size, WireBuffer& below) {
  const bool is_masked = role_ == WebSocketRole::client;
  const size_t length_size = size > UINT16_MAX ? 8 : size >= kLength16 ? 2 : 0;
  const size_t header_size = 2 + length_size + (is_masked ? 4 : 0);
  uint8_t* out = below.extend(header_size + size).data();
  const uint8_t length = length_size == 8 ? kLength64 : length_size == 2 ? kLength16 : static_cast<uint8_t>(size);
  *out++ = static_cast<uint8_t>(kFinal | opcode);
  *out++ = static_cast<uint8_t>((is_masked ? kMasked : 0) | length);
  for (size_t i = length_size; i-- > 0;) *out++ = static_cast<uint8_t>(size >> (8 * i));

  std::array<uint8_t, 4> key{};
  if (is_masked) {
    const auto number = static_cast<uint32_t>(random_.next() >> 32);
    std::memcpy(key.data(), &number, 4);
    std::memcpy(out, key.data(), 4);
    out += 4;
  }
  size_t done = 0;
  for (const ByteView piece : pieces) {
    if (piece.empty()) continue;
    if (is_masked) {
      mask_bytes(out, piece.data(), piece.size(), key, done);
    } else {
      std::memcpy(out, piece.data(), piece.size());
    }
    out += piece.size();
    done += piece.size();
  }
}

void WebSocketLayer::close() { say_close(static_cast<uint16_t>(WebSocketCode::normal)); }

void WebSocketLayer::refuse(WebSocketCode code, const char* problem) {
  say_close(static_cast<uint16_t>(code));
  fail(CloseReason::breach, problem);
}

void WebSocketLayer::say_close(uint16_t code) {
  if (has_closed_) return;
  has_closed_ = has_close_ = true;
  close_code_ = code;
}

}  // namespace mqtt_sim::net
