#include "core/protocol/variable_byte_integer.hpp"

#include <gtest/gtest.h>

#include <array>
#include <vector>

namespace mqtt_sim::protocol {
namespace {

std::vector<uint8_t> written(uint32_t value) {
  std::array<uint8_t, 4> space{};
  ByteWriter out(space);
  write_variable_byte_integer(out, value);
  return {space.begin(), space.begin() + static_cast<std::ptrdiff_t>(out.written())};
}

TEST(VariableByteInteger, ChangesItsSizeWhereTheStandardSays) {
  struct Row {
    uint32_t value;
    std::vector<uint8_t> bytes;
  };
  const Row rows[] = {
      {0, {0x00}},
      {127, {0x7F}},
      {128, {0x80, 0x01}},
      {16'383, {0xFF, 0x7F}},
      {16'384, {0x80, 0x80, 0x01}},
      {2'097'151, {0xFF, 0xFF, 0x7F}},
      {2'097'152, {0x80, 0x80, 0x80, 0x01}},
      {268'435'455, {0xFF, 0xFF, 0xFF, 0x7F}},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(written(row.value), row.bytes) << row.value;
    EXPECT_EQ(size_of_variable_byte_integer(row.value), row.bytes.size()) << row.value;
    ByteReader in(row.bytes);
    EXPECT_EQ(read_variable_byte_integer(in), row.value);
    EXPECT_TRUE(in.is_done());
  }
}

TEST(VariableByteInteger, IsRefusedWhenItEndsEarly) {
  for (const std::vector<uint8_t>& bytes : std::vector<std::vector<uint8_t>>{{}, {0x80}, {0xFF, 0xFF, 0xFF}}) {
    ByteReader in(bytes);
    EXPECT_FALSE(read_variable_byte_integer(in));
    EXPECT_TRUE(in.is_bad());
  }
}

TEST(VariableByteInteger, IsRefusedOverFourBytesOrInALongerForm) {  // [MQTT-1.5.5-1]
  const std::vector<std::vector<uint8_t>> forms = {
      {0xFF, 0xFF, 0xFF, 0xFF, 0x01}, {0x80, 0x80, 0x80, 0x80}, {0x80, 0x00}, {0xFF, 0x00}, {0x80, 0x80, 0x80, 0x00}};
  for (const std::vector<uint8_t>& bytes : forms) {
    ByteReader in(bytes);
    EXPECT_FALSE(read_variable_byte_integer(in));
    EXPECT_FALSE(in.is_bad());
  }
}

}  // namespace
}  // namespace mqtt_sim::protocol
