#include "core/protocol/topic.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace mqtt_sim::protocol {
namespace {

struct MatchRow {
  std::string_view filter;
  std::vector<std::string_view> hits;
  std::vector<std::string_view> misses;
};

const MatchRow kMatches[] = {
    // Section 4.7.1.2, the multi-level wildcard.
    {"sport/tennis/player1/#",
     {"sport/tennis/player1", "sport/tennis/player1/ranking", "sport/tennis/player1/score/wimbledon"},
     {"sport/tennis/player2", "sport/tennis", "sport/tennis/player1x"}},
    {"sport/#", {"sport", "sport/", "sport/tennis", "sport/a/b/c"}, {"sports", "Sport", "/sport", "a/sport"}},
    {"#", {"a", "/", "a/b/c", "//", " "}, {"$SYS", "$SYS/a", "$"}},
    {"sport/tennis/#", {"sport/tennis"}, {"sport"}},
    // Section 4.7.1.3, the single-level wildcard.
    {"sport/tennis/+", {"sport/tennis/player1", "sport/tennis/"}, {"sport/tennis/player1/ranking", "sport/tennis"}},
    {"sport/+", {"sport/", "sport/x"}, {"sport", "sport/x/y"}},
    {"+", {"finance", " "}, {"/finance", "finance/", "a/b", "$SYS"}},
    {"+/+", {"/finance", "finance/", "/", "a/b"}, {"finance", "a/b/c", "$SYS/a"}},
    {"/+", {"/finance", "/"}, {"finance", "//", "/a/b"}},
    {"+/tennis/#", {"sport/tennis", "/tennis", "x/tennis/y/z"}, {"tennis", "sport/x/tennis", "$x/tennis"}},
    {"sport/+/player1", {"sport/tennis/player1", "sport//player1"}, {"sport/player1", "sport/a/b/player1"}},
    // Section 4.7.2, topics that begin with $. [MQTT-4.7.2-1]
    {"$SYS/#", {"$SYS", "$SYS/", "$SYS/a/b"}, {"SYS/a", "$sys/a"}},
    {"$SYS/monitor/+", {"$SYS/monitor/Clients"}, {"$SYS/monitor", "$SYS/monitor/a/b"}},
    {"+/monitor/Clients", {"a/monitor/Clients"}, {"$SYS/monitor/Clients"}},
    {"a/+", {"a/$b"}, {"$a/b"}},
    {"a/#", {"a/$b/c"}, {"$a"}},
    // Section 4.7.3: case, spaces, empty levels, no normalization.
    {"ACCOUNTS", {"ACCOUNTS"}, {"Accounts", "ACCOUNTS/", "/ACCOUNTS"}},
    {"Accounts payable", {"Accounts payable"}, {"Accounts", "Accountspayable"}},
    {"/", {"/"}, {"a", "//", "a/", "/a"}},
    {"//", {"//"}, {"/", "///"}},
    {"+//+", {"a//b", "//"}, {"a/b", "a/x/b", "/"}},
    {"a//#", {"a/", "a//", "a//b"}, {"a", "a/b", "a/b/"}},
    {"//#", {"/", "//", "///"}, {"a", "a//"}},
    {"+/+/+", {"//", "a//", "//c"}, {"/", "///"}},
    {"\xC3\xA9/+", {"\xC3\xA9/x"}, {"e\xCC\x81/x", "e/x"}},
};

TEST(Topic, MatchesAsTheStandardSays) {  // [MQTT-4.7.1-1], [MQTT-4.7.1-2], [MQTT-4.7.3-4]
  RecordProperty("req", "A-02");
  for (const MatchRow& row : kMatches) {
    ASSERT_TRUE(is_valid_topic_filter(row.filter)) << row.filter;
    for (const std::string_view name : row.hits) {
      ASSERT_TRUE(is_valid_topic_name(name)) << name;
      EXPECT_TRUE(matches(row.filter, name)) << row.filter << " and " << name;
    }
    for (const std::string_view name : row.misses) {
      ASSERT_TRUE(is_valid_topic_name(name)) << name;
      EXPECT_FALSE(matches(row.filter, name)) << row.filter << " and " << name;
    }
  }
}

TEST(Topic, MatchesTopicsOfTheLongestKind) {
  const std::string deep(65'535, '/');
  EXPECT_TRUE(matches(deep, deep));
  EXPECT_TRUE(matches(std::string(65'534, '/') + "#", deep));
  EXPECT_FALSE(matches(std::string(65'534, '/'), deep));
}

TEST(Topic, NamesHaveNoWildcard) {  // [MQTT-4.7.0-1]
  for (const std::string_view name : {"a", "/", "$SYS/x", "a b", "\xF0\x9F\x98\x80", "$share/g/t"}) {
    EXPECT_TRUE(is_valid_topic_name(name)) << name;
  }
  // [MQTT-4.7.3-1]
  for (const std::string_view name : {"", "+", "#", "a+", "a/b/c/d/e#", "long/enough/for/a/word/+", "\xFF"}) {
    EXPECT_FALSE(is_valid_topic_name(name)) << name;
  }
  EXPECT_FALSE(is_valid_topic_name(std::string_view("a\0b", 3)));  // [MQTT-4.7.3-2]
}

TEST(Topic, WildcardIsFoundAtAnyPlaceOfAnyLength) {
  for (size_t size = 1; size <= 40; ++size) {
    const std::string name(size, 'a');
    ASSERT_FALSE(has_wildcard(name));
    for (size_t at = 0; at < size; ++at) {
      for (const char wildcard : {'+', '#'}) {
        std::string filter = name;
        filter[at] = wildcard;
        ASSERT_TRUE(has_wildcard(filter)) << filter;
      }
      for (const char neighbour : {'*', ',', '"', '$', '\xAB', '\xA3'}) {
        std::string other = name;
        other[at] = neighbour;
        ASSERT_FALSE(has_wildcard(other)) << other;
      }
    }
  }
}

TEST(Topic, FiltersHaveWildcardsInTheirPlaces) {  // [MQTT-4.7.1-1], [MQTT-4.7.1-2]
  for (const std::string_view filter : {"a", "/", "#", "+", "a/#", "/#", "+/#", "+/+", "a/+/b", "//+//#", "$SYS/#"}) {
    EXPECT_TRUE(is_valid_topic_filter(filter)) << filter;
  }
  for (const std::string_view filter :
       {"", "a#", "#a", "a/#/b", "#/", "##", "a+", "+a", "a/b+", "+#", "++", "a/+b/c", "\xC0\x80", "#/#"}) {
    EXPECT_FALSE(is_valid_topic_filter(filter)) << filter;
  }
}

TEST(Topic, NamesAndFiltersEndAt65535Bytes) {  // [MQTT-4.7.3-3]
  EXPECT_TRUE(is_valid_topic_name(std::string(65'535, 'a')));
  EXPECT_TRUE(is_valid_topic_filter(std::string(65'535, '/')));
  EXPECT_FALSE(is_valid_topic_name(std::string(65'536, 'a')));
  EXPECT_FALSE(is_valid_topic_filter(std::string(65'536, '/')));
}

TEST(Topic, SharedFiltersHaveAShareNameAndAFilter) {
  const auto parts = parse_shared_filter("$share/group/a/+/#");
  ASSERT_TRUE(parts);
  EXPECT_EQ(parts->share_name, "group");
  EXPECT_EQ(parts->filter, "a/+/#");
  EXPECT_EQ(parse_shared_filter("$share/g//x")->filter, "/x");
  EXPECT_TRUE(is_valid_topic_filter("$share/g/#"));
  for (const std::string_view filter : {"$share/", "$share/g", "$share/g/", "$share//a", "$share/+/a", "$share/#/a",
                                        "$share/g+/a", "$share/#"}) {  // [MQTT-4.8.2-1], [MQTT-4.8.2-2]
    EXPECT_FALSE(parse_shared_filter(filter)) << filter;
    EXPECT_FALSE(is_valid_topic_filter(filter)) << filter;
  }
  EXPECT_FALSE(is_valid_topic_filter("$share/g/a#"));
}

TEST(Topic, OtherFiltersAreNotShared) {
  for (const std::string_view filter :
       {"$share", "share/g/a", "$SHARE/g/a", "$shared/g/a", "a/$share/g", "/$share/g/a"}) {
    EXPECT_FALSE(parse_shared_filter(filter)) << filter;
    EXPECT_TRUE(is_valid_topic_filter(filter)) << filter;
  }
}

TEST(Topic, LevelsIncludeTheEmptyOnes) {
  const auto levels_of = [](std::string_view text) {
    std::vector<std::string_view> levels;
    for (LevelCursor cursor(text); !cursor.is_done();) levels.push_back(cursor.take());
    return levels;
  };
  using Levels = std::vector<std::string_view>;
  EXPECT_EQ(levels_of("a"), Levels({"a"}));
  EXPECT_EQ(levels_of("a//b"), Levels({"a", "", "b"}));
  EXPECT_EQ(levels_of("/"), Levels({"", ""}));
  EXPECT_EQ(levels_of("a/"), Levels({"a", ""}));
}

}  // namespace
}  // namespace mqtt_sim::protocol
