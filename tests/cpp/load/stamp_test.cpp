#include "core/load/stamp.hpp"

#include <gtest/gtest.h>

#include <array>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "core/protocol/property.hpp"

namespace mqtt_sim::load {
namespace {

const std::vector<Stamp> kStamps{
    {},
    {1, 2, 3, instant_from_ns(4), instant_from_ns(5)},
    {0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD, instant_from_ns(INT64_MAX), instant_from_ns(INT64_MAX - 1)},
    {0x01234567, 0x89ABCDEF, 0x00112233, instant_from_ns(0x0123456789ABCDEF), instant_from_ns(0x7EDCBA9876543210)},
    {7, 8, 9, instant_from_ns(-1), instant_from_ns(0x00000001FFFFFFFF)},
};
const Stamp kStamp = kStamps[3];

std::string raw_of(const Stamp& stamp) {
  std::array<uint8_t, kStampSize> raw;
  write_stamp(stamp, raw);
  return std::string(as_text(raw));
}

std::string text_of(const Stamp& stamp) {
  std::array<uint8_t, kStampTextSize> text;
  write_stamp_text(stamp, text);
  return std::string(as_text(text));
}

std::string json_of(const Stamp& stamp) {
  return R"({"character":"A","text":"He said \"hi\"")" + std::string(kStampMember) + text_of(stamp) + "\"}";
}

std::optional<Stamp> find_in_payload(std::string_view payload) {
  protocol::Publish publish;
  publish.payload = as_bytes(payload);
  return find_stamp(publish);
}

std::optional<Stamp> find_in_property(std::string_view name, std::string_view value) {
  protocol::PropertyWriter writer;
  writer.user_property("other", "x").user_property(name, value);
  protocol::Publish publish;
  publish.payload = as_bytes("anything");
  publish.properties = writer.list();
  return find_stamp(publish);
}

TEST(Stamp, RoundTripsAsTrailer) {
  RecordProperty("req", "D-18");
  for (const Stamp& stamp : kStamps) {
    EXPECT_EQ(find_in_payload(raw_of(stamp)), stamp);
    EXPECT_EQ(find_in_payload("some filler" + raw_of(stamp)), stamp);
  }
}

TEST(Stamp, RoundTripsAsLastMemberOfAJsonObject) {
  RecordProperty("req", "D-18");
  for (const Stamp& stamp : kStamps) EXPECT_EQ(find_in_payload(json_of(stamp)), stamp);
}

TEST(Stamp, RoundTripsAsOnlyMemberOfAJsonObject) {
  RecordProperty("req", "D-18");
  for (const Stamp& stamp : kStamps) EXPECT_EQ(find_in_payload(R"({"stamp":")" + text_of(stamp) + "\"}"), stamp);
}

TEST(Stamp, RoundTripsAsUserProperty) {
  RecordProperty("req", "D-18");
  for (const Stamp& stamp : kStamps) EXPECT_EQ(find_in_property(kStampProperty, text_of(stamp)), stamp);
}

TEST(Stamp, LeavesJsonReadableByOthers) {
  const auto json = nlohmann::json::parse(json_of(kStamp), nullptr, false);
  ASSERT_TRUE(json.is_object());
  EXPECT_EQ(json["text"], "He said \"hi\"");
  EXPECT_EQ(json["stamp"], text_of(kStamp));
}

TEST(Stamp, TextIsSixtyFourLowerCaseDigits) {
  const std::string text = text_of(kStamp);
  EXPECT_EQ(text.size(), 64u);
  EXPECT_EQ(text.find_first_not_of("0123456789abcdef"), std::string::npos);
}

TEST(Stamp, DifferentStampsHaveDifferentBytes) {
  for (size_t i = 0; i < kStamps.size(); ++i)
    for (size_t j = 0; j < i; ++j) EXPECT_NE(raw_of(kStamps[i]), raw_of(kStamps[j]));
}

TEST(Stamp, OfAPropertyNeedsAPayloadOfNoKind) {
  protocol::PropertyWriter writer;
  writer.user_property(kStampProperty, text_of(kStamp));
  protocol::Publish publish;
  publish.properties = writer.list();
  EXPECT_EQ(find_stamp(publish), kStamp);
}

struct NearMiss {
  const char* name;
  std::function<std::string()> payload;
};

class StampNearMiss : public ::testing::TestWithParam<NearMiss> {};

TEST_P(StampNearMiss, IsNoStamp) { EXPECT_EQ(find_in_payload(GetParam().payload()), std::nullopt); }

std::string with(std::string text, size_t at, char c) {
  text[at] = c;
  return text;
}

INSTANTIATE_TEST_SUITE_P(
    Payloads, StampNearMiss,
    ::testing::Values(
        NearMiss{"Empty", [] { return std::string(); }}, NearMiss{"Words", [] { return std::string(200, 'x'); }},
        NearMiss{"Zeros", [] { return std::string(64, '\0'); }},
        NearMiss{"TrailerOneByteShort", [] { return raw_of(kStamp).substr(1); }},
        NearMiss{"TrailerNotAtTheEnd", [] { return raw_of(kStamp) + "x"; }},
        NearMiss{"TrailerCutAtTheEnd", [] { return "xx" + raw_of(kStamp).substr(0, kStampSize - 1); }},
        NearMiss{"TrailerWithFirstMagicByteWrong", [] { return with(raw_of(kStamp), 0, 'M'); }},
        NearMiss{"TrailerWithLastMagicByteWrong", [] { return with(raw_of(kStamp), 3, 's'); }},
        NearMiss{"JsonWithoutTheBrace", [] { return json_of(kStamp).substr(0, json_of(kStamp).size() - 1); }},
        NearMiss{"JsonWithASpaceAfterIt", [] { return json_of(kStamp) + " "; }},
        NearMiss{"JsonNestedInAnArray", [] { return "[" + json_of(kStamp) + "]"; }},
        NearMiss{"JsonOfAnotherName", [] { return R"({"a":1,"stomp":")" + text_of(kStamp) + "\"}"; }},
        NearMiss{"JsonNotTheLastMember", [] { return R"({"stamp":")" + text_of(kStamp) + R"(","a":1})"; }},
        NearMiss{"JsonDigitsShort", [] { return R"({"stamp":")" + text_of(kStamp).substr(2) + "\"}"; }},
        NearMiss{"JsonDigitsLong", [] { return R"({"stamp":")" + text_of(kStamp) + "00\"}"; }},
        NearMiss{"JsonDigitsUpperCase", [] { return R"({"stamp":")" + with(text_of(kStamp), 40, 'A') + "\"}"; }},
        NearMiss{"JsonDigitsWithALetter", [] { return R"({"stamp":")" + with(text_of(kStamp), 63, 'g') + "\"}"; }},
        NearMiss{"JsonDigitsWithAHighByte", [] { return R"({"stamp":")" + with(text_of(kStamp), 40, '\xE9') + "\"}"; }},
        NearMiss{"JsonWithTheMagicWrong", [] { return R"({"stamp":")" + with(text_of(kStamp), 0, '0') + "\"}"; }},
        NearMiss{"BareDigits", [] { return text_of(kStamp); }}),
    [](const auto& test) { return test.param.name; });

TEST(Stamp, OfAnotherOrADamagedPropertyIsNone) {
  EXPECT_EQ(find_in_property("mqtt-sim-stam", text_of(kStamp)), std::nullopt);
  EXPECT_EQ(find_in_property("MQTT-SIM-STAMP", text_of(kStamp)), std::nullopt);
  EXPECT_EQ(find_in_property(kStampProperty, ""), std::nullopt);
  EXPECT_EQ(find_in_property(kStampProperty, text_of(kStamp).substr(1)), std::nullopt);
  EXPECT_EQ(find_in_property(kStampProperty, text_of(kStamp) + "0"), std::nullopt);
  EXPECT_EQ(find_in_property(kStampProperty, with(text_of(kStamp), 10, ' ')), std::nullopt);
}

TEST(Stamp, IsTakenAwayAgainFromWhateverItWasPutInto) {
  for (const std::string payload : {R"({"a":1})", "{}", "{ }", "plain", ""}) {
    const bool is_object = takes_stamp_member(payload);
    std::string text = "topic" + payload;
    is_object ? append_stamp_member(Stamp{1, 2, 3}, text) : append_stamp(Stamp{1, 2, 3}, text);
    const size_t size = text.size() - 5;
    EXPECT_EQ(cut_stamp(text, size), size - payload.size()) << payload;
    EXPECT_EQ(text, "topic" + payload);
  }
}

TEST(Stamp, NothingIsTakenFromAPayloadWithoutOne) {
  for (std::string text : {"", "{}", R"({"stamp":"x"})", "0123456789012345678901234567890123456789"}) {
    const std::string before = text;
    EXPECT_EQ(cut_stamp(text, text.size()), 0u);
    EXPECT_EQ(text, before);
  }
}

TEST(Stamp, GoesIntoWholeJsonObjectsOnly) {
  EXPECT_TRUE(takes_stamp_member(R"({"a":{"b":[1,2]}})"));
  for (const char* payload : {"", "{", "}", "{a}", "[{}]", "{}x", "{} ", R"({"a":1}{"b":2})"})
    EXPECT_FALSE(takes_stamp_member(payload)) << payload;
}

}  // namespace
}  // namespace mqtt_sim::load
