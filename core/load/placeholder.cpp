#include "core/load/placeholder.hpp"

#include <algorithm>

namespace mqtt_sim::load {

std::string expand_names(std::string_view text, const ClientNames& names) {
  std::string out;
  expand(text, out, [&](std::string_view name, std::string& to) {
    if (name == "i") {
      to += std::to_string(names.index);
    } else if (name == "n") {
      to += std::to_string(names.index + 1);
    } else if (name == "group") {
      to += names.group;
    } else if (name == "client_id") {
      to += names.client_id;
    } else if (name == "speaker") {
      to += names.speaker;
    } else {
      return false;
    }
    return true;
  });
  return out;
}

std::string topic_level(std::string_view speaker) {
  std::string level(speaker);
  std::ranges::replace_if(level, [](char c) { return c == '+' || c == '#' || c == '/' || c == '\0'; }, '_');
  return level;
}

}  // namespace mqtt_sim::load
