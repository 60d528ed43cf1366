// Decode and encode against the table of vectors, and against random damage done to it.
#include <gtest/gtest.h>

#include <set>
#include <utility>

#include "core/base/random.hpp"
#include "core/protocol/decode.hpp"
#include "core/protocol/encode.hpp"
#include "tests/cpp/protocol/same_packet.hpp"
#include "tests/cpp/protocol/vectors.hpp"

namespace mqtt_sim::protocol {
namespace {

std::vector<uint8_t> bytes_of(const OutputQueue& queue) {
  std::vector<uint8_t> bytes;
  for (const ByteView view : queue.views()) bytes.insert(bytes.end(), view.begin(), view.end());
  return bytes;
}

// What became of a packet on its way through framer, decode and encode.
struct Outcome {
  bool was_read = false;
  ReasonCode refusal = ReasonCode::success;
  std::vector<uint8_t> written;  // if it was read
};

Outcome pass(Framer& framer, ProtocolVersion version) {
  Outcome outcome;
  const auto frame = framer.next();
  if (!frame) return {false, reason_of(frame.error()), {}};
  if (!*frame) return outcome;
  const Expected<Packet> packet = decode(**frame, version);
  if (!packet) return {false, reason_of(packet.error()), {}};
  EXPECT_EQ(type_of(*packet), (*frame)->type());
  OutputQueue queue;
  const Expected<size_t> written = encode(*packet, version, queue);
  EXPECT_TRUE(written) << written.error().text;
  if (written) {
    EXPECT_EQ(*written, queue.size());
  }
  outcome.was_read = true;
  outcome.written = bytes_of(queue);
  EXPECT_TRUE(framer.next() && framer.buffered() == 0) << "more than one packet";
  return outcome;
}

Outcome pass_whole(ByteView bytes, ProtocolVersion version) {
  Framer framer;
  framer.feed(bytes);
  return pass(framer, version);
}

// In two reads, each from memory of its own that is gone afterwards.
Outcome pass_in_parts(ByteView bytes, size_t cut, ProtocolVersion version) {
  Framer framer;
  {
    const std::vector<uint8_t> first(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(cut));
    framer.feed(first);
    const auto early = framer.next();
    if (!early) return {false, reason_of(early.error()), {}};
    EXPECT_FALSE(*early) << "a frame before its last byte";
    EXPECT_EQ(framer.buffered(), cut);
  }
  const std::vector<uint8_t> second(bytes.begin() + static_cast<std::ptrdiff_t>(cut), bytes.end());
  framer.feed(second);
  return pass(framer, version);
}

void expect_as_told(const vectors::Vector& vector, const Outcome& outcome) {
  EXPECT_EQ(outcome.was_read, vector.is_valid());
  EXPECT_EQ(outcome.refusal, vector.reason) << to_string(outcome.refusal) << ", not " << to_string(vector.reason);
  EXPECT_EQ(outcome.written, vector.canonical);
}

TEST(Codec, ReadsOrRefusesEveryVectorAndWritesItsCanonicalForm) {
  for (const vectors::Vector& vector : vectors::all()) {
    SCOPED_TRACE(::testing::Message() << vector);
    expect_as_told(vector, pass_whole(vector.bytes, vector.version));
  }
}

TEST(Codec, ReadsEveryVectorAlikeWhereverItIsCut) {
  for (const vectors::Vector& vector : vectors::all()) {
    SCOPED_TRACE(::testing::Message() << vector);
    for (size_t cut = 0; cut < vector.bytes.size(); ++cut) {
      SCOPED_TRACE(::testing::Message() << "cut at " << cut);
      expect_as_told(vector, pass_in_parts(vector.bytes, cut, vector.version));
    }
  }
}

TEST(Codec, WritesTheCanonicalFormOfTheCanonicalFormAndReadsTheSamePacketFromIt) {
  for (const vectors::Vector& vector : vectors::all()) {
    if (vector.form != vectors::Form::tolerated) continue;
    SCOPED_TRACE(::testing::Message() << vector);
    EXPECT_NE(vector.canonical, vector.bytes);
    EXPECT_EQ(pass_whole(vector.canonical, vector.version).written, vector.canonical);
    Framer original;
    Framer canonical;
    original.feed(vector.bytes);
    canonical.feed(vector.canonical);
    EXPECT_TRUE(is_same(*decode(**original.next(), vector.version), *decode(**canonical.next(), vector.version)));
  }
}

TEST(Codec, CoversEveryPacketTypeAtEveryLevelThatHasIt) {
  std::set<std::pair<ProtocolVersion, unsigned>> covered;
  for (const vectors::Vector& vector : vectors::all()) {
    if (vector.is_valid()) covered.insert({vector.version, vector.bytes[0] >> 4});
  }
  EXPECT_EQ(covered.size(), 14u + 14u + 15u);
}

TEST(Codec, RefusesEveryBodyCutShortUnlessAShorterFormExists) {
  const auto may_be_shorter = [](const vectors::Vector& vector, const Packet& packet, size_t size) {
    switch (type_of(packet)) {
      case PacketType::publish:  // the payload has no length of its own,
      case PacketType::suback:   // nor has the list of codes
      case PacketType::unsuback: return true;
      case PacketType::subscribe:  // a list may end after any entry
      case PacketType::unsubscribe: return std::get_if<Subscribe>(&packet) || std::get_if<Unsubscribe>(&packet);
      case PacketType::connect:
        return vector.version == ProtocolVersion::v3_1;  // user name and password may be missing
      default: return has_properties(vector.version) && size <= 3;
    }
  };
  size_t refused = 0;
  for (const vectors::Vector& vector : vectors::all()) {
    if (!vector.is_valid() || vector.bytes[1] > 127) continue;
    SCOPED_TRACE(::testing::Message() << vector);
    for (size_t size = 0; size + 2 < vector.bytes.size(); ++size) {
      const std::vector<uint8_t> body(vector.bytes.begin() + 2,
                                      vector.bytes.begin() + 2 + static_cast<std::ptrdiff_t>(size));
      const Expected<Packet> packet = decode({vector.bytes[0], body}, vector.version);
      if (packet) {
        EXPECT_TRUE(may_be_shorter(vector, *packet, size)) << "read from " << size << " bytes";
      }
      refused += !packet;
    }
  }
  EXPECT_GT(refused, 1000u);
}

// Whatever decode accepts, encode accepts, and what was written reads back to the same packet and the same bytes.
TEST(Codec, WritesWhatItReadsFromDamagedPackets) {
  const std::vector<vectors::Vector> all = vectors::all();
  Random random(20240607);
  size_t read = 0;
  size_t refused = 0;
  for (int round = 0; round < 200'000; ++round) {
    const vectors::Vector& vector = all[random.below(all.size())];
    std::vector<uint8_t> body(vector.bytes.begin() + std::min<std::ptrdiff_t>(2, std::ssize(vector.bytes)),
                              vector.bytes.end());
    uint8_t first = vector.bytes[0];
    for (uint64_t damages = 1 + random.below(3); damages > 0; --damages) {
      const size_t at = random.below(body.size() + 1);
      switch (random.below(5)) {
        case 0: first = static_cast<uint8_t>(random.next()); break;
        case 1:
          if (at < body.size()) body[at] = static_cast<uint8_t>(random.next());
          break;
        case 2:
          if (at < body.size()) body[at] ^= static_cast<uint8_t>(1u << random.below(8));
          break;
        case 3: body.resize(at); break;
        default: body.insert(body.begin() + static_cast<std::ptrdiff_t>(at), static_cast<uint8_t>(random.next()));
      }
    }
    const auto version = static_cast<ProtocolVersion>(3 + random.below(3));
    const Expected<Packet> packet = decode({first, body}, version);
    if (!packet) {
      EXPECT_TRUE(is_failure(reason_of(packet.error())));
      EXPECT_FALSE(packet.error().text.empty());
      ++refused;
      continue;
    }
    ++read;
    OutputQueue queue;
    ASSERT_TRUE(encode(*packet, version, queue)) << vector << " in round " << round;
    const std::vector<uint8_t> written = bytes_of(queue);
    const Outcome again = pass_whole(written, version);
    ASSERT_TRUE(again.was_read) << vector << " in round " << round;
    ASSERT_EQ(again.written, written) << vector << " in round " << round;
    Framer framer;
    framer.feed(written);
    ASSERT_TRUE(is_same(*packet, *decode(**framer.next(), version))) << vector << " in round " << round;
  }
  EXPECT_GT(read, 1000u);
  EXPECT_GT(refused, 1000u);
}

TEST(Codec, GivesAnAnswerToRandomBytes) {
  Random random(7);
  for (int round = 0; round < 200'000; ++round) {
    std::vector<uint8_t> body(random.below(40));
    for (uint8_t& byte : body) byte = static_cast<uint8_t>(random.below(random.below(2) ? 256 : 8));
    const Expected<Packet> packet =
        decode({static_cast<uint8_t>(random.next()), body}, static_cast<ProtocolVersion>(3 + random.below(3)));
    if (!packet) {
      EXPECT_TRUE(is_failure(reason_of(packet.error())));
    }
  }
}

}  // namespace
}  // namespace mqtt_sim::protocol
