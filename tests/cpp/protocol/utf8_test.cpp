#include "core/protocol/utf8.hpp"

#include <gtest/gtest.h>

#include <string>

namespace mqtt_sim::protocol {
namespace {

// The form of any number in a given count of bytes, well-formed or not.
std::string in_bytes(uint32_t code_point, int count) {
  if (count == 1) return {static_cast<char>(code_point)};
  std::string text;
  for (int i = 0; i < count - 1; ++i) {
    text.insert(text.begin(), static_cast<char>(0x80 | (code_point & 0x3F)));
    code_point >>= 6;
  }
  const unsigned mark = 0xF00u >> count & 0xFF;
  text.insert(text.begin(), static_cast<char>(mark | code_point));
  return text;
}

int bytes_needed(uint32_t code_point) {
  return code_point < 0x80 ? 1 : code_point < 0x800 ? 2 : code_point < 0x1'0000 ? 3 : 4;
}

TEST(Utf8, AcceptsEveryCharacterButNulAndSurrogates) {  // [MQTT-1.5.4-1], [MQTT-1.5.4-2]
  for (uint32_t code_point = 0; code_point <= 0x10'FFFF; ++code_point) {
    const bool expected = code_point != 0 && !(code_point >= 0xD800 && code_point <= 0xDFFF);
    const std::string text = in_bytes(code_point, bytes_needed(code_point));
    ASSERT_EQ(is_utf8_string(text), expected) << std::hex << code_point;
  }
}

TEST(Utf8, RefusesEveryOverlongForm) {
  for (uint32_t code_point = 0; code_point < 0x1'0000; ++code_point) {
    for (int count = bytes_needed(code_point) + 1; count <= 4; ++count) {
      ASSERT_FALSE(is_utf8_string(in_bytes(code_point, count))) << std::hex << code_point << " in " << count;
    }
  }
}

TEST(Utf8, RefusesWhatLiesPastTheLastCharacter) {
  for (uint32_t code_point = 0x11'0000; code_point < 0x20'0000; code_point += 0xFF) {
    ASSERT_FALSE(is_utf8_string(in_bytes(code_point, 4))) << std::hex << code_point;
  }
  for (const char* text : {"\xF5\x80\x80\x80", "\xF8\x88\x80\x80\x80", "\xFC\x84\x80\x80\x80\x80", "\xFE", "\xFF"}) {
    EXPECT_FALSE(is_utf8_string(text));
  }
}

TEST(Utf8, RefusesCharactersThatEndEarlyOrHaveNoBeginning) {
  for (const uint32_t code_point : {0xE9u, 0x4E2Du, 0x1F600u}) {
    const std::string whole = in_bytes(code_point, bytes_needed(code_point));
    for (size_t size = 1; size < whole.size(); ++size) {
      EXPECT_FALSE(is_utf8_string(whole.substr(0, size)));
      EXPECT_FALSE(is_utf8_string(whole.substr(0, size) + "abcdefgh"));
      EXPECT_FALSE(is_utf8_string(whole.substr(size)));
    }
  }
}

TEST(Utf8, FindsOneBadByteAtAnyPlaceOfAsciiOfAnyLength) {
  for (size_t size = 1; size <= 40; ++size) {
    std::string text(size, '\x7F');
    ASSERT_TRUE(is_utf8_string(text));
    for (size_t at = 0; at < size; ++at) {
      for (const char bad : {'\0', '\x80', '\xFF'}) {
        std::string broken = text;
        broken[at] = bad;
        ASSERT_FALSE(is_utf8_string(broken)) << "byte " << at << " of " << size;
      }
      std::string mixed = text;
      mixed.replace(at, 1, "\xE4\xB8\xAD");
      ASSERT_TRUE(is_utf8_string(mixed)) << "character at " << at << " of " << size;
    }
  }
}

TEST(Utf8, AcceptsTheEmptyStringControlsAndTheByteOrderMark) {
  EXPECT_TRUE(is_utf8_string(""));
  EXPECT_TRUE(is_utf8_string("\x01\x1F\x7F"));
  EXPECT_TRUE(is_utf8_string("\xEF\xBB\xBF"));  // [MQTT-1.5.4-3]: U+FEFF is a character like others
}

}  // namespace
}  // namespace mqtt_sim::protocol
