// Topic names and filters (section 4.7): validity, matching, and the parts of a shared subscription (4.8.2).
#pragma once

#include <optional>
#include <string_view>

namespace mqtt_sim::protocol {

bool is_valid_topic_name(std::string_view);    // 1..65,535 bytes, well-formed UTF-8, no wildcard
bool is_valid_topic_filter(std::string_view);  // likewise, wildcards only where allowed; a `$share/...` filter included
bool has_wildcard(std::string_view filter);

// Whether `name` (valid) matches `filter` (valid, not shared). [MQTT-4.7.2-1] included: a leading wildcard does not match $.
bool matches(std::string_view filter, std::string_view name);

struct SharedFilter {
  std::string_view share_name;
  std::string_view filter;
};
// The parts of `$share/name/filter`; nothing when the filter is not a shared one.
std::optional<SharedFilter> parse_shared_filter(std::string_view);

}  // namespace mqtt_sim::protocol
