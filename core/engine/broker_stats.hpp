// A broker's Stats by name: for a report as a JSON object, for a page of metrics one by one. `errors`, an array, comes
// as the names of the reason codes that happened.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "core/broker/stats.hpp"

namespace mqtt_sim::engine {

// Every member but `errors`, under its name and in the order of the struct.
std::span<const std::pair<const char*, uint64_t broker::Stats::*>> broker_counts();

nlohmann::ordered_json to_document(const broker::Stats&);
std::string to_json(const broker::Stats&);

}  // namespace mqtt_sim::engine
