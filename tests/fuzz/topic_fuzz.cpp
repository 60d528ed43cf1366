// Input: a topic name and filters, one a line.
#include <algorithm>
#include <string>
#include <vector>

#include "core/protocol/topic.hpp"
#include "core/protocol/topic_tree.hpp"
#include "core/protocol/utf8.hpp"
#include "tests/fuzz/targets.hpp"

namespace mqtt_sim::fuzz {
namespace {

using namespace protocol;
using Levels = std::vector<std::string>;

constexpr size_t kMostFilters = 16;

std::vector<std::string> split(std::string_view text, char at) {
  std::vector<std::string> parts(1);
  for (const char c : text) {
    if (c == at) {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  return parts;
}

// By the meaning of the bits: decode, then look at the number.
bool is_naive_utf8(std::string_view text) {
  for (size_t i = 0; i < text.size();) {
    const auto lead = static_cast<uint8_t>(text[i]);
    const size_t length = lead < 0x80 ? 1 : lead >> 5 == 6 ? 2 : lead >> 4 == 14 ? 3 : lead >> 3 == 30 ? 4 : 0;
    if (length == 0 || i + length > text.size()) return false;
    uint32_t point = length == 1 ? lead : lead & (0x7Fu >> length);
    for (size_t k = 1; k < length; ++k) {
      const auto next = static_cast<uint8_t>(text[i + k]);
      if (next >> 6 != 2) return false;
      point = point << 6 | (next & 0x3Fu);
    }
    const uint32_t least[] = {0, 1, 0x80, 0x800, 0x10000};
    if (point < least[length] || point > 0x10FFFF || (point >= 0xD800 && point <= 0xDFFF)) return false;
    i += length;
  }
  return true;
}

bool is_naive_name(std::string_view text) {
  return !text.empty() && text.size() <= 65'535 && is_naive_utf8(text) && text.find_first_of("+#") == text.npos;
}

bool is_naive_filter(std::string_view text) {
  if (text.empty() || text.size() > 65'535 || !is_naive_utf8(text)) return false;
  const Levels levels = split(text, '/');
  for (size_t i = 0; i < levels.size(); ++i) {
    const bool has_one = levels[i].find_first_of("+#") != std::string::npos;
    if (has_one && levels[i] != "+" && levels[i] != "#") return false;
    if (levels[i] == "#" && i + 1 != levels.size()) return false;
  }
  if (levels[0] != "$share" || levels.size() == 1) return true;
  const bool has_name = !levels[1].empty() && levels[1] != "+" && levels[1] != "#";
  return has_name && levels.size() > 2 && text.size() > levels[0].size() + levels[1].size() + 2;
}

bool levels_match(const Levels& filter, size_t f, const Levels& name, size_t n) {
  if (f == filter.size()) return n == name.size();
  if (filter[f] == "#") return true;
  if (n == name.size()) return false;
  return (filter[f] == "+" || filter[f] == name[n]) && levels_match(filter, f + 1, name, n + 1);
}

bool naive_match(const std::string& filter, const std::string& name) {
  const Levels wanted = split(filter, '/');
  if (name.starts_with('$') && (wanted[0] == "+" || wanted[0] == "#")) return false;
  return levels_match(wanted, 0, split(name, '/'), 0);
}

// A tree of `kept` finds what the naive matcher finds, each once.
void check_tree(const std::vector<std::string>& kept, const TopicTree<size_t>& tree, const std::string& asked,
                bool asks_with_name) {
  std::vector<size_t> found;
  const auto note = [&](const size_t& index) { found.push_back(index); };
  if (asks_with_name) {
    tree.match(asked, note);
  } else {
    tree.match_names(asked, note);
  }
  std::vector<size_t> expected;
  for (size_t i = 0; i < kept.size(); ++i) {
    if (!tree.find(kept[i])) continue;
    if (asks_with_name ? naive_match(kept[i], asked) : naive_match(asked, kept[i])) expected.push_back(i);
  }
  std::ranges::sort(found);
  MQTT_SIM_ASSERT(found == expected);
}

void check_tree(std::vector<std::string> kept, const std::vector<std::string>& asked, bool asks_with_name) {
  std::ranges::sort(kept);
  kept.erase(std::unique(kept.begin(), kept.end()), kept.end());
  TopicTree<size_t> tree;
  for (size_t i = 0; i < kept.size(); ++i) tree.insert(kept[i]) = i;
  MQTT_SIM_ASSERT(tree.size() == kept.size());
  for (const std::string& text : asked) check_tree(kept, tree, text, asks_with_name);
  for (size_t i = 0; i < kept.size(); i += 2) MQTT_SIM_ASSERT(tree.erase(kept[i]));
  for (const std::string& text : asked) check_tree(kept, tree, text, asks_with_name);
  for (size_t i = 1; i < kept.size(); i += 2) MQTT_SIM_ASSERT(tree.erase(kept[i]));
  MQTT_SIM_ASSERT(tree.empty() && tree.node_count() == 0);
}

}  // namespace

void topic_fuzz(ByteView input) {
  std::vector<std::string> texts = split(as_text(input), '\n');
  texts.resize(std::min(texts.size(), kMostFilters));
  std::vector<std::string> names;
  std::vector<std::string> filters;
  for (const std::string& text : texts) {
    MQTT_SIM_ASSERT(is_utf8_string(text) == (is_naive_utf8(text) && text.find('\0') == text.npos));
    const bool has_nul = text.find('\0') != text.npos;
    MQTT_SIM_ASSERT(is_valid_topic_name(text) == (is_naive_name(text) && !has_nul));
    MQTT_SIM_ASSERT(is_valid_topic_filter(text) == (is_naive_filter(text) && !has_nul));
    if (is_valid_topic_name(text)) names.push_back(text);
    if (!is_valid_topic_filter(text)) continue;
    const auto shared = parse_shared_filter(text);
    if (shared) {
      MQTT_SIM_ASSERT("$share/" + std::string(shared->share_name) + "/" + std::string(shared->filter) == text);
      MQTT_SIM_ASSERT(shared->share_name.find('/') == std::string_view::npos);
    }
    filters.push_back(shared ? std::string(shared->filter) : text);
  }
  for (const std::string& filter : filters) {
    for (const std::string& name : names) MQTT_SIM_ASSERT(matches(filter, name) == naive_match(filter, name));
  }
  check_tree(filters, names, true);
  check_tree(names, filters, false);
}

}  // namespace mqtt_sim::fuzz
