#include "core/protocol/topic.hpp"

#include <cstdint>
#include <cstring>

#include "core/protocol/utf8.hpp"

namespace mqtt_sim::protocol {
namespace {

constexpr size_t kLongest = 65'535;  // [MQTT-4.7.3-3]
constexpr std::string_view kSharePrefix = "$share/";

constexpr uint64_t every_byte(uint8_t byte) { return 0x0101'0101'0101'0101u * byte; }

bool has_zero_byte(uint64_t word) { return ((word - every_byte(1)) & ~word & every_byte(0x80)) != 0; }

// [MQTT-4.7.3-1], [MQTT-4.7.3-2], [MQTT-4.7.3-3]
bool is_topic_text(std::string_view text) { return !text.empty() && text.size() <= kLongest && is_utf8_string(text); }

}  // namespace

bool has_wildcard(std::string_view filter) {
  const char* at = filter.data();
  const char* const end = at + filter.size();
  for (; end - at >= 8; at += 8) {
    uint64_t word;
    std::memcpy(&word, at, sizeof word);
    if (has_zero_byte(word ^ every_byte('+')) || has_zero_byte(word ^ every_byte('#'))) return true;
  }
  for (; at != end; ++at) {
    if (*at == '+' || *at == '#') return true;
  }
  return false;
}

bool has_well_placed_wildcards(std::string_view filter) {
  const auto begins_level = [&](size_t at) { return at == 0 || filter[at - 1] == '/'; };
  const auto ends_level = [&](size_t at) { return at + 1 == filter.size() || filter[at + 1] == '/'; };
  if (!has_wildcard(filter)) return true;
  for (size_t at = 0; at < filter.size(); ++at) {
    if (filter[at] == '#' && !(begins_level(at) && at + 1 == filter.size())) return false;  // [MQTT-4.7.1-1]
    if (filter[at] == '+' && !(begins_level(at) && ends_level(at))) return false;           // [MQTT-4.7.1-2]
  }
  return true;
}

bool is_valid_topic_name(std::string_view name) {  // [MQTT-4.7.0-1]
  return !has_wildcard(name) && is_topic_text(name);
}

bool is_valid_topic_filter(std::string_view filter) {
  if (!is_topic_text(filter) || !has_well_placed_wildcards(filter)) return false;
  return !filter.starts_with(kSharePrefix) || parse_shared_filter(filter);
}

bool matches(std::string_view filter, std::string_view name) {
  const bool begins_with_wildcard = filter.starts_with('+') || filter.starts_with('#');
  if (begins_with_wildcard && name.starts_with('$')) return false;  // [MQTT-4.7.2-1]
  LevelCursor wanted(filter);
  LevelCursor given(name);
  while (!wanted.is_done()) {
    const std::string_view level = wanted.take();
    if (level == "#") return true;  // the level above included
    if (given.is_done()) return false;
    const std::string_view given_level = given.take();
    if (level != "+" && level != given_level) return false;
  }
  return given.is_done();
}

std::optional<SharedFilter> parse_shared_filter(std::string_view text) {
  if (!text.starts_with(kSharePrefix)) return std::nullopt;
  text.remove_prefix(kSharePrefix.size());
  const size_t slash = text.find('/');
  if (slash == std::string_view::npos) return std::nullopt;  // [MQTT-4.8.2-2]
  const SharedFilter parts{text.substr(0, slash), text.substr(slash + 1)};
  if (parts.share_name.empty() || has_wildcard(parts.share_name))
    return std::nullopt;  // [MQTT-4.8.2-1], [MQTT-4.8.2-2]
  if (parts.filter.empty()) return std::nullopt;
  return parts;
}

}  // namespace mqtt_sim::protocol
