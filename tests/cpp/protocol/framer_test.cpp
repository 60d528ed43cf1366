#include "core/protocol/framer.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "core/base/random.hpp"
#include "core/protocol/encode.hpp"
#include "tests/cpp/protocol/largest_allocation.hpp"

namespace mqtt_sim::protocol {
namespace {

std::vector<uint8_t> packet_of(size_t payload_size) {
  const std::string payload(payload_size, 'p');
  Publish publish;
  publish.topic = "t";
  publish.payload = as_bytes(payload);
  OutputQueue queue;
  (void)encode_publish(publish, ProtocolVersion::v3_1_1, queue);
  std::vector<uint8_t> bytes;
  for (const ByteView view : queue.views()) bytes.insert(bytes.end(), view.begin(), view.end());
  return bytes;
}

ReasonCode refusal_of(Framer& framer, ByteView bytes) {
  framer.feed(bytes);
  const auto frame = framer.next();
  return frame ? ReasonCode::success : reason_of(frame.error());
}

TEST(Framer, GivesNothingOnAnEmptyStream) {
  Framer framer;
  framer.feed({});
  const auto frame = framer.next();
  ASSERT_TRUE(frame);
  EXPECT_FALSE(*frame);
  EXPECT_EQ(framer.buffered(), 0u);
}

TEST(Framer, CutsWholePacketsWithoutCopyingThem) {
  std::vector<uint8_t> bytes = packet_of(100);
  const size_t one = bytes.size();
  const std::vector<uint8_t> second = packet_of(300);
  bytes.insert(bytes.end(), second.begin(), second.end());
  Framer framer;
  framer.feed(bytes);
  const auto first_frame = framer.next();
  ASSERT_TRUE(first_frame && *first_frame);
  EXPECT_EQ((*first_frame)->type(), PacketType::publish);
  EXPECT_EQ((*first_frame)->flags(), 0);
  EXPECT_EQ((*first_frame)->body.data(), bytes.data() + 2);
  EXPECT_EQ((*first_frame)->body.size(), one - 2);
  const auto second_frame = framer.next();
  ASSERT_TRUE(second_frame && *second_frame);
  EXPECT_EQ((*second_frame)->body.data(), bytes.data() + one + 3);
  const auto none = framer.next();
  ASSERT_TRUE(none);
  EXPECT_FALSE(*none);
  EXPECT_EQ(framer.buffered(), 0u);
}

TEST(Framer, KeepsOnlyTheUnfinishedTail) {
  std::vector<uint8_t> bytes = packet_of(10);
  const size_t one = bytes.size();
  bytes.insert(bytes.end(), bytes.begin(), bytes.begin() + 5);
  Framer framer;
  framer.feed(bytes);
  ASSERT_TRUE(*framer.next());
  ASSERT_FALSE(*framer.next());
  EXPECT_EQ(framer.buffered(), 5u);
  framer.feed(ByteView(bytes).subspan(5, one - 5));
  ASSERT_TRUE(*framer.next());
  EXPECT_EQ(framer.buffered(), 0u);
  ASSERT_FALSE(*framer.next());
}

TEST(Framer, GivesTheSamePacketsHoweverTheStreamIsCut) {
  std::vector<uint8_t> stream;
  std::vector<std::vector<uint8_t>> packets;
  for (const size_t size : {0u, 1u, 130u, 20'000u, 3u, 0u, 70'000u, 5u}) {
    packets.push_back(packet_of(size));
    stream.insert(stream.end(), packets.back().begin(), packets.back().end());
  }
  Random random(11);
  for (const uint64_t longest_read : {1u, 2u, 3u, 7u, 200u, 4'096u, 100'000u}) {
    SCOPED_TRACE(longest_read);
    Framer framer;
    size_t cut = 0;
    size_t packet = 0;
    while (cut < stream.size()) {
      const size_t n = std::min<size_t>(1 + random.below(longest_read), stream.size() - cut);
      const std::vector<uint8_t> read(stream.begin() + static_cast<std::ptrdiff_t>(cut),
                                      stream.begin() + static_cast<std::ptrdiff_t>(cut + n));
      cut += n;
      framer.feed(read);
      for (;;) {
        const auto frame = framer.next();
        ASSERT_TRUE(frame);
        if (!*frame) break;
        ASSERT_LT(packet, packets.size());
        const std::vector<uint8_t>& expected = packets[packet++];
        const ByteView body = (*frame)->body;
        EXPECT_TRUE(std::equal(body.begin(), body.end(), expected.end() - static_cast<std::ptrdiff_t>(body.size()),
                               expected.end()));
      }
    }
    EXPECT_EQ(packet, packets.size());
    EXPECT_EQ(framer.buffered(), 0u);
  }
}

TEST(Framer, AllocatesForWhatArrivedNotForWhatWasAnnounced) {
  const std::vector<uint8_t> forged = {0x30, 0xFF, 0xFF, 0xFF, 0x7F, 0, 1, 't'};  // 256 MiB
  const std::vector<uint8_t> more(1'000, 'p');
  Framer framer;
  size_t arrived = 0;
  largest_allocation = 0;
  for (ByteView read = forged; arrived < 500'000; read = more) {
    framer.feed(read);
    arrived += read.size();
    const auto frame = framer.next();
    ASSERT_TRUE(frame);
    ASSERT_FALSE(*frame);
    ASSERT_EQ(framer.buffered(), arrived);
    ASSERT_LE(largest_allocation, 2 * arrived + 64);
  }
  EXPECT_GE(largest_allocation, 500'000u);
}

TEST(Framer, RefusesALengthThatIsNoVariableByteInteger) {
  const std::vector<std::vector<uint8_t>> streams = {{0x30, 0xFF, 0xFF, 0xFF, 0xFF, 0x01},
                                                     {0x30, 0xFF, 0xFF, 0xFF, 0x80},
                                                     {0xC0, 0x80, 0x00},
                                                     {0xC0, 0x81, 0x80, 0x00}};
  for (const auto& stream : streams) {  // [MQTT-1.5.5-1]
    Framer framer;
    EXPECT_EQ(refusal_of(framer, stream), ReasonCode::malformed_packet);
  }
}

TEST(Framer, RefusesAPacketOverTheMaximumAsSoonAsItsLengthIsKnown) {
  const std::vector<uint8_t> just_fits = packet_of(100 - 5);
  ASSERT_EQ(just_fits.size(), 100u);
  Framer framer(100);
  EXPECT_EQ(refusal_of(framer, just_fits), ReasonCode::success);
  const std::vector<uint8_t> header_of_one_more = {0x30, 99};
  EXPECT_EQ(refusal_of(framer, header_of_one_more), ReasonCode::packet_too_large);

  Framer in_parts(100);
  EXPECT_EQ(refusal_of(in_parts, ByteView(header_of_one_more).first(1)), ReasonCode::success);
  EXPECT_EQ(refusal_of(in_parts, ByteView(header_of_one_more).last(1)), ReasonCode::packet_too_large);
}

TEST(Framer, TakesTheMaximumThatIsSetLater) {
  Framer framer;
  const std::vector<uint8_t> bytes = packet_of(95);
  EXPECT_EQ(refusal_of(framer, bytes), ReasonCode::success);
  framer.set_maximum_packet_size(99);
  EXPECT_EQ(refusal_of(framer, bytes), ReasonCode::packet_too_large);
}

TEST(Framer, IgnoresTheStreamAfterAnErrorUntilReset) {
  Framer framer;
  const std::vector<uint8_t> broken = {0xC0, 0x80, 0x00};
  const std::vector<uint8_t> good = {0xC0, 0x00};
  EXPECT_EQ(refusal_of(framer, broken), ReasonCode::malformed_packet);
  EXPECT_EQ(refusal_of(framer, good), ReasonCode::malformed_packet);
  EXPECT_EQ(framer.buffered(), 0u);
  framer.reset();
  framer.feed(good);
  const auto frame = framer.next();
  ASSERT_TRUE(frame && *frame);
  EXPECT_EQ((*frame)->type(), PacketType::pingreq);
}

TEST(Framer, ForgetsTheUnfinishedPacketOnReset) {
  Framer framer;
  const std::vector<uint8_t> half = {0x30, 10, 0};
  EXPECT_EQ(refusal_of(framer, half), ReasonCode::success);
  EXPECT_EQ(framer.buffered(), 3u);
  framer.reset();
  EXPECT_EQ(framer.buffered(), 0u);
}

TEST(Framer, IsSmallWhenIdle) { EXPECT_LE(sizeof(Framer), 32u); }

TEST(FramerDeathTest, AssertsThatOneReadIsUsedUpBeforeTheNext) {
  Framer framer;
  const std::vector<uint8_t> two = {0xC0, 0x00, 0xC0, 0x00};
  framer.feed(two);
  ASSERT_TRUE(*framer.next());
  EXPECT_DEATH(framer.feed(two), "input_");
}

}  // namespace
}  // namespace mqtt_sim::protocol
