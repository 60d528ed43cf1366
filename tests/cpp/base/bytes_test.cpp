#include "core/base/bytes.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace mqtt_sim {
namespace {

using Bytes = std::vector<uint8_t>;

Bytes to_bytes(ByteView view) { return {view.begin(), view.end()}; }

TEST(ByteReader, ReadsInNetworkOrder) {
  const Bytes bytes = {0x01, 0x02, 0x03, 0xfe, 0xdc, 0xba, 0x98, 'h', 'i', '!'};
  ByteReader reader(bytes);
  EXPECT_EQ(reader.u8(), 0x01);
  EXPECT_EQ(reader.u16(), 0x0203);
  EXPECT_EQ(reader.u32(), 0xfedcba98);
  EXPECT_EQ(as_text(reader.take(2)), "hi");
  EXPECT_EQ(reader.remaining(), 1u);
  EXPECT_FALSE(reader.is_done());
  EXPECT_EQ(as_text(reader.rest()), "!");
  EXPECT_TRUE(reader.is_done());
  EXPECT_FALSE(reader.is_bad());
}

TEST(ByteReader, TakesViewsIntoTheBytesItWasGiven) {
  const Bytes bytes = {1, 2, 3};
  ByteReader reader(bytes);
  reader.u8();
  EXPECT_EQ(reader.take(2).data(), bytes.data() + 1);
}

TEST(ByteReader, TurnsBadWhenAskedBeyondItsEnd) {
  using Read = void (*)(ByteReader&);
  struct Case {
    const char* name;
    size_t available;
    Read read;
  };
  for (const Case& c :
       {Case{"u8", 0, [](ByteReader& r) { r.u8(); }}, Case{"u16", 1, [](ByteReader& r) { r.u16(); }},
        Case{"u32", 1, [](ByteReader& r) { r.u32(); }}, Case{"u32", 3, [](ByteReader& r) { r.u32(); }},
        Case{"take", 2, [](ByteReader& r) { r.take(3); }}, Case{"take", 2, [](ByteReader& r) { r.take(SIZE_MAX); }}}) {
    const Bytes bytes(c.available, 0xff);
    ByteReader reader(bytes);
    c.read(reader);
    EXPECT_TRUE(reader.is_bad()) << c.name << " of " << c.available;
    EXPECT_EQ(reader.remaining(), 0u) << c.name << " of " << c.available;
  }
}

TEST(ByteReader, StaysBad) {
  const Bytes bytes = {1, 2, 3};
  ByteReader reader(bytes);
  EXPECT_TRUE(reader.take(4).empty());
  EXPECT_EQ(reader.u8(), 0);
  EXPECT_EQ(reader.u16(), 0);
  EXPECT_EQ(reader.u32(), 0u);
  EXPECT_TRUE(reader.take(0).empty());
  EXPECT_TRUE(reader.rest().empty());
  EXPECT_TRUE(reader.is_bad());
}

TEST(ByteReader, ReadsNothingFromNothing) {
  ByteReader reader(ByteView{});
  EXPECT_TRUE(reader.is_done());
  EXPECT_TRUE(reader.rest().empty());
  EXPECT_TRUE(reader.take(0).empty());
  EXPECT_FALSE(reader.is_bad());
}

TEST(ByteWriter, WritesInNetworkOrder) {
  Bytes space(10);
  ByteWriter writer(space);
  writer.u8(0x01);
  writer.u16(0x0203);
  writer.u32(0xfedcba98);
  writer.put(as_bytes("hi!"));
  writer.put({});
  EXPECT_EQ(writer.written(), 10u);
  EXPECT_EQ(space, (Bytes{0x01, 0x02, 0x03, 0xfe, 0xdc, 0xba, 0x98, 'h', 'i', '!'}));
}

TEST(ByteWriterDeathTest, RefusesToPassItsEnd) {
  Bytes space(3);
  EXPECT_DEATH(ByteWriter(space).u32(1), "at_ < end_");
  EXPECT_DEATH(ByteWriter(space).put(as_bytes("four")), "bytes.size");
  EXPECT_DEATH(ByteWriter({}).u8(1), "at_ < end_");
}

TEST(ByteView, TextAndBytesAreTheSameMemory) {
  const std::string_view text = "M\xc3\xb6we";
  EXPECT_EQ(to_bytes(as_bytes(text)), (Bytes{'M', 0xc3, 0xb6, 'w', 'e'}));
  EXPECT_EQ(as_text(as_bytes(text)).data(), text.data());
  EXPECT_EQ(as_text(as_bytes(text)), text);
}

}  // namespace
}  // namespace mqtt_sim
