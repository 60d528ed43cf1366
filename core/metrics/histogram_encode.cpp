// The compressed HdrHistogram V2 encoding, as HdrHistogram log files carry it. All integers are big-endian:
//
//   base64 of   cookie u32 = 0x1c849314, length u32 of the zlib stream, zlib stream of the payload
//   payload     cookie u32 = 0x1c849313, length u32 of the counts, normalizing index offset u32 = 0,
//               significant digits u32, lowest u64, highest u64, conversion ratio f64 = 1, counts
//   counts      from index 0 to the last one that is not zero: a count, or minus the length of a run of zeros; as
//               ZigZag LEB128, whose ninth byte has eight bits
//
// The zlib stream (RFC 1950) is made of stored blocks (RFC 1951, 3.2.4): valid for every reader and the same bytes on
// every platform. The counts are small as they are.
#include <array>
#include <span>
#include <string_view>

#include "core/base/bytes.hpp"
#include "core/metrics/histogram.hpp"

namespace mqtt_sim::metrics {
namespace {

constexpr uint32_t kCompressedCookie = 0x1c849304 | 0x10;  // 0x10: what all writers of V2 put where V1 had a word size
constexpr uint32_t kPayloadCookie = 0x1c849303 | 0x10;
constexpr size_t kPayloadHeaderSize = 40;
constexpr size_t kStoredBlockLimit = 0xffff;
constexpr uint64_t kRatioOfOne = 0x3ff0000000000000;  // 1.0 as IEEE 754 bits

void put_u64(ByteWriter& out, uint64_t value) {
  out.u32(static_cast<uint32_t>(value >> 32));
  out.u32(static_cast<uint32_t>(value));
}

void append_zigzag(std::vector<uint8_t>& out, int64_t value) {
  uint64_t rest = (static_cast<uint64_t>(value) << 1) ^ static_cast<uint64_t>(value >> 63);
  for (int byte = 0; byte < 8; ++byte) {
    if (rest < 0x80) {
      out.push_back(static_cast<uint8_t>(rest));
      return;
    }
    out.push_back(static_cast<uint8_t>(rest | 0x80));
    rest >>= 7;
  }
  out.push_back(static_cast<uint8_t>(rest));
}

std::vector<uint8_t> encode_counts(std::span<const uint64_t> counts) {
  std::vector<uint8_t> out;
  for (size_t index = 0; index < counts.size();) {
    size_t end = index;
    while (end < counts.size() && counts[end] == 0) ++end;
    const size_t zeros = end - index;
    if (end == counts.size()) break;
    if (zeros > 0) append_zigzag(out, -static_cast<int64_t>(zeros));
    append_zigzag(out, static_cast<int64_t>(counts[end]));
    index = end + 1;
  }
  return out;
}

std::vector<uint8_t> make_payload(std::span<const uint64_t> counts) {
  const std::vector<uint8_t> encoded = encode_counts(counts);
  std::vector<uint8_t> payload(kPayloadHeaderSize + encoded.size());
  ByteWriter out(payload);
  out.u32(kPayloadCookie);
  out.u32(static_cast<uint32_t>(encoded.size()));
  out.u32(0);
  out.u32(Histogram::kSignificantDigits);
  put_u64(out, Histogram::kLowest);
  put_u64(out, Histogram::kHighest);
  put_u64(out, kRatioOfOne);
  out.put(encoded);
  return payload;
}

uint32_t adler32(ByteView bytes) {
  uint32_t low = 1;
  uint32_t high = 0;
  for (const uint8_t byte : bytes) {
    low = (low + byte) % 65521;
    high = (high + low) % 65521;
  }
  return high << 16 | low;
}

size_t zlib_stored_size(size_t n) {
  const size_t blocks = (n + kStoredBlockLimit - 1) / kStoredBlockLimit;
  return 2 + 5 * blocks + n + 4;
}

void put_zlib_stored(ByteWriter& out, ByteView bytes) {
  out.u16(0x7801);  // deflate, window of 32 KiB, fastest level; a multiple of 31 as the check wants it
  for (ByteView rest = bytes; !rest.empty();) {
    const ByteView block = rest.first(std::min(rest.size(), kStoredBlockLimit));
    rest = rest.subspan(block.size());
    out.u8(rest.empty() ? 1 : 0);  // final block or not; type 0, stored
    const auto low = static_cast<uint8_t>(block.size());
    const auto high = static_cast<uint8_t>(block.size() >> 8);
    for (const int byte : {+low, +high, ~low, ~high}) out.u8(static_cast<uint8_t>(byte));
    out.put(block);
  }
  out.u32(adler32(bytes));
}

std::string to_base64(ByteView bytes) {
  static constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (ByteView rest = bytes; !rest.empty(); rest = rest.subspan(std::min<size_t>(3, rest.size()))) {
    const auto at = [rest](size_t i) { return i < rest.size() ? uint32_t{rest[i]} : 0; };
    const uint32_t group = at(0) << 16 | at(1) << 8 | at(2);
    text += kDigits[group >> 18];
    text += kDigits[group >> 12 & 63];
    text += rest.size() > 1 ? kDigits[group >> 6 & 63] : '=';
    text += rest.size() > 2 ? kDigits[group & 63] : '=';
  }
  return text;
}

}  // namespace

std::string Histogram::encode_v2() const {
  const std::vector<uint8_t> payload = make_payload(counts_);
  const size_t stream_size = zlib_stored_size(payload.size());
  std::vector<uint8_t> bytes(8 + stream_size);
  ByteWriter out(bytes);
  out.u32(kCompressedCookie);
  out.u32(static_cast<uint32_t>(stream_size));
  put_zlib_stored(out, payload);
  return to_base64(bytes);
}

}  // namespace mqtt_sim::metrics
