// Input: maximum packet size (of a table), seed of the split, stream.
#include <optional>

#include "core/base/random.hpp"
#include "core/protocol/framer.hpp"
#include "tests/fuzz/script.hpp"
#include "tests/fuzz/targets.hpp"

namespace mqtt_sim::fuzz {
namespace {

using namespace protocol;

constexpr uint32_t kMaxima[] = {1, 2, 5, 64, 200, 20'000, Framer::kLargestPacket};

constexpr size_t kLongestHeaderCut = 4;  // bytes of a fixed header that still lacks its last

struct Cut {
  struct Piece {
    uint8_t first;
    ByteView body;
  };
  std::vector<Piece> pieces;
  std::optional<ReasonCode> error;
  size_t left = 0;  // bytes of the packet that has not ended
};

// Section 2.1.4 word by word, on the whole stream.
Cut cut_naively(ByteView stream, uint32_t maximum) {
  Cut cut;
  size_t at = 0;
  while (at < stream.size()) {
    uint64_t body = 0;
    size_t header = 1;
    bool has_length = false;
    for (; header < 5 && at + header < stream.size() && !has_length; ++header) {
      const uint8_t byte = stream[at + header];
      body += static_cast<uint64_t>(byte & 127) << (7 * (header - 1));
      has_length = byte < 128;
      if (has_length && byte == 0 && header > 1) cut.error = ReasonCode::malformed_packet;
    }
    if (!has_length && header == 5) cut.error = ReasonCode::malformed_packet;
    if (!cut.error && has_length && header + body > maximum) cut.error = ReasonCode::packet_too_large;
    if (cut.error) return cut;
    if (!has_length || at + header + body > stream.size()) break;
    cut.pieces.push_back({stream[at], stream.subspan(at + header, body)});
    at += header + body;
  }
  cut.left = stream.size() - at;
  return cut;
}

}  // namespace

void framer_fuzz(ByteView input) {
  Script script(input);
  const uint32_t maximum = kMaxima[script.u8() % std::size(kMaxima)];
  Random random(script.u8());
  const ByteView stream = script.rest();
  const Cut expected = cut_naively(stream, maximum);

  Framer framer(maximum);
  const uint64_t longest = uint64_t{1} << random.below(10);
  size_t frames = 0;
  size_t fed = 0;
  bool has_failed = false;
  while (fed < stream.size() && !has_failed) {
    const size_t n = std::min<size_t>(random.below(longest + 1), stream.size() - fed);
    const std::vector<uint8_t> read = copy_of(stream.subspan(fed, n));
    fed += n;
    framer.feed(read);
    for (;;) {
      const auto frame = framer.next();
      MQTT_SIM_ASSERT(framer.buffered() <= std::min(fed, std::max<size_t>(maximum, kLongestHeaderCut)));
      if (!frame) {
        MQTT_SIM_ASSERT(frames == expected.pieces.size());
        MQTT_SIM_ASSERT(expected.error == reason_of(frame.error()));
        has_failed = true;
        break;
      }
      if (!*frame) break;
      MQTT_SIM_ASSERT(frames < expected.pieces.size());
      const Cut::Piece& piece = expected.pieces[frames++];
      MQTT_SIM_ASSERT((*frame)->first == piece.first);
      MQTT_SIM_ASSERT(std::ranges::equal((*frame)->body, piece.body));
    }
  }
  MQTT_SIM_ASSERT(frames == expected.pieces.size());
  MQTT_SIM_ASSERT(has_failed == expected.error.has_value());
  MQTT_SIM_ASSERT(framer.buffered() == (has_failed ? 0 : expected.left));
  MQTT_SIM_ASSERT(!has_failed || !framer.next());

  framer.reset();  // and it is as new
  framer.set_maximum_packet_size(2);
  const uint8_t pingreq[] = {0xC0, 0x00};
  framer.feed(pingreq);
  const auto frame = framer.next();
  MQTT_SIM_ASSERT(frame.has_value() && frame->has_value() && (*frame)->type() == PacketType::pingreq);
}

}  // namespace mqtt_sim::fuzz
