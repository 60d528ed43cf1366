#include "core/load/placeholder.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

namespace mqtt_sim::load {
namespace {

// What `{i}`, `{n}`, `{i+1000}` or `{n+1000}` means.
std::optional<uint64_t> number_of(std::string_view name, uint32_t index) {
  if (!name.starts_with('i') && !name.starts_with('n')) return std::nullopt;
  const uint64_t number = uint64_t{index} + (name.starts_with('n') ? 1 : 0);
  if (name.size() == 1) return number;
  uint32_t more = 0;
  const char* const end = name.data() + name.size();
  if (name[1] != '+' || name.size() < 3) return std::nullopt;
  const auto [read, error] = std::from_chars(name.data() + 2, end, more);
  return error == std::errc() && read == end ? std::optional(number + more) : std::nullopt;
}

}  // namespace

std::string expand_names(std::string_view text, const ClientNames& names) {
  std::string out;
  expand(text, out, [&](std::string_view name, std::string& to) {
    if (const auto number = number_of(name, names.index)) {
      to += std::to_string(*number);
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
