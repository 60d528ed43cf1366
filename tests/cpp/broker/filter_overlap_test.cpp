#include "core/broker/filter_overlap.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "core/protocol/topic.hpp"

namespace mqtt_sim::broker {
namespace {

TEST(FilterOverlap, IsWhatBothMatch) {
  const struct {
    const char* a;
    const char* b;
    const char* common;  // nullptr: nothing
  } rows[] = {
      {"a/b", "a/b", "a/b"},
      {"a/b", "a/c", nullptr},
      {"a/+", "+/b", "a/b"},
      {"a/#", "a/b/c", "a/b/c"},
      {"a/#", "a", "a"},
      {"a/#", "+/+/c", "a/+/c"},
      {"#", "a/+", "a/+"},
      {"#", "#", "#"},
      {"a/#", "a/#", "a/#"},
      {"a/+", "a", nullptr},
      {"+", "a/b", nullptr},
      {"+/#", "a", "a"},
      {"#", "$SYS/#", nullptr},
      {"+/x", "$SYS/x", nullptr},
      {"$SYS/#", "$SYS/+/y", "$SYS/+/y"},
      {"/a", "+/a", "/a"},
      {"a//b", "a/+/b", "a//b"},
      {"a/b/#", "a/+", "a/b"},
  };
  for (const auto& [a, b, common] : rows) {
    const auto expected = common ? std::optional<std::string>(common) : std::nullopt;
    EXPECT_EQ(intersect(a, b), expected) << a << " and " << b;
    EXPECT_EQ(intersect(b, a), expected) << b << " and " << a;
  }
}

TEST(FilterOverlap, CoversWhatLiesWithin) {
  for (const auto& [outer, inner] : std::vector<std::pair<const char*, const char*>>{{"#", "a/b"},
                                                                                     {"#", "#"},
                                                                                     {"a/#", "a"},
                                                                                     {"a/#", "a/#"},
                                                                                     {"a/#", "a/+/c"},
                                                                                     {"+/+", "a/+"},
                                                                                     {"a/+", "a/b"},
                                                                                     {"$SYS/#", "$SYS/x"}}) {
    EXPECT_TRUE(covers(outer, inner)) << outer << " over " << inner;
  }
  for (const auto& [outer, inner] : std::vector<std::pair<const char*, const char*>>{{"a/b", "a/+"},
                                                                                     {"a/+", "a/#"},
                                                                                     {"+", "#"},
                                                                                     {"a", "a/b"},
                                                                                     {"a/b", "a"},
                                                                                     {"#", "$SYS/x"},
                                                                                     {"+/x", "$SYS/x"}}) {
    EXPECT_FALSE(covers(outer, inner)) << outer << " over " << inner;
  }
}

// Every filter and name of up to three levels of a small alphabet.
TEST(FilterOverlap, AgreesWithMatchingOfNames) {
  std::vector<std::string> filters;
  std::vector<std::string> names;
  const std::vector<std::string> levels{"a", "b", "$s", "+", "#"};
  std::vector<std::string> grown{""};
  for (int depth = 0; depth < 3; ++depth) {
    std::vector<std::string> longer;
    for (const std::string& start : grown) {
      for (const std::string& level : levels) {
        const std::string text = depth == 0 ? level : start + "/" + level;
        if (!protocol::is_valid_topic_filter(text)) continue;
        longer.push_back(text);
        filters.push_back(text);
        if (protocol::is_valid_topic_name(text)) names.push_back(text);
      }
    }
    grown = longer;
  }
  ASSERT_GT(filters.size(), 100u);
  for (const std::string& a : filters) {
    for (const std::string& b : filters) {
      const auto common = intersect(a, b);
      const bool is_covered = covers(a, b);
      for (const std::string& name : names) {
        const bool in_a = protocol::matches(a, name);
        const bool in_b = protocol::matches(b, name);
        ASSERT_EQ(common && protocol::matches(*common, name), in_a && in_b) << a << " and " << b << " at " << name;
        ASSERT_TRUE(!is_covered || !in_b || in_a) << a << " over " << b << " at " << name;
      }
    }
  }
}

}  // namespace
}  // namespace mqtt_sim::broker
