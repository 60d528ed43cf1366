// Reads the fields of one packet body. The first fault is kept and later reads give empty values, so a decoder reads
// straight on and asks once, at the end: finish() gives the packet or the Error.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>

#include "core/base/bytes.hpp"
#include "core/base/expected.hpp"
#include "core/protocol/packet.hpp"
#include "core/protocol/utf8.hpp"
#include "core/protocol/variable_byte_integer.hpp"

namespace mqtt_sim::protocol {

class FieldReader {
 public:
  explicit FieldReader(ByteView body) : bytes_(body) {}

  bool is_done() const { return error_ || bytes_.is_done(); }
  size_t remaining() const { return bytes_.remaining(); }

  uint8_t u8() { return bytes_.u8(); }
  uint16_t u16() { return bytes_.u16(); }
  ByteView rest() { return bytes_.rest(); }
  ByteView binary() { return bytes_.take(bytes_.u16()); }

  std::string_view text() {
    const std::string_view value = as_text(binary());
    if (!is_utf8_string(value)) refuse(ReasonCode::malformed_packet, "text is not well-formed UTF-8");
    return value;
  }

  PacketId packet_id() {
    const PacketId id = bytes_.u16();
    // [MQTT-2.3.1-1] of 3.1.1
    if (id == 0) refuse(ReasonCode::malformed_packet, "packet identifier is 0");  // [MQTT-2.2.1-3]
    return id;
  }

  PropertyList properties(uint32_t place) {
    const std::optional<uint32_t> length = read_variable_byte_integer(bytes_);
    if (!length) {
      refuse(ReasonCode::malformed_packet, "property length is not a variable byte integer");
      return {};
    }
    const ByteView encoded = bytes_.take(*length);
    if (encoded.empty()) return {};
    Expected<PropertyList> list = check_properties(encoded, place);
    if (list) return *list;
    if (!error_) error_ = std::move(list).error();
    return {};
  }

  // Keeps this fault unless an earlier one, or the end of the bytes, explains it.
  void refuse(ReasonCode reason, const char* text) {
    if (error_) return;
    error_ = bytes_.is_bad() ? ends_too_early() : make_error(reason, text);
  }

  template <class Result, class Value>
  Expected<Result> finish(Value&& value) {
    if (!error_ && bytes_.is_bad()) error_ = ends_too_early();
    if (!error_ && !bytes_.is_done()) {
      error_ = make_error(ReasonCode::malformed_packet, "bytes after the last field");
    }
    if (error_) return *std::move(error_);
    return Result(std::forward<Value>(value));
  }

 private:
  static Error ends_too_early() { return make_error(ReasonCode::malformed_packet, "packet ends inside a field"); }

  ByteReader bytes_;
  std::optional<Error> error_;
};

}  // namespace mqtt_sim::protocol
