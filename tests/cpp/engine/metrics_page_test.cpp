// The page of metrics: families with their help and type, and names and labels as Prometheus reads them.
#include "core/engine/metrics_page.hpp"

#include <gtest/gtest.h>

#include <regex>
#include <set>
#include <sstream>
#include <string>

namespace mqtt_sim::engine {
namespace {

bool has_line(const std::string& page, const std::string& line) {
  return ("\n" + page).find("\n" + line + "\n") != std::string::npos;
}

RunFigures sample_run() {
  RunFigures run{.name = "episode4", .phase = "running", .elapsed_s = 2.5};
  run.latency = {.count = 4,
                 .min = 1,
                 .mean = 2'000'000,
                 .p50 = 1'500'000,
                 .p90 = 3'000'000,
                 .p99 = 4'000'000,
                 .p99_9 = 5'000'000,
                 .max = 6'000'000};
  run.counters[static_cast<size_t>(metrics::Counter::delivered)] = 12;
  return run;
}

TEST(MetricsPage, EveryLineIsOfTheFormat) {
  broker::Stats stats;
  stats.errors[0x81] = 2;
  const std::string page = metrics_page(stats, sample_run());
  ASSERT_TRUE(page.ends_with('\n'));
  const std::regex help("# HELP mqtt_sim_[a-z0-9_]+ [^\\n]+");
  const std::regex type("# TYPE (mqtt_sim_[a-z0-9_]+) (counter|gauge|summary)");
  const std::regex sample(
      R"((mqtt_sim_[a-z0-9_]+?)(?:_sum|_count)?(\{[a-z_]+="(?:[^"\\]|\\.)*"(?:,[a-z_]+="(?:[^"\\]|\\.)*")*\})? (NaN|[0-9.e+-]+))");
  std::istringstream lines(page);
  std::set<std::string> families;
  std::string family;
  int samples = 0;
  for (std::string line; std::getline(lines, line);) {
    std::smatch found;
    if (std::regex_match(line, found, type)) {
      family = found[1];
      EXPECT_TRUE(families.insert(family).second) << family << " begins twice";
    } else if (!std::regex_match(line, help)) {
      ASSERT_TRUE(std::regex_match(line, found, sample)) << line;
      EXPECT_TRUE(line.starts_with(family)) << line << " stands below " << family;
      ++samples;
    }
  }
  EXPECT_GT(samples, 80);
}

TEST(MetricsPage, GaugesAndCountersAreToldApart) {
  broker::Stats stats;
  stats.clients = 3;
  stats.messages_in = 17;
  stats.connections_total = 5;
  stats.dropped_slow = 2;
  stats.refused_levels = 1;
  const std::string page = metrics_page(stats, std::nullopt);
  EXPECT_TRUE(has_line(page, "# TYPE mqtt_sim_broker_clients gauge"));
  EXPECT_TRUE(has_line(page, "mqtt_sim_broker_clients 3"));
  EXPECT_TRUE(has_line(page, "# TYPE mqtt_sim_broker_messages_in_total counter"));
  EXPECT_TRUE(has_line(page, "mqtt_sim_broker_messages_in_total 17"));
  EXPECT_TRUE(has_line(page, "mqtt_sim_broker_connections_total 5"));
  EXPECT_TRUE(has_line(page, "mqtt_sim_broker_dropped_total{reason=\"slow\"} 2"));
  EXPECT_TRUE(has_line(page, "mqtt_sim_broker_refused_total{what=\"levels\"} 1"));
  EXPECT_EQ(page.find("mqtt_sim_run"), std::string::npos);
}

TEST(MetricsPage, ARunComesWithItsLatencyInSeconds) {
  const std::string page = metrics_page({}, sample_run());
  EXPECT_TRUE(has_line(page, R"(mqtt_sim_run_info{name="episode4",phase="running"} 1)"));
  EXPECT_TRUE(has_line(page, "mqtt_sim_run_elapsed_seconds 2.5"));
  EXPECT_TRUE(has_line(page, "mqtt_sim_run_delivered_total 12"));
  EXPECT_TRUE(has_line(page, R"(mqtt_sim_run_latency_seconds{quantile="0.5"} 0.0015)"));
  EXPECT_TRUE(has_line(page, R"(mqtt_sim_run_latency_seconds{quantile="1"} 0.006)"));
  EXPECT_TRUE(has_line(page, "mqtt_sim_run_latency_seconds_sum 0.008"));
  EXPECT_TRUE(has_line(page, "mqtt_sim_run_latency_seconds_count 4"));
}

TEST(MetricsPage, WithoutAnyLatencyItsQuantilesAreNoNumbers) {
  const std::string page = metrics_page({}, RunFigures{.name = "", .phase = "connecting"});
  EXPECT_TRUE(has_line(page, R"(mqtt_sim_run_latency_seconds{quantile="0.99"} NaN)"));
  EXPECT_TRUE(has_line(page, "mqtt_sim_run_latency_seconds_count 0"));
}

TEST(MetricsPage, WhatMeansSomethingInALabelIsEscaped) {
  RunFigures run = sample_run();
  run.name = "a\"b\\c\nd é";
  EXPECT_TRUE(has_line(metrics_page({}, run), R"(mqtt_sim_run_info{name="a\"b\\c\nd é",phase="running"} 1)"));
}

}  // namespace
}  // namespace mqtt_sim::engine
