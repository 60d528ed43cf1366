#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "core/base/bytes.hpp"
#include "core/metrics/histogram.hpp"

namespace mqtt_sim::metrics {
namespace {

std::vector<uint8_t> from_base64(const std::string& text) {
  const std::string digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::vector<uint8_t> bytes;
  uint32_t bits = 0;
  int held = 0;
  for (const char c : text) {
    const size_t digit = digits.find(c);
    if (digit == std::string::npos) break;  // padding
    bits = bits << 6 | static_cast<uint32_t>(digit);
    held += 6;
    if (held < 8) continue;
    held -= 8;
    bytes.push_back(static_cast<uint8_t>(bits >> held));
  }
  return bytes;
}

// The bytes inside a zlib stream of stored blocks, and how many blocks there were.
std::pair<std::vector<uint8_t>, int> unpack_stored(ByteReader& in) {
  std::vector<uint8_t> bytes;
  int blocks = 0;
  EXPECT_EQ(in.u16() % 31, 0);
  for (bool is_final = false; !is_final && !in.is_bad(); ++blocks) {
    const uint8_t head = in.u8();
    EXPECT_LE(head, 1);
    is_final = head != 0;
    const unsigned low = in.u8();
    const unsigned size = low | static_cast<unsigned>(in.u8() << 8);
    const unsigned complement_low = in.u8();
    EXPECT_EQ(size ^ 0xffff, complement_low | static_cast<unsigned>(in.u8() << 8));
    const ByteView block = in.take(size);
    bytes.insert(bytes.end(), block.begin(), block.end());
  }
  return {bytes, blocks};
}

// The texts are what the reference implementation's payload gives when it is packed with zlib at level 0.
TEST(HistogramEncode, GivesTheBytesOfTheV2Encoding) {
  struct Case {
    const char* name;
    std::vector<std::pair<int64_t, uint64_t>> values;
    const char* text;
  };
  const Case cases[] = {
      {"empty", {}, "HISTFAAAADN4AQEoANf/HISTEwAAAAAAAAAAAAAAAwAAAAAAAAABAAADRjC4oAA/8AAAAAAAAE45BEs="},
      {"a run of one zero",
       {{1, 1}},
       "HISTFAAAADV4AQEqANX/HISTEwAAAAIAAAAAAAAAAwAAAAAAAAABAAADRjC4oAA/8AAAAAAAAAECVxkEUA=="},
      {"runs of zeros and a count of two bytes",
       {{0, 1}, {2, 1}, {5, 300}},
       "HISTFAAAADl4AQEuANH/HISTEwAAAAYAAAAAAAAAAwAAAAAAAAABAAADRjC4oAA/8AAAAAAAAAIBAgPYBGq7BTU="},
      {"highest value and a count of six bytes",
       {{Histogram::kHighest, uint64_t{1} << 40}},
       "HISTFAAAADx4AQExAM7/HISTEwAAAAkAAAAAAAAAAwAAAAAAAAABAAADRjC4oAA/8AAAAAAAAJeKBICAgICAQIpRCDk="},
  };
  for (const Case& c : cases) {
    Histogram histogram;
    for (const auto& [value, count] : c.values) histogram.record(value, count);
    EXPECT_EQ(histogram.encode_v2(), c.text) << c.name;
  }
}

TEST(HistogramEncode, DependsOnTheCountsOnlyAndNotOnOrderOrHistory) {
  Histogram rising;
  for (const int64_t value : {7, 5000, 80'000'000}) rising.record(value);
  Histogram falling;
  falling.record(Histogram::kHighest);
  falling.clear();
  for (const int64_t value : {80'000'000, 5000, 7}) falling.record(value);
  EXPECT_EQ(rising.encode_v2(), falling.encode_v2());
  EXPECT_EQ(rising.encode_v2(), rising.encode_v2());

  falling.record(7);
  EXPECT_NE(rising.encode_v2(), falling.encode_v2());
}

TEST(HistogramEncode, SplitsMoreThan65535BytesIntoBlocks) {
  Histogram histogram;
  const size_t used = Histogram::index_of(Histogram::kHighest) + 1;
  for (size_t index = 0; index < used; ++index) histogram.record(Histogram::lower_bound(index), 64);

  const std::vector<uint8_t> bytes = from_base64(histogram.encode_v2());
  ByteReader in(bytes);
  EXPECT_EQ(in.u32(), 0x1c849314u);
  const uint32_t length = in.u32();
  EXPECT_EQ(length, in.remaining());
  const auto [payload, blocks] = unpack_stored(in);
  EXPECT_EQ(blocks, 2);
  EXPECT_EQ(in.u32(), 0x16c8d147u);  // Adler-32, computed by zlib
  EXPECT_EQ(in.remaining(), 0u);
  ASSERT_EQ(payload.size(), 40 + 2 * used);
  for (size_t at = 40; at < payload.size(); at += 2) {
    ASSERT_EQ(payload[at], 0x80);  // ZigZag LEB128 of 64 is 128 as 80 01
    ASSERT_EQ(payload[at + 1], 0x01);
  }
}

TEST(HistogramEncode, NinthByteOfACountHasEightBits) {
  Histogram histogram;
  histogram.record(0, (uint64_t{1} << 62) + 1);
  const std::vector<uint8_t> bytes = from_base64(histogram.encode_v2());
  ByteReader in(bytes);
  in.take(8);
  const std::vector<uint8_t> payload = unpack_stored(in).first;
  const std::vector<uint8_t> counts(payload.begin() + 40, payload.end());
  EXPECT_EQ(counts, (std::vector<uint8_t>{0x82, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80}));
}

}  // namespace
}  // namespace mqtt_sim::metrics
