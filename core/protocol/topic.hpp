// Topic names and filters (section 4.7): validity, matching, and the parts of a shared subscription (4.8.2).
#pragma once

#include <optional>
#include <string_view>

namespace mqtt_sim::protocol {

bool is_valid_topic_name(std::string_view);    // 1..65,535 bytes, well-formed UTF-8, no wildcard
bool is_valid_topic_filter(std::string_view);  // likewise, wildcards only where allowed; a `$share/...` filter included
bool has_wildcard(std::string_view filter);
bool has_well_placed_wildcards(std::string_view filter);  // each fills its level, # is last; nothing else is checked

// Whether `name` (valid) matches `filter` (valid, not shared). [MQTT-4.7.2-1] included: a leading wildcard does not
// match $.
bool matches(std::string_view filter, std::string_view name);

struct SharedFilter {
  std::string_view share_name;
  std::string_view filter;
};
// The parts of `$share/name/filter`; nothing when the filter is not a shared one or lacks a part.
std::optional<SharedFilter> parse_shared_filter(std::string_view);

// The levels of a name or filter, one after the other: "a//b" has "a", "" and "b". The text must outlive the cursor.
class LevelCursor {
 public:
  explicit LevelCursor(std::string_view text) : text_(text) {}

  bool is_done() const { return at_ > text_.size(); }
  std::string_view take() {  // not when done
    const size_t slash = text_.find('/', at_);
    const size_t end = slash == std::string_view::npos ? text_.size() : slash;
    const std::string_view level = text_.substr(at_, end - at_);
    at_ = end + 1;
    return level;
  }

 private:
  std::string_view text_;
  size_t at_ = 0;
};

}  // namespace mqtt_sim::protocol
