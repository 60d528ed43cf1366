#include "core/load/corpus.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace mqtt_sim::load {
namespace {

const std::filesystem::path kShipped =
    "python/mqtt_sim/corpora/long_haul.txt";  // tests run in the root of the repository

const std::string kHeader = "\"character\" \"dialogue\"\n";

Corpus parsed(std::string_view bytes, CorpusOptions options = {}) {
  auto corpus = parse_corpus(bytes, "play.txt", options);
  if (corpus.has_error()) {
    ADD_FAILURE() << corpus.error().describe();
    return {};
  }
  return *corpus;
}

std::string describe_error(std::string_view bytes, CorpusOptions options = {}) {
  const auto corpus = parse_corpus(bytes, "play.txt", options);
  return corpus.has_error() ? corpus.error().describe() : "no error";
}

std::vector<CorpusRow> rows_of(std::string_view bytes, CorpusOptions options = {}) {
  return parsed(bytes, options).rows;
}

TEST(Corpus, TwoRowsGiveSpeakerAndText) {
  const std::vector<CorpusRow> expected{{"ADA", "Is it on?"}, {"GRACE HOPPER", "It's  on, dear. "}};
  EXPECT_EQ(rows_of(kHeader + "\"1\" \"ADA\" \"Is it on?\"\n\"2\" \"GRACE HOPPER\" \"It's  on, dear. \"\n"), expected);
}

TEST(Corpus, AnEscapedQuoteIsAQuoteAndAnEmptyFieldIsEmpty) {
  const std::vector<CorpusRow> expected{{"A", "She said \"no\""}, {"A", "\"\""}, {"", ""}, {"A", "a\\b"}};
  EXPECT_EQ(rows_of(kHeader + R"("1" "A" "She said \"no\"")"
                              "\n"
                              R"("2" "A" "\"\"")"
                              "\n"
                              R"("3" "" "")"
                              "\n"
                              R"("4" "A" "a\\b")"
                              "\n"),
            expected);
  EXPECT_TRUE(parsed(kHeader + R"("1" "A" "She said \"no\" \\")").warnings.empty());
}

TEST(Corpus, ASeparatorInsideAFieldIsText) {
  const std::vector<CorpusRow> expected{{"A B", "one \" \" two"}};
  EXPECT_EQ(rows_of(kHeader + R"("1" "A B" "one \" \" two")"), expected);
}

TEST(Corpus, ShippedScreenplayHasTheProfileOfTheFormat) {
  RecordProperty("req", "K-01 K-05");
  const auto loaded = load_corpus(kShipped.string(), {});
  ASSERT_TRUE(loaded.has_value()) << loaded.error().describe();
  const std::vector<CorpusRow>& rows = loaded->rows;
  EXPECT_TRUE(loaded->warnings.empty());
  ASSERT_EQ(rows.size(), 542u);

  std::vector<size_t> sizes;
  std::map<std::string, size_t> lines_of_speaker;
  size_t text_bytes = 0;
  size_t speaker_bytes = 0;
  size_t rows_with_quotes = 0;
  for (const CorpusRow& row : rows) {
    sizes.push_back(row.text.size());
    ++lines_of_speaker[row.character];
    text_bytes += row.text.size();
    speaker_bytes += row.character.size();
    rows_with_quotes += row.text.find('"') != std::string::npos;
    EXPECT_EQ(row.text.find('\\'), std::string::npos) << row.text;
    EXPECT_EQ(row.character.find_first_of("+#/"), std::string::npos) << row.character;
  }
  std::ranges::sort(sizes);
  EXPECT_EQ(lines_of_speaker.size(), 25u);
  EXPECT_EQ(lines_of_speaker["OTTOLENE"], 136u);
  EXPECT_EQ(lines_of_speaker["CAPTAIN DRUMGOOLE"], 72u);
  EXPECT_EQ(text_bytes, 28672u);
  EXPECT_EQ(speaker_bytes, 5374u);
  EXPECT_EQ(sizes.front(), 3u);
  EXPECT_EQ(sizes[sizes.size() / 2], 42u);
  EXPECT_EQ(sizes.back(), 596u);
  EXPECT_EQ(rows_with_quotes, 1u);
  EXPECT_EQ(std::ranges::count(rows[440].text, '"'), 4);
  EXPECT_EQ(rows[348].text.size(), 596u);
  EXPECT_EQ(std::ranges::count_if(rows, [](const CorpusRow& row) { return row.text.ends_with(' '); }), 11);
  EXPECT_EQ(std::ranges::count_if(rows, [](const CorpusRow& row) { return row.text.find("  ") != std::string::npos; }),
            218);
  EXPECT_EQ(std::ranges::count_if(rows, [](const CorpusRow& row) { return row.text.size() == 3; }), 14);
}

struct Variant {
  const char* name;
  std::string bytes;
};

class CorpusVariant : public ::testing::TestWithParam<Variant> {};

TEST_P(CorpusVariant, LoadsTheSameRows) {
  RecordProperty("req", "K-02");
  const std::vector<CorpusRow> expected{{"ADA", "Is it on?"}, {"GRACE", "On. "}};
  const Corpus corpus = parsed(GetParam().bytes);
  EXPECT_EQ(corpus.rows, expected);
  EXPECT_TRUE(corpus.warnings.empty());
}

INSTANTIATE_TEST_SUITE_P(
    SeenInTheWild, CorpusVariant,
    ::testing::Values(
        Variant{"Plain", kHeader + "\"1\" \"ADA\" \"Is it on?\"\n\"2\" \"GRACE\" \"On. \"\n"},
        Variant{"NoFinalNewline", kHeader + "\"1\" \"ADA\" \"Is it on?\"\n\"2\" \"GRACE\" \"On. \""},
        Variant{"CarriageReturns",
                "\"character\" \"dialogue\"\r\n\"1\" \"ADA\" \"Is it on?\"\r\n\"2\" \"GRACE\" \"On. \"\r\n"},
        Variant{"CarriageReturnsNoFinalNewline",
                "\"character\" \"dialogue\"\r\n\"1\" \"ADA\" \"Is it on?\"\r\n\"2\" \"GRACE\" \"On. \"\r"},
        Variant{"BlankHeader", "\n\"1\" \"ADA\" \"Is it on?\"\n\"2\" \"GRACE\" \"On. \"\n"},
        Variant{"BlankHeaderCarriageReturn", "\r\n\"1\" \"ADA\" \"Is it on?\"\n\"2\" \"GRACE\" \"On. \"\n"},
        Variant{"HeaderLineNumber",
                "\"line_number\" \"character\" \"dialogue\"\n\"1\" \"ADA\" \"Is it on?\"\n\"2\" \"GRACE\" \"On. \"\n"},
        Variant{"HeaderId",
                "\"id\" \"character\" \"dialogue\"\n\"1\" \"ADA\" \"Is it on?\"\n\"2\" \"GRACE\" \"On. \"\n"},
        Variant{"HeaderIndex",
                "\"index\" \"character\" \"dialogue\"\n\"1\" \"ADA\" \"Is it on?\"\n\"2\" \"GRACE\" \"On. \"\n"},
        Variant{"HeaderLine", "\"line\" \"who\" \"what\"\n\"1\" \"ADA\" \"Is it on?\"\n\"2\" \"GRACE\" \"On. \"\n"},
        Variant{"ByteOrderMark", "\xEF\xBB\xBF" + kHeader + "\"1\" \"ADA\" \"Is it on?\"\n\"2\" \"GRACE\" \"On. \"\n"}),
    [](const auto& test) { return test.param.name; });

struct StrayBackslash {
  const char* name;
  std::string row;
  CorpusRow read_as;
  std::string strict_error;
};

class CorpusStrayBackslash : public ::testing::TestWithParam<StrayBackslash> {};

TEST_P(CorpusStrayBackslash, IsKeptWithOneWarningThatNamesTheRow) {
  RecordProperty("req", "K-02");
  const Corpus corpus = parsed(kHeader + "\"1\" \"A\" \"fine\"\n" + GetParam().row + "\n\"3\" \"A\" \"fine\"\n");
  ASSERT_EQ(corpus.rows.size(), 3u);
  EXPECT_EQ(corpus.rows[1], GetParam().read_as);
  EXPECT_EQ(corpus.warnings,
            std::vector<std::string>{"play.txt:3: row 2 has a backslash that escapes nothing; kept as it is"});
}

TEST_P(CorpusStrayBackslash, IsRefusedWhenStrict) {
  RecordProperty("req", "K-02");
  EXPECT_EQ(describe_error(kHeader + "\"1\" \"A\" \"fine\"\n" + GetParam().row + "\n", {.is_strict = true}),
            GetParam().strict_error);
}

INSTANTIATE_TEST_SUITE_P(
    SeenInTheWild, CorpusStrayBackslash,
    ::testing::Values(StrayBackslash{"InnerQuotesLost",
                                     R"("2" "A" "He said \no\ and \yes\ twice")",
                                     {"A", R"(He said \no\ and \yes\ twice)"},
                                     "play.txt:3:18: expected no backslash but before a double quote"},
                      StrayBackslash{"InnerQuotesBecameApostrophes",
                                     R"("2" "A" "He said \'no\' and \'yes\'")",
                                     {"A", R"(He said \'no\' and \'yes\')"},
                                     "play.txt:3:18: expected no backslash but before a double quote"},
                      StrayBackslash{"BeforeTheClosingQuote",
                                     R"("2" "A" "He said \no\")",
                                     {"A", R"(He said \no\)"},
                                     "play.txt:3:18: expected no backslash but before a double quote"},
                      StrayBackslash{"InTheSpeaker",
                                     R"("2" "A\B" "fine")",
                                     {R"(A\B)", "fine"},
                                     "play.txt:3:7: expected no backslash but before a double quote"}),
    [](const auto& test) { return test.param.name; });

TEST(Corpus, StrictTakesAFileWithoutStrayBackslashes) {
  RecordProperty("req", "K-02");
  EXPECT_EQ(rows_of(kHeader + R"("1" "A" "\"no\"")", {.is_strict = true}).size(), 1u);
}

struct BadInput {
  const char* name;
  std::string bytes;
  std::string error;
};

class CorpusBadInput : public ::testing::TestWithParam<BadInput> {};

TEST_P(CorpusBadInput, IsNamedByFileLineAndColumn) {
  RecordProperty("req", "K-03");
  EXPECT_EQ(describe_error(GetParam().bytes), GetParam().error);
}

const std::string kGoodRow = "\"1\" \"A\" \"fine\"\n";

INSTANTIATE_TEST_SUITE_P(
    Rows, CorpusBadInput,
    ::testing::Values(
        BadInput{"MissingClosingQuote", kHeader + kGoodRow + R"("2" "A" "never ends)",
                 "play.txt:3:20: expected a double quote that closes the field"},
        BadInput{"MissingClosingQuoteOfTheSpeaker", kHeader + kGoodRow + R"("2" "A fine)",
                 "play.txt:3:12: expected a double quote that closes the field"},
        BadInput{"MissingOpeningQuote", kHeader + kGoodRow + R"("2" A "fine")",
                 "play.txt:3:5: expected a double quote that opens a field"},
        BadInput{"ExtraField", kHeader + kGoodRow + R"("2" "A" "fine" "more")",
                 "play.txt:3:16: expected the end of the row after three fields"},
        BadInput{"ExtraFieldsOnly", kHeader + kGoodRow + R"("2" "A" "fine" "more" "and more")",
                 "play.txt:3:16: expected the end of the row after three fields"},
        BadInput{"TextAfterTheLastField", kHeader + kGoodRow + R"("2" "A" "fine"more)",
                 "play.txt:3:15: expected one space and another field"},
        BadInput{"TabBetweenFields", kHeader + kGoodRow + "\"2\"\t\"A\" \"fine\"",
                 "play.txt:3:4: expected one space and another field"},
        BadInput{"TwoSpacesBetweenFields", kHeader + kGoodRow + R"("2"  "A" "fine")",
                 "play.txt:3:5: expected a double quote that opens a field"},
        BadInput{"TrailingSpace", kHeader + kGoodRow + "\"2\" \"A\" \"fine\" \n",
                 "play.txt:3:16: expected a double quote that opens a field"},
        BadInput{"TwoFields", kHeader + kGoodRow + R"("2" "A")",
                 "play.txt:3:8: expected three fields: row number, character, dialogue"},
        BadInput{"UnescapedInnerQuote", kHeader + kGoodRow + R"("2" "A" "He said "no" twice")",
                 "play.txt:3:19: expected one space and another field"},
        BadInput{"BlankLine", kHeader + kGoodRow + "\n" + R"("2" "A" "fine")",
                 "play.txt:3:1: expected a row of three quoted fields, not a blank line"},
        BadInput{"NumberSkipped", kHeader + kGoodRow + R"("3" "A" "fine")",
                 "play.txt:3:2: expected row number 2, found \"3\""},
        BadInput{"NumberRepeated", kHeader + kGoodRow + kGoodRow, "play.txt:3:2: expected row number 2, found \"1\""},
        BadInput{"NumberFromZero", kHeader + R"("0" "A" "fine")", "play.txt:2:2: expected row number 1, found \"0\""},
        BadInput{"NumberIsAWord", kHeader + R"("one" "A" "fine")",
                 "play.txt:2:2: expected row number 1, found \"one\""},
        BadInput{"NumberWithATail", kHeader + R"("1x" "A" "fine")",
                 "play.txt:2:2: expected row number 1, found \"1x\""},
        BadInput{"NumberIsEmpty", kHeader + R"("" "A" "fine")", "play.txt:2:2: expected row number 1, found \"\""},
        BadInput{"NumberIsVeryLong", kHeader + "\"" + std::string(41, '1') + R"(" "A" "fine")",
                 "play.txt:2:2: expected row number 1, found \"...\""}),
    [](const auto& test) { return test.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Bytes, CorpusBadInput,
    ::testing::Values(
        BadInput{"Nul", kHeader + std::string("\"1\" \"A\" \"fi\0ne\"\n", 17),
                 "play.txt:2:12: expected text without a NUL byte"},
        BadInput{"NulInTheHeader", std::string("\"char\0acter\" \"dialogue\"\n", 24),
                 "play.txt:1:6: expected text without a NUL byte"},
        BadInput{"StrayContinuationByte", kHeader + "\"1\" \"A\" \"fi\x80ne\"\n",
                 "play.txt:2:12: expected well-formed UTF-8"},
        BadInput{"Latin1", kHeader + "\"1\" \"A\" \"caf\xE9\"\n", "play.txt:2:13: expected well-formed UTF-8"},
        BadInput{"AfterTwoByteCharacters", kHeader + "\"1\" \"A\" \"\xC3\xA9\xC3\xA9\xFFx\"\n",
                 "play.txt:2:14: expected well-formed UTF-8"},
        BadInput{"AfterThreeByteCharacters", kHeader + "\"1\" \"A\" \"\xE2\x82\xAC\xE2\x82\xAC\xFFx\"\n",
                 "play.txt:2:16: expected well-formed UTF-8"},
        BadInput{"AfterFourByteCharacters", kHeader + "\"1\" \"A\" \"\xF0\x9F\x9A\x80\xF0\x9F\x9A\x80\xFFx\"\n",
                 "play.txt:2:18: expected well-formed UTF-8"},
        BadInput{"CutCharacter", kHeader + "\"1\" \"A\" \"ok\xE2\x82\"\n", "play.txt:2:12: expected well-formed UTF-8"},
        BadInput{"CutCharacterAtTheEnd", kHeader + "\"1\" \"A\" \"ok\xF0\x9F\x9A",
                 "play.txt:2:12: expected well-formed UTF-8"},
        BadInput{"Overlong", kHeader + "\"1\" \"A\" \"a\xC0\xAF\"\n", "play.txt:2:11: expected well-formed UTF-8"},
        BadInput{"Surrogate", kHeader + "\"1\" \"A\" \"\xC3\xA9\xED\xA0\x80\"\n",
                 "play.txt:2:12: expected well-formed UTF-8"},
        BadInput{"FirstByte", "\xFF\n", "play.txt:1:1: expected well-formed UTF-8"}),
    [](const auto& test) { return test.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Files, CorpusBadInput,
    ::testing::Values(BadInput{"Empty", "", "play.txt:1:1: expected at least one row below the header"},
                      BadInput{"HeaderOnly", kHeader, "play.txt:2:1: expected at least one row below the header"},
                      BadInput{"HeaderOnlyNoNewline", R"("character" "dialogue")",
                               "play.txt:2:1: expected at least one row below the header"},
                      BadInput{"HeaderOfOneName", "\"dialogue\"\n" + kGoodRow,
                               "play.txt:1:11: expected a header of two names (\"character\" \"dialogue\") or three"},
                      BadInput{"HeaderOfFourNames", "\"a\" \"b\" \"c\" \"d\"\n" + kGoodRow,
                               "play.txt:1:16: expected a header of two names (\"character\" \"dialogue\") or three"},
                      BadInput{"HeaderWithoutQuotes", "character dialogue\n" + kGoodRow,
                               "play.txt:1:1: expected a header of quoted names, or a double quote that opens a field"},
                      BadInput{"HeaderWithCommas", "\"character\",\"dialogue\"\n" + kGoodRow,
                               "play.txt:1:12: expected a header of two names (\"character\" \"dialogue\") or three"}),
    [](const auto& test) { return test.param.name; });

std::string row_of_size(size_t size) {  // without its newline
  const std::string before = "\"1\" \"A\" \"";
  return before + std::string(size - before.size() - 1, 'x') + "\"";
}

TEST(Corpus, ALineOfOneMebibyteIsRefusedAndOneByteLessIsTaken) {
  RecordProperty("req", "K-03");
  EXPECT_EQ(describe_error(kHeader + row_of_size(kCorpusLineLimit) + "\n"),
            "play.txt:2:1048576: expected a line shorter than 1 MiB");
  EXPECT_EQ(rows_of(kHeader + row_of_size(kCorpusLineLimit - 1) + "\n").size(), 1u);
}

// Finding the column must not take quadratic time, or a long line would hold the run up.
TEST(Corpus, BadUtf8AtTheEndOfALongLineIsFoundAtItsColumn) {
  RecordProperty("req", "K-03");
  std::string row = row_of_size(kCorpusLineLimit - 1);
  row[row.size() - 2] = '\xFF';
  EXPECT_EQ(describe_error(kHeader + row), "play.txt:2:1048574: expected well-formed UTF-8");
}

class CorpusFile : public ::testing::Test {
 protected:
  CorpusFile() {
    directory_ = std::filesystem::path(::testing::TempDir()) /
                 ("mqtt_sim_corpus_" + std::string(::testing::UnitTest::GetInstance()->current_test_info()->name()));
    std::filesystem::create_directories(directory_);
  }
  ~CorpusFile() override { std::filesystem::remove_all(directory_); }

  std::string write(const std::string& name, std::string_view bytes) const {
    std::ofstream(directory_ / name, std::ios::binary) << bytes;
    return (directory_ / name).string();
  }

  std::filesystem::path directory_;
};

TEST_F(CorpusFile, LoadsWhatWasWritten) {
  const std::vector<CorpusRow> expected{{"A", "fine"}};
  const auto corpus = load_corpus(write("play.txt", kHeader + kGoodRow), {});
  ASSERT_TRUE(corpus.has_value()) << corpus.error().describe();
  EXPECT_EQ(corpus->rows, expected);
}

TEST_F(CorpusFile, AnErrorInsideNamesTheFileAsItWasGiven) {
  RecordProperty("req", "K-03");
  const std::string path = write("play.txt", kHeader + R"("1" "A")");
  const auto corpus = load_corpus(path, {});
  ASSERT_TRUE(corpus.has_error());
  EXPECT_EQ(corpus.error().describe(), path + ":2:8: expected three fields: row number, character, dialogue");
}

TEST_F(CorpusFile, AnEmptyFileLacksRows) {
  RecordProperty("req", "K-03");
  const std::string path = write("empty.txt", "");
  const auto corpus = load_corpus(path, {});
  ASSERT_TRUE(corpus.has_error());
  EXPECT_EQ(corpus.error().describe(), path + ":1:1: expected at least one row below the header");
}

TEST_F(CorpusFile, AMissingFileCannotBeRead) {
  RecordProperty("req", "K-03");
  const std::string path = (directory_ / "nowhere.txt").string();
  const auto corpus = load_corpus(path, {});
  ASSERT_TRUE(corpus.has_error());
  EXPECT_EQ(corpus.error().line, 0u);
  EXPECT_EQ(corpus.error().describe(), path + ": cannot be read: No such file or directory");
}

TEST_F(CorpusFile, ADirectoryCannotBeRead) {
  RecordProperty("req", "K-03");
  const auto corpus = load_corpus(directory_.string(), {});
  ASSERT_TRUE(corpus.has_error());
  EXPECT_EQ(corpus.error().line, 0u);
  EXPECT_TRUE(corpus.error().describe().starts_with(directory_.string() + ": cannot be read"))
      << corpus.error().describe();
}

constexpr CorpusOptions kTutorial{.tutorial_parser = true};

TEST(CorpusTutorialParser, ReadsAnOrdinaryRowAsTheOtherParserDoes) {
  RecordProperty("req", "D-17");
  const std::vector<CorpusRow> expected{{"ADA", "It's  on, dear. "}};
  EXPECT_EQ(rows_of(kHeader + "\"1\" \"ADA\" \"It's  on, dear. \"\n", kTutorial), expected);
}

TEST(CorpusTutorialParser, KeepsBackslashesLosesAnInnerQuoteAndKeepsTheClosingOne) {
  RecordProperty("req", "D-17");
  const std::vector<CorpusRow> expected{{"A", R"(say \a\" or \"b\"")"}};
  EXPECT_EQ(rows_of(kHeader + R"("1" "A" "say \"a\" or \"b\"")", kTutorial), expected);
}

TEST(CorpusTutorialParser, DiffersInOneRowOfTheShippedScreenplay) {
  RecordProperty("req", "D-17");
  const auto right = load_corpus(kShipped.string(), {});
  const auto naive = load_corpus(kShipped.string(), kTutorial);
  ASSERT_TRUE(right.has_value());
  ASSERT_TRUE(naive.has_value()) << naive.error().describe();
  ASSERT_EQ(right->rows.size(), naive->rows.size());
  std::vector<size_t> different;
  for (size_t i = 0; i < right->rows.size(); ++i)
    if (right->rows[i] != naive->rows[i]) different.push_back(i);
  EXPECT_EQ(different, std::vector<size_t>{440});
}

TEST(CorpusTutorialParser, TakesAnyRowNumberButNotARowOfTwoParts) {
  const std::vector<CorpusRow> expected{{"A", "fine"}};
  EXPECT_EQ(rows_of(kHeader + R"("7" "A" "fine")", kTutorial), expected);
  EXPECT_EQ(describe_error(kHeader + R"("1" "A")", kTutorial),
            "play.txt:2:8: expected three parts between quote-space-quote");
}

TEST(CorpusHeader, AsRecordIsOneEmptyRowMore) {
  RecordProperty("req", "D-16");
  const std::vector<CorpusRow> expected{{"", ""}, {"A", "fine"}};
  EXPECT_EQ(rows_of(kHeader + kGoodRow, {.header_as_record = true}), expected);
  EXPECT_EQ(rows_of("\n" + kGoodRow, {.header_as_record = true}), expected);
  EXPECT_EQ(rows_of(kHeader + kGoodRow, {.header_as_record = true, .tutorial_parser = true}), expected);
}

TEST(CorpusHeader, AsRecordIsNotARowOfItsOwn) {
  RecordProperty("req", "D-16");
  EXPECT_EQ(describe_error(kHeader, {.header_as_record = true}),
            "play.txt:2:1: expected at least one row below the header");
}

TEST(CorpusHeader, AsRecordMakesTheShippedScreenplayOneRowLonger) {
  RecordProperty("req", "D-16");
  const auto loaded = load_corpus(kShipped.string(), {.header_as_record = true});
  ASSERT_TRUE(loaded.has_value());
  EXPECT_EQ(loaded->rows.size(), 543u);
  EXPECT_EQ(loaded->rows[0], CorpusRow{});
}

}  // namespace
}  // namespace mqtt_sim::load
