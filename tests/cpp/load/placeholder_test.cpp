#include "core/load/placeholder.hpp"

#include <gtest/gtest.h>

#include "core/protocol/topic.hpp"

namespace mqtt_sim::load {
namespace {

const ClientNames kNames{"cast", 7, "cast-7", "ADA"};

struct Case {
  const char* name;
  std::string text;
  std::string expanded;
};

class Placeholder : public ::testing::TestWithParam<Case> {};

TEST_P(Placeholder, BecomesItsValueAndOtherBracesStay) {
  EXPECT_EQ(expand_names(GetParam().text, kNames), GetParam().expanded);
}

INSTANTIATE_TEST_SUITE_P(
    Texts, Placeholder,
    ::testing::Values(
        Case{"Empty", "", ""}, Case{"Plain", "StarWars", "StarWars"}, Case{"Index", "{i}", "7"},
        Case{"Number", "{n}", "8"}, Case{"IndexFromThere", "{i+100}", "107"},
        Case{"NumberFromThere", "{n+4294967295}/{n+0}", "4294967303/8"},
        Case{"FromNowhere", "{i+}{n+x}{i+1x}", "{i+}{n+x}{i+1x}"},
        Case{"FromTooFar", "{n+4294967296}", "{n+4294967296}"}, Case{"Less", "{i-1}{i+-1}", "{i-1}{i+-1}"},
        Case{"NoNumber", "{group+1}", "{group+1}"}, Case{"Group", "x/{group}/y", "x/cast/y"},
        Case{"ClientId", "{client_id}", "cast-7"}, Case{"Speaker", "StarWars/{speaker}", "StarWars/ADA"},
        Case{"Several", "{group}/{i}{n}/{i}", "cast/78/7"}, Case{"UnknownWord", "{who}/{i}", "{who}/7"},
        Case{"UpperCase", "{I}", "{I}"}, Case{"SpaceInside", "{ i}", "{ i}"}, Case{"EmptyBraces", "{}{i}", "{}7"},
        Case{"NeverClosed", "{i", "{i"}, Case{"NeverOpened", "i}", "i}"}, Case{"OpenedTwice", "{{i}", "{7"},
        Case{"Doubled", "{{i}}", "{7}"}, Case{"Json", R"({"a":{i},"b":{"c":{n}}})", R"({"a":7,"b":{"c":8}})"}),
    [](const auto& test) { return test.param.name; });

TEST(Placeholder, AValueIsNotExpandedAgain) { EXPECT_EQ(expand_names("{group}", {"{i}", 7, "", ""}), "{i}"); }

TEST(TopicLevel, MakesASpeakerOneSafeLevel) {
  RecordProperty("req", "K-09");
  EXPECT_EQ(topic_level("CAPTAIN DRUMGOOLE"), "CAPTAIN DRUMGOOLE");
  EXPECT_EQ(topic_level("IVO-MARTEN"), "IVO-MARTEN");
  EXPECT_EQ(topic_level("A+B"), "A_B");
  EXPECT_EQ(topic_level("#1"), "_1");
  EXPECT_EQ(topic_level("A/B/C"), "A_B_C");
  EXPECT_EQ(topic_level(std::string_view("A\0B", 3)), "A_B");
  EXPECT_EQ(topic_level("\xC3\x89LISE"), "\xC3\x89LISE");
  EXPECT_EQ(topic_level(""), "");
}

TEST(TopicLevel, OfAnyAsciiByteGivesAValidTopicOfTwoLevels) {
  RecordProperty("req", "K-09");
  for (int byte = 0; byte < 128; ++byte) {
    const std::string topic = "StarWars/" + topic_level(std::string("A") + static_cast<char>(byte) + "B");
    EXPECT_TRUE(protocol::is_valid_topic_name(topic)) << byte;
    EXPECT_EQ(topic.find('/'), topic.rfind('/')) << byte;
  }
}

}  // namespace
}  // namespace mqtt_sim::load
