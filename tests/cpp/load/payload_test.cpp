#include "core/load/payload.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include "core/base/random.hpp"
#include "core/load/topology.hpp"
#include "tests/cpp/load/sample_plan.hpp"

namespace mqtt_sim::load {
namespace {

using namespace std::chrono_literals;
using protocol::ProtocolVersion;

// A writer for one group of four clients.
class Scribe {
 public:
  Scribe(PayloadPlan payload, StampKind stamp, Duration epoch_offset = {}, uint64_t seed = 4)
      : plan_(plan_of({producers("cast", 4, "t")})) {
    plan_.seed = seed;
    plan_.groups[0].publish->payload = std::move(payload);
    plan_.groups[0].publish->stamp = stamp;
    rendered_ = render_rows(plan_.corpus);
    writer_.emplace(plan_, plan_.groups[0], rendered_, epoch_offset);
  }

  // The same over a corpus of one row.
  Scribe(PayloadPlan payload, StampKind stamp, const CorpusRow& row) : Scribe(std::move(payload), stamp) {
    plan_.corpus.rows = {row};
    writer_.emplace(plan_, plan_.groups[0], rendered_, Duration());
  }

  PayloadWriter& writer() { return *writer_; }

  std::string write(const Stamp& stamp, uint32_t index = 0) {
    const std::string client_id = client_id_of(plan_.groups[0], index);
    return std::string(as_text(writer_->write(stamp, {index, client_id, stamp.sequence}).payload));
  }

  std::optional<Stamp> write_and_find(const Stamp& stamp) {
    const Content content = writer_->write(stamp, {0, "cast-0", stamp.sequence});
    protocol::Publish publish;
    publish.payload = content.payload;
    publish.properties = content.properties;
    return find_stamp(publish);
  }

 private:
  Plan plan_;
  std::vector<std::string> rendered_;
  std::optional<PayloadWriter> writer_;
};

Stamp stamp_of(uint32_t stream, uint32_t sequence, Instant sent = {}) { return {9, stream, sequence, sent, sent}; }

PayloadPlan text_template(std::string text) { return {.kind = PayloadKind::text_template, .text = std::move(text)}; }

std::string expanded(std::string text, const Stamp& stamp, uint32_t index = 0) {
  return Scribe(text_template(std::move(text)), StampKind::none).write(stamp, index);
}

TEST(Payload, DialogueIsTheTutorialsJsonByteForByte) {
  RecordProperty("req", "D-14");
  Scribe scribe({.kind = PayloadKind::dialogue, .place = DialoguePlace::start}, StampKind::none);
  EXPECT_EQ(scribe.write(stamp_of(0, 0)), R"({"character":"A","text":"0"})");
  EXPECT_EQ(scribe.write(stamp_of(0, 3)), R"({"character":"C","text":"3"})");
  EXPECT_EQ(scribe.write(stamp_of(0, 8)), R"({"character":"A","text":"0"})") << "begins again";
}

TEST(Payload, DialogueOfAClientIsThatOfItsPlace) {
  RecordProperty("req", "K-07");
  Scribe scribe({.kind = PayloadKind::dialogue, .place = DialoguePlace::own}, StampKind::none);
  EXPECT_EQ(scribe.write(stamp_of(1, 0), 1), R"({"character":"A","text":"2"})");
  EXPECT_EQ(scribe.write(stamp_of(3, 1), 3), R"({"character":"B","text":"7"})");
}

TEST(Payload, DialogueLimitIsThatOfItsRows) {
  RecordProperty("req", "K-07");
  EXPECT_EQ(
      Scribe({.kind = PayloadKind::dialogue, .loop = false, .limit = 3}, StampKind::none).writer().message_limit(0),
      3u);
  EXPECT_EQ(Scribe({.kind = PayloadKind::dialogue, .loop = true}, StampKind::none).writer().message_limit(0),
            std::nullopt);
  EXPECT_EQ(Scribe({.kind = PayloadKind::size, .loop = false}, StampKind::none).writer().message_limit(0),
            std::nullopt);
}

TEST(Payload, JsonStampLeavesTheDialogueReadable) {
  RecordProperty("req", "D-18");
  Scribe scribe({.kind = PayloadKind::dialogue, .place = DialoguePlace::start}, StampKind::json);
  const auto json = nlohmann::ordered_json::parse(scribe.write(stamp_of(0, 1)), nullptr, false);
  ASSERT_TRUE(json.is_object());
  EXPECT_EQ(json["character"], "B");
  EXPECT_EQ(json["text"], "1");
  ASSERT_EQ(json.size(), 3u);
  EXPECT_EQ(json["stamp"].get<std::string>().size(), kStampTextSize);
  EXPECT_TRUE(scribe.write(stamp_of(0, 1)).starts_with(R"({"character":"B","text":"1","stamp":")"));
}

struct SizeCase {
  uint32_t size;
  StampKind stamp;
};

TEST(Payload, OfASizeHasExactlyThatSizeAgainAndAgain) {
  const std::vector<SizeCase> cases{{32, StampKind::trailer},    {33, StampKind::trailer}, {100, StampKind::trailer},
                                    {65536, StampKind::trailer}, {0, StampKind::none},     {1, StampKind::none},
                                    {100, StampKind::none},      {0, StampKind::property}, {100, StampKind::property}};
  for (const SizeCase& of : cases) {
    Scribe scribe({.kind = PayloadKind::size, .size = of.size}, of.stamp);
    for (uint32_t k = 0; k < 3; ++k) EXPECT_EQ(scribe.write(stamp_of(0, k)).size(), of.size);
  }
}

TEST(Payload, FillerUnderTheStampIsTheSameForEachMessage) {
  Scribe scribe({.kind = PayloadKind::size, .size = 40}, StampKind::trailer);
  for (uint32_t k = 0; k < 3; ++k) EXPECT_EQ(scribe.write(stamp_of(0, k)).substr(0, 8), "xxxxxxxx");
}

TEST(Payload, CarriesItsStampInTheDressOfThePlan) {
  RecordProperty("req", "D-18");
  const Stamp stamp{9, 3, 17, instant_from_ns(1'000'000'007), instant_from_ns(1'000'000'009)};
  const PayloadPlan dialogue{.kind = PayloadKind::dialogue};
  const PayloadPlan filler{.kind = PayloadKind::size, .size = 100};
  for (const StampKind kind : {StampKind::json, StampKind::trailer, StampKind::property})
    EXPECT_EQ(Scribe(dialogue, kind).write_and_find(stamp), stamp);
  for (const StampKind kind : {StampKind::trailer, StampKind::property})
    EXPECT_EQ(Scribe(filler, kind).write_and_find(stamp), stamp);
  EXPECT_EQ(Scribe(text_template("plain {seq}"), StampKind::trailer).write_and_find(stamp), stamp);
  EXPECT_EQ(Scribe(dialogue, StampKind::none).write_and_find(stamp), std::nullopt);
}

TEST(Payload, PropertyStampIsThatOfTheLatestMessageOnly) {
  Scribe scribe({.kind = PayloadKind::size, .size = 10}, StampKind::property);
  EXPECT_EQ(scribe.write_and_find(stamp_of(0, 1)), stamp_of(0, 1));
  EXPECT_EQ(scribe.write_and_find(stamp_of(0, 2)), stamp_of(0, 2));
  const Content content = scribe.writer().write(stamp_of(0, 3), {0, "cast-0"});
  size_t properties = 0;
  for (const protocol::Property& property : content.properties) properties += property.text == kStampProperty;
  EXPECT_EQ(properties, 1u);
}

TEST(Payload, OnlyThePropertyStampBringsProperties) {
  for (const StampKind kind : {StampKind::none, StampKind::json, StampKind::trailer})
    EXPECT_TRUE(Scribe({.kind = PayloadKind::dialogue}, kind).writer().write({}, {0, ""}).properties.empty());
}

TEST(Payload, JsonStampKeepsATemplateJson) {
  for (const char* text :
       {"{}", "{ }", "{\n}", R"({"n":{seq}})", R"({"n":{seq} })", R"({"a":{"b":{i}}})", R"({"a":"{"})"}) {
    Scribe scribe(text_template(text), StampKind::json);
    const std::string payload = scribe.write(stamp_of(0, 5));
    EXPECT_TRUE(nlohmann::json::parse(payload, nullptr, false).is_object()) << payload;
    EXPECT_EQ(scribe.write_and_find(stamp_of(0, 5)), stamp_of(0, 5)) << payload;
  }
}

TEST(PayloadTemplate, PutsInWhoSpeaksAndWhichMessageItIs) {
  RecordProperty("req", "D-19");
  EXPECT_EQ(expanded(R"({"n":{seq},"from":"{client_id}","i":{i},"of":"{group}","no":{n}})", stamp_of(7, 41), 2),
            R"({"n":41,"from":"cast-2","i":2,"of":"cast","no":3})");
  EXPECT_EQ(expanded("{seq}", stamp_of(0, 4'294'967'290)), "4294967290");
}

TEST(PayloadTemplate, PutsInTheWallClockOfSendingInMilliseconds) {
  RecordProperty("req", "D-19");
  const Stamp stamp{0, 0, 0, instant_from_ns(1), Instant(1500ms + 999'999ns)};
  EXPECT_EQ(Scribe(text_template("{epoch_ms}"), StampKind::none).write(stamp), "1500");
  EXPECT_EQ(Scribe(text_template("{epoch_ms}"), StampKind::none, 1'700'000'000s).write(stamp), "1700000001500");
}

TEST(PayloadTemplate, PutsInSpeakerAndTextOfTheLine) {
  RecordProperty("req", "K-07");
  EXPECT_EQ(expanded("{character}: {text}", stamp_of(0, 1)), "B: 1");
  EXPECT_EQ(expanded("{character}: {text}", stamp_of(0, 9)), "B: 1") << "begins again";
  EXPECT_EQ(expanded("{character}: {text}", stamp_of(0, 1), 1), "C: 3") << "from its own place";
  EXPECT_EQ(Scribe(text_template("{text}"), StampKind::none).writer().message_limit(0), std::nullopt);
}

TEST(PayloadTemplate, EscapesALineInsideJsonOnly) {
  const CorpusRow row{"A \"B\"", "back\\slash\n"};
  PayloadPlan json = text_template(R"({"who":"{character}","line":"{text}"})");
  json.is_json = true;
  EXPECT_EQ(Scribe(json, StampKind::none, row).write({}), R"({"who":"A \"B\"","line":"back\\slash\n"})");
  EXPECT_EQ(Scribe(text_template("{character} {text}"), StampKind::none, row).write({}), "A \"B\" back\\slash\n");
}

TEST(PayloadTemplate, UnknownAndUnclosedBracesStay) {
  EXPECT_EQ(expanded("{who} {SEQ} { seq } {} {seq", stamp_of(0, 1)), "{who} {SEQ} { seq } {} {seq");
  EXPECT_EQ(expanded("{{seq}}", stamp_of(0, 1)), "{1}");
  EXPECT_EQ(expanded("", stamp_of(0, 1)), "");
  EXPECT_EQ(expanded("no braces", stamp_of(0, 1)), "no braces");
}

TEST(PayloadTemplate, RandomHasSixDecimalsIsBelowOneAndSpreadsOut) {
  RecordProperty("req", "D-19");
  Scribe scribe(text_template("{random}"), StampKind::none);
  double sum = 0;
  std::set<std::string> values;
  for (uint32_t k = 0; k < 1000; ++k) {
    const std::string text = scribe.write(stamp_of(0, k));
    ASSERT_EQ(text.size(), 8u) << text;
    ASSERT_TRUE(text.starts_with("0.")) << text;
    ASSERT_EQ(text.find_first_not_of("0123456789", 2), std::string::npos) << text;
    sum += std::stod(text);
    values.insert(text);
  }
  EXPECT_NEAR(sum / 1000, 0.5, 0.05);
  EXPECT_GT(values.size(), 990u);
}

TEST(PayloadTemplate, RandomIsCutNotRoundedUpToOne) {
  RecordProperty("req", "D-19");
  uint32_t sequence = 0;  // of the first number so close to 1 that rounding would give 1.000000
  while (Random(4).fork(sequence).uniform() < 0.9999995 && sequence < 100'000'000) ++sequence;
  EXPECT_EQ(expanded("{random}", stamp_of(0, sequence)), "0.999999");
}

TEST(PayloadTemplate, RandomDependsOnSeedStreamAndSequenceOnly) {
  RecordProperty("req", "Z-02");
  Scribe scribe(text_template("{random}"), StampKind::none);
  Scribe other_seed(text_template("{random}"), StampKind::none, {}, 5);
  const std::string value = scribe.write(stamp_of(1, 2));
  EXPECT_NE(scribe.write(stamp_of(1, 3)), value);
  EXPECT_NE(scribe.write(stamp_of(2, 2)), value);
  EXPECT_NE(other_seed.write(stamp_of(1, 2)), value);
  EXPECT_EQ(scribe.write(stamp_of(1, 2, Instant(5s))), value);
}

}  // namespace
}  // namespace mqtt_sim::load
