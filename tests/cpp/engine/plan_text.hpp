// A small, complete plan as JSON, for changing one thing at a time.
#pragma once

#include <nlohmann/json.hpp>

namespace mqtt_sim::engine {

inline nlohmann::json client_part() {
  return {{"protocol_version", 4},
          {"clean_start", true},
          {"session_expiry_interval_s", 0},
          {"keep_alive_s", 60},
          {"client_id", "{group}-{i}"},
          {"user_name", nullptr},
          {"password", nullptr},
          {"will", nullptr},
          {"reconnect_period_ns", 0},
          {"receive_maximum", 65535}};
}

inline nlohmann::json publish_part(int qos) {
  return {{"topic", "t/{i}"},
          {"qos", qos},
          {"retain", false},
          {"rate_per_s", 50.0},
          {"messages", nullptr},
          {"in_flight", 100},
          {"payload", {{"kind", "size"}, {"size", 100}}},
          {"stamp", "auto"}};
}

// `pairs` producers and as many consumers, one to one, and one consumer that hears everything; half a second at 50 a
// second.
inline nlohmann::json plan_part(const char* driver, uint32_t pairs, int qos) {
  nlohmann::json plan{
      {"version", 1},
      {"name", "test"},
      {"seed", 4},
      {"driver", driver},
      {"duration_ns", 500'000'000},
      {"warmup_ns", 0},
      {"drain_ns", 2'000'000'000},
      {"shards", 1},
      {"broker", nlohmann::json::object()},
      {"target", nullptr},
      {"link", {{"latency_ns", 200'000}, {"jitter_ns", 50'000}}},
      {"connect",
       {{"rate_per_s", 0.0},
        {"in_progress", 64},
        {"timeout_ns", 5'000'000'000},
        {"source_addresses", nlohmann::json::array()}}},
      {"corpus", {{"path", nullptr}, {"header", "skip"}, {"parser", "strict-unescape"}, {"strict", false}}},
      {"groups", nlohmann::json::array()}};
  plan["groups"].push_back({{"name", "producers"},
                            {"count", pairs},
                            {"client", client_part()},
                            {"publish", publish_part(qos)},
                            {"subscribe", nlohmann::json::array()}});
  plan["groups"].push_back({{"name", "consumers"},
                            {"count", pairs},
                            {"client", client_part()},
                            {"publish", nullptr},
                            {"subscribe", {{{"filter", "t/{i}"}, {"qos", qos}}}}});
  plan["groups"].push_back({{"name", "listener"},
                            {"count", 1},
                            {"client", client_part()},
                            {"publish", nullptr},
                            {"subscribe", {{{"filter", "t/#"}, {"qos", qos}}}}});
  return plan;
}

}  // namespace mqtt_sim::engine
