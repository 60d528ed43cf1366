#include "core/protocol/topic_tree.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/base/random.hpp"

namespace mqtt_sim::protocol {
namespace {

using Tree = TopicTree<std::string>;  // each value is its own text, so a hit names itself

void put(Tree& tree, std::string_view text) { tree.insert(text) = text; }

std::vector<std::string> match(Tree& tree, std::string_view name) {
  std::vector<std::string> hits;
  tree.match(name, [&](std::string& value) { hits.push_back(value); });
  return hits;
}

std::vector<std::string> match_names(Tree& tree, std::string_view filter) {
  std::vector<std::string> hits;
  tree.match_names(filter, [&](std::string& value) { hits.push_back(value); });
  return hits;
}

std::vector<std::string> sorted(std::vector<std::string> texts) {
  std::ranges::sort(texts);
  return texts;
}

using Texts = std::vector<std::string>;

TEST(TopicTree, KeepsOneValueForEachText) {
  TopicTree<int> tree;
  EXPECT_EQ(tree.insert("a/b"), 0);
  tree.insert("a/b") = 7;
  EXPECT_EQ(tree.insert("a/b"), 7);
  EXPECT_EQ(tree.size(), 1u);
  ASSERT_TRUE(tree.find("a/b"));
  EXPECT_EQ(*tree.find("a/b"), 7);
  for (const char* other : {"a", "a/b/", "a/b/c", "a/+", "b", "/a/b", ""}) EXPECT_FALSE(tree.find(other)) << other;
}

TEST(TopicTree, ErasesExactlyTheText) {
  Tree tree;
  for (const char* text : {"a", "a/b", "a/b/c", "a/+", "#"}) put(tree, text);
  EXPECT_FALSE(tree.erase("a/b/c/d"));
  EXPECT_FALSE(tree.erase("b"));
  EXPECT_FALSE(tree.erase("+"));
  EXPECT_TRUE(tree.erase("a/b"));
  EXPECT_FALSE(tree.erase("a/b"));
  EXPECT_EQ(tree.size(), 4u);
  EXPECT_EQ(sorted(match(tree, "a/b/c")), Texts({"#", "a/b/c"}));
  EXPECT_EQ(sorted(match(tree, "a/b")), Texts({"#", "a/+"}));
}

TEST(TopicTree, RemovesNodesThatLeadNowhere) {
  Tree tree;
  put(tree, "a/b/c/d");
  put(tree, "a/b");
  put(tree, "a/b/+/#");
  EXPECT_EQ(tree.node_count(), 6u);
  EXPECT_TRUE(tree.erase("a/b/c/d"));
  EXPECT_EQ(tree.node_count(), 4u);
  EXPECT_TRUE(tree.erase("a/b"));
  EXPECT_EQ(tree.node_count(), 4u);
  EXPECT_TRUE(tree.erase("a/b/+/#"));
  EXPECT_EQ(tree.node_count(), 0u);
  EXPECT_TRUE(tree.empty());
}

TEST(TopicTree, MatchesSystemTopicsOnlyByTheirName) {  // [MQTT-4.7.2-1]
  RecordProperty("req", "A-02");
  Tree tree;
  for (const char* filter : {"#", "+", "+/a", "+/#", "$SYS/#", "$SYS/+", "x/+"}) put(tree, filter);
  EXPECT_EQ(sorted(match(tree, "$SYS/a")), Texts({"$SYS/#", "$SYS/+"}));
  EXPECT_EQ(sorted(match(tree, "$SYS")), Texts({"$SYS/#"}));
  EXPECT_EQ(sorted(match(tree, "x/$a")), Texts({"#", "+/#", "x/+"}));

  Tree names;
  for (const char* name : {"$SYS/a", "$SYS", "x/$y", "x"}) put(names, name);
  EXPECT_EQ(match_names(names, "#"), Texts({"x", "x/$y"}));
  EXPECT_EQ(match_names(names, "+"), Texts({"x"}));
  EXPECT_EQ(match_names(names, "+/#"), Texts({"x", "x/$y"}));
  EXPECT_EQ(match_names(names, "+/+"), Texts({"x/$y"}));
  EXPECT_EQ(match_names(names, "$SYS/#"), Texts({"$SYS", "$SYS/a"}));
}

TEST(TopicTree, VisitsNamesInTheOrderTheyCame) {
  Tree names;
  for (const char* name : {"s/9", "s/1", "s/5", "s/1/x", "s/3"}) put(names, name);
  EXPECT_EQ(match_names(names, "s/+"), Texts({"s/9", "s/1", "s/5", "s/3"}));
  EXPECT_EQ(match_names(names, "s/#"), Texts({"s/9", "s/1", "s/1/x", "s/5", "s/3"}));
  names.erase("s/9");
  names.erase("s/3");
  put(names, "s/9");
  EXPECT_EQ(match_names(names, "s/+"), Texts({"s/1", "s/5", "s/9"}));
}

TEST(TopicTree, LetsTheVisitorChangeValues) {
  TopicTree<int> tree;
  tree.insert("a/+") = 1;
  tree.match("a/b", [](int& value) { value = 5; });
  EXPECT_EQ(*tree.find("a/+"), 5);
}

TEST(TopicTree, IsAskedAlikeWhenConst) {
  Tree tree;
  put(tree, "a/b");
  const Tree& constant = tree;
  Texts hits;
  const auto visit = [&hits](const std::string& value) { hits.push_back(value); };
  constant.match("a/b", visit);
  constant.match_names("a/+", visit);
  constant.match("b", visit);
  EXPECT_EQ(hits, Texts({"a/b", "a/b"}));
  EXPECT_EQ(*constant.find("a/b"), "a/b");
  EXPECT_FALSE(constant.find("a"));
}

TEST(TopicTree, HoldsValuesThatOnlyMove) {
  TopicTree<std::unique_ptr<int>> tree;
  tree.insert("a") = std::make_unique<int>(3);
  EXPECT_EQ(**tree.find("a"), 3);
}

TEST(TopicTree, ClearsAndGoesOn) {
  Tree tree;
  put(tree, "a/b");
  put(tree, "#");
  tree.clear();
  EXPECT_EQ(tree.node_count(), 0u);
  EXPECT_EQ(match(tree, "a/b"), Texts());
  put(tree, "a/b");
  EXPECT_EQ(match(tree, "a/b"), Texts({"a/b"}));
}

TEST(TopicTree, TakesTheDeepestTopicsWithoutRecursion) {
  const std::string deep(65'535, '/');
  const std::string pluses = [] {
    std::string text = "+";
    for (int i = 0; i < 32'767; ++i) text += "/+";
    return text;
  }();
  auto tree = std::make_unique<Tree>();
  put(*tree, deep);
  put(*tree, std::string(65'534, '/') + "#");
  put(*tree, pluses);
  EXPECT_EQ(match(*tree, deep).size(), 2u);
  EXPECT_EQ(match(*tree, std::string(32'767, '/')).size(), 1u);
  EXPECT_EQ(match_names(*tree, deep).size(), 1u);
  EXPECT_TRUE(tree->erase(pluses));
  EXPECT_EQ(match_names(*tree, "#").size(), 2u);
  EXPECT_TRUE(tree->erase(deep));
  EXPECT_EQ(tree->size(), 1u);
  tree.reset();
}

TEST(TopicTree, ReturnsToNothingAfterManyTopics) {
  TopicTree<int> tree;
  for (int i = 0; i < 100'000; ++i) tree.insert("device/" + std::to_string(i) + "/state") = i;
  EXPECT_EQ(tree.node_count(), 200'001u);
  for (int i = 0; i < 100'000; ++i) {
    ASSERT_EQ(*tree.find("device/" + std::to_string(i) + "/state"), i);
    ASSERT_TRUE(tree.erase("device/" + std::to_string(i) + "/state"));
  }
  EXPECT_EQ(tree.node_count(), 0u);
}

// A short text over few words, so that random ones meet often.
std::string random_text(Random& random, bool is_filter) {
  static constexpr std::string_view kWords[] = {"a", "b", "", "$s", "long-level-text-over-sixteen-bytes"};
  std::string text;
  const uint64_t levels = 1 + random.below(5);
  for (uint64_t i = 0; i < levels; ++i) {
    if (i > 0) text += '/';
    if (is_filter && random.below(3) == 0) {
      text += '+';
    } else if (is_filter && random.below(5) == 0) {
      return text + '#';
    } else {
      text += kWords[random.below(std::size(kWords))];
    }
  }
  return text.empty() ? "a" : text;
}

// The tree against a list and matches(), while texts come and go.
TEST(TopicTree, AgreesWithMatchingOneByOne) {
  RecordProperty("req", "A-02");
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    Tree filters;
    Tree names;
    std::map<std::string, int> filter_list;
    std::map<std::string, int> name_list;
    const auto change = [&random](Tree& tree, std::map<std::string, int>& list, const std::string& text) {
      if (random.below(3) == 0) {
        ASSERT_EQ(tree.erase(text), list.erase(text) == 1) << text;
      } else {
        put(tree, text);
        list[text] = 1;
      }
      ASSERT_EQ(tree.size(), list.size());
    };
    size_t hits = 0;
    for (int round = 0; round < 600; ++round) {
      change(filters, filter_list, random_text(random, true));
      change(names, name_list, random_text(random, false));

      const std::string name = random_text(random, false);
      Texts expected;
      for (const auto& [filter, one] : filter_list) {
        if (matches(filter, name)) expected.push_back(filter);
      }
      hits += expected.size();
      ASSERT_EQ(sorted(match(filters, name)), expected) << name;

      const std::string filter = random_text(random, true);
      expected.clear();
      for (const auto& [stored, one] : name_list) {
        if (matches(filter, stored)) expected.push_back(stored);
      }
      hits += expected.size();
      ASSERT_EQ(sorted(match_names(names, filter)), expected) << filter;
    }
    EXPECT_GT(hits, 500u);
    for (const auto& [filter, one] : filter_list) ASSERT_TRUE(filters.erase(filter));
    EXPECT_EQ(filters.node_count(), 0u);
  }
}

}  // namespace
}  // namespace mqtt_sim::protocol
