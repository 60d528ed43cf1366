// What one step of the message path costs without sockets: encoding and decoding each packet type at both current
// protocol levels, cutting a stream into frames, matching topics, recording a latency. Run with
// --benchmark_filter=PUBLISH to pick some.
#include <benchmark/benchmark.h>

#include <array>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/output_queue.hpp"
#include "core/metrics/histogram.hpp"
#include "core/metrics/recorder.hpp"
#include "core/protocol/decode.hpp"
#include "core/protocol/encode.hpp"
#include "core/protocol/framer.hpp"
#include "core/protocol/topic.hpp"
#include "core/protocol/topic_tree.hpp"

namespace mqtt_sim {
namespace {

using namespace protocol;

constexpr size_t kBatch = 64;  // packets in a queue before it is emptied, as a turn of the loop would
constexpr std::string_view kTopic = "plant/17/line/4/temperature";
constexpr std::array<uint8_t, 100> kPayload{};
constexpr std::array<uint8_t, 2> kGranted = {0, 1};  // the same numbers in SUBACK and UNSUBACK of both levels

const char* to_string(ProtocolVersion version) { return version == ProtocolVersion::v5_0 ? "5.0" : "3.1.1"; }

Publish make_publish(QoS qos) {
  Publish publish{.qos = qos, .topic = kTopic, .properties = {}, .payload = kPayload};
  if (qos != QoS::at_most_once) publish.packet_id = 7;
  return publish;
}

std::vector<Packet> packets_of(ProtocolVersion version) {
  Connect connect;
  connect.version = version;
  connect.keep_alive_s = 60;
  connect.client_id = "sensor-17";
  connect.user_name = "ann";
  Unsuback unsuback;
  unsuback.packet_id = 7;
  if (has_properties(version)) unsuback.codes = ByteView(kGranted).first(1);
  std::vector<Packet> packets = {
      connect,
      Connack{},
      make_publish(QoS::at_most_once),
      make_publish(QoS::at_least_once),
      Puback{.packet_id = 7, .properties = {}},
      Pubrec{.packet_id = 7, .properties = {}},
      Pubrel{.packet_id = 7, .properties = {}},
      Pubcomp{.packet_id = 7, .properties = {}},
      Subscribe{
          .packet_id = 7, .properties = {}, .entries = {{"plant/+/line/#", {}}, {kTopic, {.qos = QoS::at_least_once}}}},
      Suback{.packet_id = 7, .properties = {}, .codes = kGranted},
      Unsubscribe{.packet_id = 7, .properties = {}, .filters = {kTopic}},
      unsuback,
      Pingreq{},
      Pingresp{},
      Disconnect{},
  };
  if (has_properties(version)) packets.emplace_back(Auth{});
  return packets;
}

// A PUBLISH with the properties that a request over MQTT 5.0 carries. They are kept for the whole program.
Publish make_request() {
  static PropertyWriter properties;
  if (properties.empty()) {
    properties.text(PropertyId::content_type, "application/json")
        .text(PropertyId::response_topic, "answers/17")
        .text(PropertyId::correlation_data, "0123456789abcdef")
        .user_property("trace", "4bf92f3577b34da6");
  }
  return {.topic = kTopic, .properties = properties.list(), .payload = kPayload};
}

std::vector<uint8_t> bytes_of(const Packet& packet, ProtocolVersion version) {
  OutputQueue queue;
  if (!encode(packet, version, queue)) return {};
  std::vector<uint8_t> bytes;
  for (const ByteView view : queue.views()) bytes.insert(bytes.end(), view.begin(), view.end());
  return bytes;
}

void encode_packet(benchmark::State& state, const Packet& packet, ProtocolVersion version) {
  OutputQueue queue;
  for (auto _ : state) {
    for (size_t i = 0; i < kBatch; ++i) {
      if (!encode(packet, version, queue)) return state.SkipWithError("encode refused the packet");
    }
    benchmark::DoNotOptimize(queue.size());
    queue.clear();
  }
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(kBatch));
}

void decode_packet(benchmark::State& state, const Packet& packet, ProtocolVersion version) {
  const std::vector<uint8_t> bytes = bytes_of(packet, version);
  Framer framer;
  framer.feed(bytes);
  const Expected<std::optional<Frame>> frame = framer.next();
  if (!frame || !*frame) return state.SkipWithError("no frame in the bytes");
  for (auto _ : state) {
    const Expected<Packet> decoded = decode(**frame, version);
    if (!decoded) return state.SkipWithError("decode refused the packet");
    benchmark::DoNotOptimize(&decoded);
  }
  state.SetItemsProcessed(state.iterations());
}

void encode_publish_alone(benchmark::State& state, const Publish& publish, ProtocolVersion version) {
  OutputQueue queue;
  for (auto _ : state) {
    for (size_t i = 0; i < kBatch; ++i) {
      if (!encode_publish(publish, version, queue)) return state.SkipWithError("encode_publish refused the packet");
    }
    queue.clear();
  }
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(kBatch));
}

// A read of many PUBLISH packets, cut and decoded; the last one ends in the next read when `is_cut`.
void frame_and_decode(benchmark::State& state, bool is_cut) {
  const std::vector<uint8_t> packet = bytes_of(make_publish(QoS::at_most_once), ProtocolVersion::v3_1_1);
  std::vector<uint8_t> stream;
  for (size_t i = 0; i < kBatch; ++i) stream.insert(stream.end(), packet.begin(), packet.end());
  const size_t first = is_cut ? stream.size() - packet.size() / 2 : stream.size();
  Framer framer;
  for (auto _ : state) {
    size_t count = 0;
    for (const ByteView read : {ByteView(stream).first(first), ByteView(stream).subspan(first)}) {
      framer.feed(read);
      for (auto frame = framer.next(); frame && *frame; frame = framer.next()) {
        if (decode_publish(**frame, ProtocolVersion::v3_1_1)) ++count;
      }
    }
    if (count != kBatch) return state.SkipWithError("packets were missed");
  }
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(kBatch));
}

void match_topic(benchmark::State& state, std::string_view filter, std::string_view name) {
  for (auto _ : state) {
    benchmark::DoNotOptimize(filter.data());
    benchmark::DoNotOptimize(matches(filter, name));
  }
  state.SetItemsProcessed(state.iterations());
}

// Subscriptions of a broker: one exact filter a client, and a few with wildcards that match every name.
void match_in_tree(benchmark::State& state) {
  TopicTree<int> tree;
  const int64_t count = state.range(0);
  for (int64_t i = 0; i < count; ++i) tree.insert("plant/" + std::to_string(i) + "/temperature") = 1;
  tree.insert("plant/+/temperature") = 1;
  tree.insert("plant/#") = 1;
  std::vector<std::string> names;
  for (int64_t i = 0; i < 1024; ++i) names.push_back("plant/" + std::to_string(i * 7919 % count) + "/temperature");
  size_t at = 0;
  for (auto _ : state) {
    int found = 0;
    tree.match(names[at++ % names.size()], [&found](int& value) { found += value; });
    if (found != 3) return state.SkipWithError("a subscription was missed");
  }
  state.SetItemsProcessed(state.iterations());
}

// Durations from 20 µs to about 20 ms, in no order.
std::vector<int64_t> some_latencies() {
  std::vector<int64_t> latencies;
  uint64_t bits = 4;
  for (int i = 0; i < 4096; ++i) {
    bits = bits * 6364136223846793005u + 1442695040888963407u;
    latencies.push_back(int64_t{20'000} << (bits >> 32) % 10 | static_cast<int64_t>(bits >> 50));
  }
  return latencies;
}

void record_in_histogram(benchmark::State& state) {
  const std::vector<int64_t> latencies = some_latencies();
  metrics::Histogram histogram;
  size_t at = 0;
  for (auto _ : state) histogram.record(latencies[at++ % latencies.size()]);
  benchmark::DoNotOptimize(histogram.count());
  state.SetItemsProcessed(state.iterations());
}

void record_in_recorder(benchmark::State& state) {
  const std::vector<int64_t> latencies = some_latencies();
  metrics::Recorder recorder;
  size_t at = 0;
  for (auto _ : state) {
    recorder.record(metrics::Metric::latency, Duration(latencies[at++ % latencies.size()]));
    recorder.add(metrics::Counter::delivered);
  }
  benchmark::DoNotOptimize(recorder.count(metrics::Counter::delivered));
  state.SetItemsProcessed(state.iterations());
}

void register_codec(ProtocolVersion version) {
  const std::string level = std::string("/") + to_string(version);
  for (const Packet& packet : packets_of(version)) {
    std::string name(to_string(type_of(packet)));
    if (const Publish* publish = std::get_if<Publish>(&packet)) {
      name += publish->qos == QoS::at_most_once ? "/QoS0" : "/QoS1";
      benchmark::RegisterBenchmark(("encode_publish/" + name + level).c_str(), encode_publish_alone, *publish, version);
    }
    benchmark::RegisterBenchmark(("encode/" + name + level).c_str(), encode_packet, packet, version);
    benchmark::RegisterBenchmark(("decode/" + name + level).c_str(), decode_packet, packet, version);
  }
}

void register_all() {
  for (const ProtocolVersion version : {ProtocolVersion::v3_1_1, ProtocolVersion::v5_0}) register_codec(version);
  const ProtocolVersion newest = ProtocolVersion::v5_0;
  benchmark::RegisterBenchmark("encode/PUBLISH/request/5.0", encode_packet, make_request(), newest);
  benchmark::RegisterBenchmark("decode/PUBLISH/request/5.0", decode_packet, make_request(), newest);
  benchmark::RegisterBenchmark("frame_and_decode/whole", frame_and_decode, false);
  benchmark::RegisterBenchmark("frame_and_decode/cut", frame_and_decode, true);
  benchmark::RegisterBenchmark("matches/exact", match_topic, kTopic, kTopic);
  benchmark::RegisterBenchmark("matches/plus", match_topic, "plant/+/line/+/temperature", kTopic);
  benchmark::RegisterBenchmark("matches/hash", match_topic, "plant/#", kTopic);
  benchmark::RegisterBenchmark("matches/other", match_topic, "plant/+/line/+/humidity", kTopic);
  benchmark::RegisterBenchmark("topic_tree/match", match_in_tree)->Arg(10)->Arg(1'000)->Arg(100'000);
  benchmark::RegisterBenchmark("histogram/record", record_in_histogram);
  benchmark::RegisterBenchmark("recorder/record", record_in_recorder);
}

}  // namespace
}  // namespace mqtt_sim

int main(int argc, char** argv) {
  mqtt_sim::register_all();
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  benchmark::RunSpecifiedBenchmarks();
}
