// Statistics of the broker as JSON.
#include "core/engine/broker_stats.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <nlohmann/json.hpp>

namespace mqtt_sim::engine {
namespace {

using broker::Stats;

TEST(BrokerStats, AreAllThereInTheOrderOfTheStruct) {
  Stats stats;
  constexpr size_t kCounts = offsetof(Stats, errors) / sizeof(uint64_t);
  std::array<uint64_t, kCounts> numbers;
  for (size_t i = 0; i < kCounts; ++i) numbers[i] = i + 1;
  std::memcpy(static_cast<void*>(&stats), numbers.data(), sizeof numbers);
  const auto json = nlohmann::ordered_json::parse(to_json(stats));
  ASSERT_EQ(json.size(), kCounts + 1) << "a name stands twice";
  size_t place = 0;
  for (const auto& [name, value] : json.items()) {
    if (place < kCounts) {
      EXPECT_EQ(value, place + 1) << name;
    }
    ++place;
  }
  EXPECT_EQ(json["connections"], 1);
  EXPECT_EQ(json["refused_subscriptions"], kCounts);
}

TEST(BrokerStats, HaveErrorsByTheirReason) {
  Stats stats;
  stats.errors[0x82] = 2;
  stats.errors[0x95] = 1;
  const auto json = nlohmann::json::parse(to_json(stats));
  EXPECT_EQ(json["errors"].size(), 2u);
  EXPECT_EQ(json["errors"][protocol::to_string(protocol::ReasonCode::protocol_error)], 2);
  EXPECT_EQ(json["errors"][protocol::to_string(protocol::ReasonCode::packet_too_large)], 1);
}

}  // namespace
}  // namespace mqtt_sim::engine
