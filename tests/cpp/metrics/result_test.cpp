#include "core/metrics/result.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace mqtt_sim::metrics {
namespace {

using namespace std::chrono_literals;
using nlohmann::ordered_json;

std::vector<std::string> keys_of(const ordered_json& object) {
  std::vector<std::string> keys;
  for (const auto& [key, value] : object.items()) keys.push_back(key);
  return keys;
}

// 1 .. 1000, each in its own bucket, so that every figure is exact.
Histogram one_to_thousand() {
  Histogram histogram;
  for (int64_t value = 1; value <= 1000; ++value) histogram.record(value);
  return histogram;
}

TEST(Summary, HoldsTheFiguresOfTheHistogram) {
  const MetricSummary expected = {
      .count = 1000, .min = 1, .mean = 501, .p50 = 500, .p90 = 900, .p99 = 990, .p99_9 = 999, .max = 1000};
  EXPECT_EQ(summarise(one_to_thousand()), expected);  // the mean is 500.5
}

TEST(Summary, OfNothingIsZero) { EXPECT_EQ(summarise(Histogram()), MetricSummary{}); }

TEST(Summary, NeverGoesBeyondMinimumAndMaximum) {
  for (const int64_t value : {int64_t{2048}, int64_t{2049}, int64_t{1'234'567}, Histogram::kHighest}) {
    Histogram histogram;
    histogram.record(value);
    const MetricSummary expected = {.count = 1,
                                    .min = value,
                                    .mean = value,
                                    .p50 = value,
                                    .p90 = value,
                                    .p99 = value,
                                    .p99_9 = value,
                                    .max = value};
    EXPECT_EQ(summarise(histogram), expected) << value;
  }
}

TEST(ResultJson, HistogramHasItsFiguresInNanosecondsAndTheEncoding) {
  const Histogram histogram = one_to_thousand();
  EXPECT_EQ(
      to_json(histogram).dump(),
      R"({"unit":"ns","count":1000,"min":1,"mean":501,"p50":500,"p90":900,"p99":990,"p99.9":999,"max":1000,"hdr":")" +
          histogram.encode_v2() + "\"}");
}

TEST(ResultJson, EmptyHistogramHasNullsAndStillTheEncoding) {
  EXPECT_EQ(
      to_json(Histogram()).dump(),
      R"({"unit":"ns","count":0,"min":null,"mean":null,"p50":null,"p90":null,"p99":null,"p99.9":null,"max":null,"hdr":")" +
          Histogram().encode_v2() + "\"}");
}

TEST(ResultJson, RecorderListsAllCountersAndMetricsByNameInTheOrderOfTheEnums) {
  Recorder recorder;
  recorder.record(Metric::publish_ack, 3us);
  recorder.add(Counter::lost, 7);
  const ordered_json json = to_json(recorder);
  EXPECT_EQ(keys_of(json), (std::vector<std::string>{"counts", "metrics", "errors", "ends", "server_words"}));
  EXPECT_EQ(keys_of(json["counts"]),
            (std::vector<std::string>{
                "planned",     "offered",        "written",        "acknowledged",    "delivered",
                "expected",    "lost",           "duplicated",     "reordered",       "undecodable",
                "foreign",     "connected",      "connect_failed", "refused",         "disconnected",
                "reconnected", "publish_failed", "unsent",         "unacknowledged",  "unexpected_acks",
                "bytes_in",    "bytes_out",      "device_sent",    "device_received", "device_delivered"}));
  EXPECT_EQ(keys_of(json["metrics"]),
            (std::vector<std::string>{"connect", "connect_dns", "connect_tcp", "connect_tls", "connect_upgrade",
                                      "connect_connack", "suback", "publish_ack", "latency", "latency_uncorrected",
                                      "lateness", "device_lateness"}));
  EXPECT_EQ(json["counts"]["lost"], 7);
  EXPECT_EQ(json["counts"]["planned"], 0);
  EXPECT_EQ(json["metrics"]["publish_ack"], to_json(recorder.histogram(Metric::publish_ack)));
  EXPECT_EQ(json["metrics"]["publish_ack"]["count"], 1);
  EXPECT_EQ(json["metrics"]["suback"]["count"], 0);
  EXPECT_EQ(json["errors"].dump(), "[]");
}

TEST(ResultJson, ErrorsAreInTheOrderOfTheirTextsWithSecondsSinceTheStart) {
  const Instant start = instant_from_ns(70'000'000'000);
  Recorder recorder;
  recorder.error("refused", start + 2500ms, 0x87);
  recorder.error("connection reset", start + 3s);
  recorder.error("refused", start + 4s, 0x87);
  EXPECT_EQ(to_json(recorder, start)["errors"].dump(),
            R"([{"text":"connection reset","count":1,"first_at_s":3.0,"reason":0},)"
            R"({"text":"refused","count":2,"first_at_s":2.5,"reason":135}])");
}

TEST(ResultJson, EndsAndWordsOfServersStandApartFromErrors) {
  Recorder recorder;
  recorder.end("stream lost: connection reset", instant_from_ns(0));
  recorder.end("stream lost: connection reset", instant_from_ns(1));
  for (size_t i = 0; i < Recorder::kQuoteLimit + 3; ++i)
    recorder.quote("CONNACK: no room " + std::to_string(i), instant_from_ns(0), 0x97);
  const ordered_json json = to_json(recorder);
  EXPECT_EQ(json["errors"].dump(), "[]");
  EXPECT_EQ(json["ends"].dump(), R"([{"text":"stream lost: connection reset","count":2,"first_at_s":0.0,"reason":0}])");
  EXPECT_EQ(json["server_words"].size(), Recorder::kQuoteLimit + 1);
  EXPECT_EQ(json["server_words"].back().dump(), R"({"text":"other words","count":3,"first_at_s":0.0,"reason":151})");
  Recorder sum;
  sum.merge(recorder);
  sum.merge(recorder);
  EXPECT_EQ(sum.ends().begin()->second.count, 4u);
  EXPECT_EQ(sum.quotes().find(Recorder::kOtherQuotes)->second.count, 6u);
}

TEST(ResultJson, EqualMeasurementsGiveEqualBytesInWhateverOrderTheyWereMade) {
  Recorder one;
  one.record(Metric::latency, 3ms);
  one.record(Metric::latency, 8ms);
  one.error("a", instant_from_ns(5));
  one.error("b", instant_from_ns(6));
  Recorder two;
  two.error("b", instant_from_ns(6));
  two.error("a", instant_from_ns(5));
  two.record(Metric::latency, 8ms);
  two.record(Metric::latency, 3ms);
  EXPECT_EQ(to_json(one).dump(), to_json(two).dump());

  two.add(Counter::foreign);
  EXPECT_NE(to_json(one).dump(), to_json(two).dump());
}

TEST(IntervalOfARun, ShowsWhatWasSentAndReceivedAndTheLatency) {
  Recorder recorder;
  recorder.add(Counter::written, 1200);
  recorder.add(Counter::delivered, 1000);
  for (int64_t value = 1; value <= 1000; ++value) recorder.record(Metric::latency, Duration(value));
  const Interval interval = make_interval(recorder.take_interval(), Instant(2s), Instant(2500ms), 42);
  const Interval expected = {.end = Instant(2500ms),
                             .seconds = 0.5,
                             .sent = 1200,
                             .received = 1000,
                             .clients_up = 42,
                             .latency_count = 1000,
                             .latency_p50 = 500,
                             .latency_p99 = 990,
                             .latency_max = 1000};
  EXPECT_EQ(interval, expected);
  EXPECT_EQ(to_json(interval, Instant(1s)).dump(),
            R"({"end_s":1.5,"seconds":0.5,"sent":1200,"received":1000,"clients_up":42,)"
            R"("latency":{"unit":"ns","count":1000,"p50":500,"p99":990,"max":1000}})");
}

TEST(IntervalOfARun, WithoutAnyDeliveryHasNoLatency) {
  Recorder recorder;
  const Interval interval = make_interval(recorder.take_interval(), Instant(0s), Instant(1s), 3);
  EXPECT_EQ(to_json(interval).dump(), R"({"end_s":1.0,"seconds":1.0,"sent":0,"received":0,"clients_up":3,)"
                                      R"("latency":{"unit":"ns","count":0,"p50":null,"p99":null,"max":null}})");
}

}  // namespace
}  // namespace mqtt_sim::metrics
