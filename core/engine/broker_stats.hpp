// A broker's Stats as a JSON object: every member, under its name and in the order of the struct, and of `errors` those
// that happened, by the name of the reason code.
#pragma once

#include <string>

#include "core/broker/stats.hpp"

namespace mqtt_sim::engine {

std::string to_json(const broker::Stats&);

}  // namespace mqtt_sim::engine
