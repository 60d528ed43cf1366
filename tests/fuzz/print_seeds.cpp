// Prints inputs to begin a corpus with, one a line in hex: every packet of the codec's vectors as each target wants it.
// The packed corpus grew from these; scripts/fuzz --keep adds them anew.
//   print_seeds decode_fuzz
#include <cstdio>
#include <set>
#include <string>

#include "core/protocol/framer.hpp"
#include "tests/cpp/protocol/vectors.hpp"

namespace mqtt_sim::fuzz {
namespace {

using Bytes = std::vector<uint8_t>;
using protocol::vectors::Vector;

Bytes operator+(Bytes one, const Bytes& other) {
  one.insert(one.end(), other.begin(), other.end());
  return one;
}

uint8_t level_of(const Vector& vector) { return static_cast<uint8_t>(static_cast<unsigned>(vector.version) - 3); }

Bytes with_length(const Bytes& bytes) { return Bytes{static_cast<uint8_t>(bytes.size())} + bytes; }

Bytes for_decode(const Vector& vector) {
  protocol::Framer framer;
  framer.feed(vector.bytes);
  const auto frame = framer.next();
  if (!frame || !*frame) return {};
  return Bytes{level_of(vector), (*frame)->first} + Bytes((*frame)->body.begin(), (*frame)->body.end());
}

Bytes for_framer(const Vector& vector) {  // once whole, once more after a PINGREQ
  return Bytes{static_cast<uint8_t>(vector.bytes.size() % 7), 3} + vector.bytes + Bytes{0xC0, 0} + vector.bytes;
}

// A client that asked for everything, one more that listens to everything, then the packet.
Bytes for_broker(const Vector& vector) {
  const auto how = static_cast<uint8_t>(level_of(vector) << 5);
  const bool is_5 = vector.version == protocol::ProtocolVersion::v5_0;
  const Bytes subscribe = is_5 ? Bytes{0x82, 7, 0, 1, 0, 0, 1, '#', 2} : Bytes{0x82, 6, 0, 1, 0, 1, '#', 2};
  const auto other = static_cast<uint8_t>(how | 0x0F);
  const Bytes listener = Bytes{other, 0x31, 0x09} + with_length(subscribe);
  const Bytes rest = {0x03, 0x0B, 0xA5, 0x03};
  if (vector.bytes[0] >> 4 == 1) return Bytes{0, 0} + Bytes{0x01} + with_length(vector.bytes) + rest;
  return Bytes{0, 0} + listener + Bytes{static_cast<uint8_t>(how | 0x07), 0xF8, 0x01} + with_length(vector.bytes) +
         rest;
}

// connect(), stream, CONNACK, a publish of each QoS, a SUBSCRIBE, an UNSUBSCRIBE, then the packet.
Bytes for_client(const Vector& vector) {
  const Bytes begin = {static_cast<uint8_t>(level_of(vector) | 0x38), 0, 0x03, 0x0E, 0x02, 0};
  const Bytes asks = {0x04, 0x0C, 0x14, 0x05, 0x0D, 0x87};
  return begin + asks + Bytes{0x00} + with_length(vector.bytes) + Bytes{0x87, 0x17, 0x0E, 0x0E};
}

// What no single packet reaches, in the script language of the target.
constexpr std::string_view kBrokerScripts[] = {
    // A session waits while its client is away: QoS 1 and 2 come meanwhile.
    "0000 4710 0109820700010000017402 06 4f01 0109320700017400010078 0909340700017400020079 090462020002 4710 03 0b",
    // A will with a delay, heard by another.
    "0000 4f01 0909820700010000017402 47d0 06 85 0b a5 0b",
    // Enhanced authentication: one more step, then yes; and again while connected.
    "0000 0118101600044d5154540502000008150001 4d 16000171 000161 03 010cf00a18081500014d16000179 03 "
    "010cf00a19081500014d16000171 03 010cf00a18081500014d1600016e 03",
    // Retained, then asked for; then a shared subscription of two.
    "0000 4710 010731050001740072 0109820700010000017402 03 0112821000010000 0a2473686172652f672f7400 4f01 "
    "0912821000010000 0a2473686172652f672f7400 0109320700017400010078 03 0b",
    // Topic aliases both ways, to a client with small windows.
    "0000 4fb1 0909820700010000017402 4710 010a300800017403230001 78 01093007000003230001 78 01093007000003230001 78 "
    "0b",
    // A client that does not read.
    "0000 4f01 0909820700010000017400 4710 0109320700017400010078 0109320700017400020078 0109320700017400030078 8c a5 "
    "e5",
};
constexpr std::string_view kClientScripts[] = {
    // QoS 1 and 2 sent; the stream is lost between PUBREC and PUBCOMP; the session is resumed.
    "3a00 03 0e 0200 0c 14 87 000440020001 000450020002 0e 0f 0e 0a00 87 000470020002",
    "3900 03 0e 0200 0c 14 87 000440020001 000450020002 0e 0f 0e 0a00 87 000470020002",
    // QoS 2 received, its PUBREL twice; a limit of the server; AUTH of a method that is the owner's.
    "3a00 03 0e 02ff 0009340700017400010078 000462020001 000462020001 87 0c 14 05",
    "3a40 03 0e 000cf00a18081500014d16000179 2b 87 0200 23 87 000cf00a18081500014d16000179 2b 87",
    // Topic aliases of both.
    "3a0c 03 0e 00082006000003220002 04 04 000a30080001740323 0001 78 00093007000003230001 78 87",
};

constexpr std::string_view kTopics[] = {"a/b/c\na/+/c\na/#\n#\n+/+/+\na/b/c/#\na/b\n+",
                                        "$SYS/a\n#\n+/a\n$SYS/#\n$SYS/+\n$SYS/a/#",
                                        "/\n+/+\n/+\n+\n#\n/#",
                                        "$share/g/a/+\n$share//a\n$share/g\n$share/+/a\n$share/g/\na/b",
                                        "a//b\na/+/b\na/#/b\na+\n+a/b\na/b#\n\xC3\xA9/\xE4\xB8\xAD\n+/\xE4\xB8\xAD",
                                        "\xED\xA0\x80\n\xC0\xAF\n\xF4\x90\x80\x80"};

void print(const Bytes& bytes) {
  for (const uint8_t byte : bytes) std::printf("%02x", byte);
  std::printf("\n");
}

int print_seeds(std::string_view target) {
  std::set<Bytes> seeds;
  const auto add = [&](std::span<const std::string_view> scripts) {
    for (const std::string_view script : scripts) seeds.insert(protocol::vectors::bytes_of(script));
  };
  if (target == "broker_connection_fuzz") add(kBrokerScripts);
  if (target == "client_connection_fuzz") add(kClientScripts);
  for (const Vector& vector : protocol::vectors::all()) {
    if (target == "decode_fuzz") seeds.insert(for_decode(vector));
    if (target == "framer_fuzz") seeds.insert(for_framer(vector));
    if (vector.bytes.size() > 255) continue;
    if (target == "broker_connection_fuzz") seeds.insert(for_broker(vector));
    if (target == "client_connection_fuzz") seeds.insert(for_client(vector));
  }
  if (target == "topic_fuzz") {
    for (const std::string_view text : kTopics) seeds.insert(Bytes(text.begin(), text.end()));
  }
  for (const Bytes& seed : seeds) {
    if (!seed.empty()) print(seed);
  }
  return seeds.empty() ? 2 : 0;
}

}  // namespace
}  // namespace mqtt_sim::fuzz

int main(int argc, char** argv) { return mqtt_sim::fuzz::print_seeds(argc == 2 ? argv[1] : ""); }
