#include "core/load/dialogue.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <optional>
#include <set>

#include "tests/cpp/load/sample_plan.hpp"

namespace mqtt_sim::load {
namespace {

using Rows = std::vector<uint32_t>;

// A group of `count` speakers over a corpus of its own.
class Stage {
 public:
  Stage(uint32_t count, PayloadPlan payload, Corpus corpus = sample_corpus(), uint64_t seed = 4)
      : plan_(plan_of({producers("cast", count, "t")})) {
    payload.kind = PayloadKind::dialogue;
    plan_.seed = seed;
    plan_.corpus = std::move(corpus);
    plan_.groups[0].publish->payload = payload;
    dialogue_.emplace(plan_, plan_.groups[0]);
  }

  const Dialogue& dialogue() const { return *dialogue_; }
  uint32_t count() const { return plan_.groups[0].count; }

  // All that client `index` says, at most `most` lines.
  Rows spoken_by(uint32_t index, uint64_t most) const {
    Rows rows;
    const uint64_t limit = std::min(most, dialogue_->line_limit(index).value_or(most));
    for (uint64_t k = 0; k < limit; ++k) rows.push_back(dialogue_->row(index, k));
    return rows;
  }

  Rows spoken_by_all() const {  // ascending
    Rows all;
    for (uint32_t index = 0; index < count(); ++index) {
      const Rows rows = spoken_by(index, 1000);
      all.insert(all.end(), rows.begin(), rows.end());
    }
    std::ranges::sort(all);
    return all;
  }

 private:
  Plan plan_;
  std::optional<Dialogue> dialogue_;
};

Corpus corpus_of(uint32_t rows) {
  Corpus corpus;
  for (uint32_t row = 0; row < rows; ++row) corpus.rows.push_back({"S" + std::to_string(row % 7), std::to_string(row)});
  return corpus;
}

Rows first_rows(uint32_t count, uint32_t from = 0) {
  Rows rows(count);
  std::iota(rows.begin(), rows.end(), from);
  return rows;
}

TEST(Dialogue, FromTheStartEveryoneSpeaksTheFileInOrder) {
  RecordProperty("req", "K-07");
  const Stage stage(3, {.place = DialoguePlace::start, .loop = false});
  for (uint32_t index = 0; index < 3; ++index) EXPECT_EQ(stage.spoken_by(index, 100), first_rows(8));
}

TEST(Dialogue, FromTheirOwnPlacesSpeakersAreSpreadEvenlyAndGoRound) {
  RecordProperty("req", "K-07");
  const Stage stage(4, {.place = DialoguePlace::own, .loop = false});
  EXPECT_EQ(stage.spoken_by(0, 100), (Rows{0, 1, 2, 3, 4, 5, 6, 7}));
  EXPECT_EQ(stage.spoken_by(1, 100), (Rows{2, 3, 4, 5, 6, 7, 0, 1}));
  EXPECT_EQ(stage.spoken_by(3, 100), (Rows{6, 7, 0, 1, 2, 3, 4, 5}));
}

TEST(Dialogue, MoreSpeakersThanRowsShareThePlaces) {
  RecordProperty("req", "K-07");
  const Stage stage(1000, {.place = DialoguePlace::own});
  std::vector<uint32_t> starts(8);
  for (uint32_t index = 0; index < 1000; ++index) ++starts[stage.dialogue().row(index, 0)];
  EXPECT_EQ(starts, std::vector<uint32_t>(8, 125));
}

TEST(Dialogue, SplitGivesEachRowToExactlyOneSpeaker) {
  RecordProperty("req", "K-07");
  for (const uint32_t rows : {1u, 7u, 8u, 100u}) {
    for (const uint32_t count : {1u, 2u, 3u, 8u, 30u}) {
      const Stage stage(count, {.place = DialoguePlace::split, .loop = false}, corpus_of(rows));
      EXPECT_EQ(stage.spoken_by_all(), first_rows(rows)) << rows << " rows, " << count << " speakers";
    }
  }
}

TEST(Dialogue, SplitTakesEveryNthRowInOrder) {
  RecordProperty("req", "K-07");
  const Stage stage(3, {.place = DialoguePlace::split, .loop = false});
  EXPECT_EQ(stage.spoken_by(0, 100), (Rows{0, 3, 6}));
  EXPECT_EQ(stage.spoken_by(1, 100), (Rows{1, 4, 7}));
  EXPECT_EQ(stage.spoken_by(2, 100), (Rows{2, 5}));
}

TEST(Dialogue, SplitLeavesASpeakerWithoutRowsSilent) {
  RecordProperty("req", "K-07");
  const Stage stage(10, {.place = DialoguePlace::split, .loop = false});
  EXPECT_EQ(stage.dialogue().line_limit(7), 1u);
  EXPECT_EQ(stage.dialogue().line_limit(8), 0u);
  EXPECT_EQ(stage.dialogue().line_limit(9), 0u);
}

TEST(Dialogue, ShuffleKeepsEveryRowAndDependsOnTheSeedOnly) {
  RecordProperty("req", "K-07");
  const PayloadPlan shuffled{.order = DialogueOrder::shuffle, .place = DialoguePlace::start, .loop = false};
  const Stage stage(1, shuffled, corpus_of(100), 4);
  const Stage same(1, shuffled, corpus_of(100), 4);
  const Stage other(1, shuffled, corpus_of(100), 5);
  EXPECT_EQ(stage.spoken_by_all(), first_rows(100));
  EXPECT_NE(stage.spoken_by(0, 100), first_rows(100));
  EXPECT_EQ(stage.spoken_by(0, 100), same.spoken_by(0, 100));
  EXPECT_NE(stage.spoken_by(0, 100), other.spoken_by(0, 100));
  EXPECT_EQ(other.spoken_by_all(), first_rows(100));
}

TEST(Dialogue, ShuffleGivesEveryOrderTheSameChance) {
  RecordProperty("req", "K-07");
  std::map<Rows, int> orders;
  const PayloadPlan shuffled{.order = DialogueOrder::shuffle, .place = DialoguePlace::start, .loop = false};
  for (uint64_t seed = 0; seed < 600; ++seed) ++orders[Stage(1, shuffled, corpus_of(3), seed).spoken_by(0, 3)];
  EXPECT_EQ(orders.size(), 6u);
  for (const auto& [order, times] : orders) EXPECT_NEAR(times, 100, 40);
}

TEST(Dialogue, ShuffleAndSplitTogetherStillCoverTheCorpusOnce) {
  RecordProperty("req", "K-07");
  const Stage stage(6, {.order = DialogueOrder::shuffle, .place = DialoguePlace::split, .loop = false}, corpus_of(100));
  EXPECT_EQ(stage.spoken_by_all(), first_rows(100));
  EXPECT_NE(stage.spoken_by(0, 3), (Rows{0, 6, 12}));
}

TEST(Dialogue, BySpeakerGivesEachClientOneSpeakersLinesInOrder) {
  RecordProperty("req", "K-07");
  const Stage stage(3, {.order = DialogueOrder::by_speaker, .loop = false});
  EXPECT_EQ(stage.spoken_by(0, 100), (Rows{0, 2, 5, 6}));
  EXPECT_EQ(stage.spoken_by(1, 100), (Rows{1, 4, 7}));
  EXPECT_EQ(stage.spoken_by(2, 100), (Rows{3}));
  EXPECT_EQ(stage.spoken_by_all(), first_rows(8));
}

TEST(Dialogue, BySpeakerDealsTheSpeakersOutAgainToMoreClients) {
  RecordProperty("req", "K-07");
  const Stage stage(5, {.order = DialogueOrder::by_speaker, .loop = false});
  EXPECT_EQ(stage.spoken_by(3, 100), stage.spoken_by(0, 100));
  EXPECT_EQ(stage.spoken_by(4, 100), stage.spoken_by(1, 100));
}

TEST(Dialogue, SpeakerOfFollowsTheOrderOfTheFirstLines) {
  RecordProperty("req", "K-07");
  const Corpus corpus = sample_corpus();
  EXPECT_EQ(speaker_of(corpus, 0), "A");
  EXPECT_EQ(speaker_of(corpus, 1), "B");
  EXPECT_EQ(speaker_of(corpus, 2), "C");
  EXPECT_EQ(speaker_of(corpus, 3), "A");
  EXPECT_EQ(speaker_of({}, 3), "");
}

TEST(Dialogue, LoopSpeaksForEverAndBeginsAgain) {
  RecordProperty("req", "K-07");
  for (const DialogueOrder order : {DialogueOrder::file, DialogueOrder::shuffle, DialogueOrder::by_speaker}) {
    for (const DialoguePlace place : {DialoguePlace::own, DialoguePlace::start}) {
      const Stage once(2, {.order = order, .place = place, .loop = false});
      const Stage loop(2, {.order = order, .place = place, .loop = true});
      Rows twice = once.spoken_by(1, 100);
      const Rows again = twice;
      twice.insert(twice.end(), again.begin(), again.end());
      EXPECT_EQ(loop.dialogue().line_limit(1), std::nullopt);
      EXPECT_EQ(loop.spoken_by(1, twice.size()), twice);
    }
  }
}

TEST(Dialogue, LoopedSplitCoversTheCorpusInEachRound) {
  RecordProperty("req", "K-07");
  const Stage stage(4, {.place = DialoguePlace::split});
  EXPECT_EQ(stage.dialogue().line_limit(0), std::nullopt);
  std::multiset<uint32_t> said;
  for (uint32_t index = 0; index < 4; ++index)
    for (const uint32_t row : stage.spoken_by(index, 6)) said.insert(row);  // three rounds of two rows
  for (uint32_t row = 0; row < 8; ++row) EXPECT_EQ(said.count(row), 3u) << row;
}

TEST(Dialogue, OffsetAndLimitCutThePartOfTheCorpusThatIsUsed) {
  RecordProperty("req", "K-07");
  const auto start = DialoguePlace::start;
  EXPECT_EQ(Stage(1, {.place = start, .loop = false, .offset = 3}).spoken_by(0, 100), (Rows{3, 4, 5, 6, 7}));
  EXPECT_EQ(Stage(1, {.place = start, .loop = false, .limit = 2}).spoken_by(0, 100), (Rows{0, 1}));
  EXPECT_EQ(Stage(1, {.place = start, .loop = false, .offset = 3, .limit = 2}).spoken_by(0, 100), (Rows{3, 4}));
  EXPECT_EQ(Stage(1, {.place = start, .loop = true, .offset = 3, .limit = 2}).spoken_by(0, 5), (Rows{3, 4, 3, 4, 3}));
  EXPECT_EQ(Stage(1, {.place = start, .loop = false, .offset = 7, .limit = 5}).spoken_by(0, 100), (Rows{7}));
  EXPECT_EQ(Stage(2, {.place = DialoguePlace::split, .loop = false, .offset = 3}).spoken_by_all(), first_rows(5, 3));
}

TEST(Dialogue, PastTheEndOfTheCorpusThereIsNothingToSay) {
  RecordProperty("req", "K-07");
  for (const uint32_t offset : {8u, 9u, UINT32_MAX}) {
    for (const DialogueOrder order : {DialogueOrder::file, DialogueOrder::shuffle, DialogueOrder::by_speaker}) {
      const Stage stage(2, {.order = order, .loop = true, .offset = offset});
      EXPECT_EQ(stage.dialogue().line_limit(0), 0u) << offset;
    }
  }
}

TEST(Dialogue, BySpeakerWithALimitKeepsTheClientOfASpeakerCutOffSilent) {
  RecordProperty("req", "K-07");
  const Stage stage(3, {.order = DialogueOrder::by_speaker, .loop = true, .limit = 3});
  EXPECT_EQ(stage.spoken_by(0, 3), (Rows{0, 2, 0}));
  EXPECT_EQ(stage.spoken_by(1, 2), (Rows{1, 1}));
  EXPECT_EQ(stage.dialogue().line_limit(2), 0u);
}

struct Rendering {
  const char* name;
  CorpusRow row;
  std::string json;  // what JSON.stringify({character, text}) gives
};

class DialogueRendering : public ::testing::TestWithParam<Rendering> {};

TEST_P(DialogueRendering, IsThatOfJsonStringify) {
  RecordProperty("req", "D-14");
  EXPECT_EQ(render_rows({{GetParam().row}, {}}), std::vector<std::string>{GetParam().json});
}

INSTANTIATE_TEST_SUITE_P(
    Rows, DialogueRendering,
    ::testing::Values(Rendering{"Plain", {"ADA", "Is it on?"}, R"({"character":"ADA","text":"Is it on?"})"},
                      Rendering{"Quotes", {"A", "He said \"hi\""}, R"({"character":"A","text":"He said \"hi\""})"},
                      Rendering{"Backslash", {"A", R"(a\b)"}, R"({"character":"A","text":"a\\b"})"},
                      Rendering{"Empty", {"", ""}, R"({"character":"","text":""})"},
                      Rendering{
                          "Apostropheslash", {"A", "it's 1/2 <b>&"}, R"({"character":"A","text":"it's 1/2 <b>&"})"},
                      Rendering{"MultiByte",
                                {"\xC3\x89", "\xE2\x82\xAC \xF0\x9F\x9A\x80"},
                                "{\"character\":\"\xC3\x89\",\"text\":\"\xE2\x82\xAC \xF0\x9F\x9A\x80\"}"},
                      Rendering{"Control",
                                {"A", "\b\f\n\r\t\x01\x1f\x7f"},
                                "{\"character\":\"A\",\"text\":\"\\b\\f\\n\\r\\t\\u0001\\u001f\x7f\"}"},
                      Rendering{"TrailingSpaces", {"A", "on.  "}, R"({"character":"A","text":"on.  "})"}),
    [](const auto& test) { return test.param.name; });

TEST(Dialogue, RendersOneJsonPerRow) { EXPECT_EQ(render_rows(sample_corpus()).size(), 8u); }

}  // namespace
}  // namespace mqtt_sim::load
