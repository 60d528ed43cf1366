// How two topic filters (section 4.7) lie to each other: what they have in common, and whether one holds the other.
// Neither is a shared one.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace mqtt_sim::broker {

// The filter of all names that both match; nothing when no name can match both. A leading wildcard does not match $
// [MQTT-4.7.2-1].
std::optional<std::string> intersect(std::string_view a, std::string_view b);

// Whether `outer` matches every name that `inner` matches.
bool covers(std::string_view outer, std::string_view inner);

}  // namespace mqtt_sim::broker
