// Placeholders in topics, filters, client identifiers and payload templates: `{i}`, `{i+1000}` and their like.
// Unknown names were refused when the scenario was read, so any other brace is plain text.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace mqtt_sim::load {

// The template with every `{name}` for which `value_of(name, out)` returns true replaced by what it appended to `out`.
template <class ValueOf>
void expand(std::string_view text, std::string& out, ValueOf&& value_of) {
  while (!text.empty()) {
    const size_t open = text.find('{');
    out.append(text.substr(0, open));
    if (open == std::string_view::npos) return;
    text.remove_prefix(open);
    const size_t close = text.find('}');
    if (close == std::string_view::npos) break;
    if (value_of(text.substr(1, close - 1), out)) {
      text.remove_prefix(close + 1);
    } else {
      out.push_back('{');
      text.remove_prefix(1);
    }
  }
  out.append(text);
}

// Which client a placeholder speaks of.
struct ClientNames {
  std::string_view group;
  uint32_t index = 0;          // in its group, from 0
  std::string_view client_id;  // empty while the identifier itself is being built
  std::string_view speaker;    // made safe for a topic; empty unless the client speaks one character's lines
};

std::string expand_names(std::string_view text, const ClientNames&);

// A speaker's name as one topic level: `+`, `#`, `/` and NUL become `_`.
std::string topic_level(std::string_view speaker);

}  // namespace mqtt_sim::load
