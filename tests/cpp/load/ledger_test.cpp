#include "core/load/ledger.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "core/base/random.hpp"
#include "tests/cpp/load/print.hpp"

namespace mqtt_sim::load {
namespace {

using Sequence = std::vector<uint32_t>;

LedgerCounts counts_after(const Sequence& received, uint32_t sent) {
  StreamLedger ledger;
  for (const uint32_t number : received) ledger.receive(number);
  return ledger.counts(sent);
}

struct Case {
  const char* name;
  Sequence received;
  uint32_t sent;
  LedgerCounts counts;  // expected, delivered, lost, duplicated, reordered
};

class StreamLedgerSequence : public ::testing::TestWithParam<Case> {};

TEST_P(StreamLedgerSequence, GivesExactCounts) {
  RecordProperty("req", "Z-04");
  EXPECT_EQ(counts_after(GetParam().received, GetParam().sent), GetParam().counts);
}

INSTANTIATE_TEST_SUITE_P(Sequences, StreamLedgerSequence,
                         ::testing::Values(Case{"NothingSent", {}, 0, {0, 0, 0, 0, 0}},
                                           Case{"NothingReceived", {}, 5, {5, 0, 5, 0, 0}},
                                           Case{"AllInOrder", {0, 1, 2, 3}, 4, {4, 4, 0, 0, 0}},
                                           Case{"FirstOnesLost", {2, 3, 4}, 5, {5, 3, 2, 0, 0}},
                                           Case{"LastOnesLost", {0, 1, 2}, 5, {5, 3, 2, 0, 0}},
                                           Case{"BothEndsLost", {2, 3}, 6, {6, 2, 4, 0, 0}},
                                           Case{"MiddleLost", {0, 1, 4}, 5, {5, 3, 2, 0, 0}},
                                           Case{"TwoGapsLost", {0, 2, 4}, 6, {6, 3, 3, 0, 0}},
                                           Case{"DoubledAtOnce", {0, 0, 1, 1, 1}, 2, {2, 2, 0, 3, 0}},
                                           Case{"DoubledLater", {0, 1, 2, 0}, 3, {3, 3, 0, 1, 0}},
                                           Case{"NeighboursSwapped", {1, 0, 2}, 3, {3, 3, 0, 0, 1}},
                                           Case{"LastTwoSwapped", {0, 2, 1}, 3, {3, 3, 0, 0, 1}},
                                           Case{"Reversed", {3, 2, 1, 0}, 4, {4, 4, 0, 0, 3}},
                                           Case{"GapFilledFromBelow", {0, 4, 1, 2, 3}, 5, {5, 5, 0, 0, 3}},
                                           Case{"GapFilledFromAbove", {0, 4, 3, 2, 1}, 5, {5, 5, 0, 0, 3}},
                                           Case{"GapCutInTwo", {0, 6, 3}, 7, {7, 3, 4, 0, 1}},
                                           Case{"GapCutInTwoAndFilled", {0, 6, 3, 1, 5, 2, 4}, 7, {7, 7, 0, 0, 5}},
                                           Case{"LateOneDoubled", {0, 2, 1, 1}, 3, {3, 3, 0, 1, 1}},
                                           Case{"AfterAGapIsFilledOrderGoesOn", {1, 0, 2, 3}, 4, {4, 4, 0, 0, 1}},
                                           Case{"LostDoubledAndSwapped", {0, 2, 1, 1, 5, 6, 6}, 8, {8, 5, 3, 2, 1}}),
                         [](const auto& test) { return test.param.name; });

TEST(StreamLedger, TellsANewMessageFromARepeatedOne) {
  RecordProperty("req", "Z-04");
  StreamLedger ledger;
  EXPECT_TRUE(ledger.receive(0));
  EXPECT_FALSE(ledger.receive(0));
  EXPECT_TRUE(ledger.receive(2));
  EXPECT_TRUE(ledger.receive(1));
  EXPECT_FALSE(ledger.receive(1));
  EXPECT_EQ(ledger.unique(), 3u);
}

TEST(StreamLedger, NeverCountsLessThanNothingLost) {
  EXPECT_EQ(counts_after({0, 1, 2}, 2), (LedgerCounts{2, 3, 0, 0, 0}));
}

// Every second number, so that each opens a gap of one.
StreamLedger with_gaps(uint32_t gaps) {
  StreamLedger ledger;
  for (uint32_t i = 0; i < gaps; ++i) ledger.receive(2 * i + 1);
  return ledger;
}

TEST(StreamLedger, AtTheGapLimitEveryGapCanStillBeFilled) {
  const uint32_t gaps = StreamLedger::kGapLimit;
  StreamLedger ledger = with_gaps(gaps);
  for (uint32_t i = 0; i < gaps; ++i) EXPECT_TRUE(ledger.receive(2 * i));
  EXPECT_EQ(ledger.counts(2 * gaps), (LedgerCounts{2 * gaps, 2 * gaps, 0, 0, gaps}));
}

TEST(StreamLedger, OverTheGapLimitTheOldestGapIsGivenUpAsLost) {
  const uint32_t gaps = StreamLedger::kGapLimit + 1;
  StreamLedger ledger = with_gaps(gaps);
  EXPECT_FALSE(ledger.receive(0)) << "its gap is given up";
  EXPECT_TRUE(ledger.receive(2)) << "the second gap is still open";
  EXPECT_EQ(ledger.counts(2 * gaps), (LedgerCounts{2 * gaps, gaps + 1, gaps - 1, 0, 2}));
}

TEST(StreamLedger, OverTheGapLimitARepeatedNumberIsStillADuplicateAboveTheGivenUp) {
  StreamLedger ledger = with_gaps(StreamLedger::kGapLimit + 1);
  EXPECT_FALSE(ledger.receive(3));
  EXPECT_EQ(ledger.counts(0).duplicated, 1u);
  EXPECT_EQ(ledger.counts(0).reordered, 0u);
}

// One wide gap, filled at every second place, is cut into more and more gaps: the limit holds for those too.
TEST(StreamLedger, AGapCutIntoTooManyIsGivenUpFromTheOldestOn) {
  const uint32_t limit = StreamLedger::kGapLimit;
  const uint32_t last = 4 * limit;
  StreamLedger ledger;
  ledger.receive(last);
  for (uint32_t i = 0; i < limit; ++i) EXPECT_TRUE(ledger.receive(2 * i + 1));
  EXPECT_FALSE(ledger.receive(0)) << "its gap is given up";
  EXPECT_TRUE(ledger.receive(2)) << "the second gap is still open";
  EXPECT_EQ(ledger.counts(last + 1).delivered, 1u + limit + 1u);
}

// What the ledger should say, from a set of what has been seen.
class Oracle {
 public:
  bool receive(uint32_t number) {
    const bool is_new = seen_.insert(number).second;
    if (!is_new) {
      ++counts_.duplicated;
    } else if (number < highest_seen_end_) {
      ++counts_.reordered;
    }
    highest_seen_end_ = std::max(highest_seen_end_, number + 1);
    return is_new;
  }
  LedgerCounts counts(uint32_t sent) const {
    LedgerCounts counts = counts_;
    counts.expected = sent;
    counts.delivered = seen_.size();
    counts.lost = sent - seen_.size();
    return counts;
  }

 private:
  std::set<uint32_t> seen_;
  uint32_t highest_seen_end_ = 0;
  LedgerCounts counts_;
};

// What a bad network makes of 0 .. sent-1: some dropped, some doubled, some moved within `reach` places.
Sequence disturbed(uint32_t sent, uint32_t reach, Random& random) {
  std::vector<std::pair<uint64_t, uint32_t>> arrivals;  // when, what
  for (uint32_t number = 0; number < sent; ++number) {
    if (random.below(10) == 0) continue;
    arrivals.emplace_back(number + random.below(reach), number);
    if (random.below(10) == 0) arrivals.emplace_back(number + random.below(4 * reach), number);
  }
  std::ranges::stable_sort(arrivals, {}, &std::pair<uint64_t, uint32_t>::first);
  Sequence received;
  for (const auto& [when, number] : arrivals) received.push_back(number);
  return received;
}

TEST(StreamLedger, AgreesWithASetOnDisturbedStreams) {
  RecordProperty("req", "Z-04");
  for (uint64_t seed = 0; seed < 200; ++seed) {
    Random random(seed);
    const uint32_t sent = static_cast<uint32_t>(1 + random.below(500));
    const uint32_t reach = static_cast<uint32_t>(1 + random.below(100));
    StreamLedger ledger;
    Oracle oracle;
    for (const uint32_t number : disturbed(sent, reach, random))
      ASSERT_EQ(ledger.receive(number), oracle.receive(number)) << "seed " << seed << " number " << number;
    ASSERT_EQ(ledger.counts(sent), oracle.counts(sent)) << "seed " << seed;
  }
}

TEST(StreamLedger, AgreesWithASetOnArbitraryNumbers) {
  RecordProperty("req", "Z-04");
  for (uint64_t seed = 0; seed < 50; ++seed) {
    Random random(seed);
    const uint32_t sent = static_cast<uint32_t>(1 + random.below(3000));
    StreamLedger ledger;
    Oracle oracle;
    for (uint32_t i = 0; i < 2 * sent; ++i) {
      const uint32_t number = static_cast<uint32_t>(random.below(sent));
      ASSERT_EQ(ledger.receive(number), oracle.receive(number)) << "seed " << seed << " number " << number;
    }
    ASSERT_EQ(ledger.counts(sent), oracle.counts(sent)) << "seed " << seed;
  }
}

TEST(LedgerCounts, AddUpMemberByMember) {
  LedgerCounts sum{1, 2, 3, 4, 5};
  sum += {10, 20, 30, 40, 50};
  EXPECT_EQ(sum, (LedgerCounts{11, 22, 33, 44, 55}));
}

TEST(Ledger, KeepsItsStreamsApartAndKnowsNoOther) {
  RecordProperty("req", "Z-04");
  Ledger ledger({3, 7, 1'000'000});
  ASSERT_NE(ledger.find(3), nullptr);
  ASSERT_NE(ledger.find(1'000'000), nullptr);
  EXPECT_NE(ledger.find(3), ledger.find(7));
  ledger.find(3)->receive(0);
  ledger.find(7)->receive(4);
  ledger.find(3)->receive(1);
  EXPECT_EQ(ledger.at(0).counts(2), (LedgerCounts{2, 2, 0, 0, 0}));
  EXPECT_EQ(ledger.at(1).counts(5), (LedgerCounts{5, 1, 4, 0, 0}));
  EXPECT_EQ(ledger.at(2).counts(9), (LedgerCounts{9, 0, 9, 0, 0}));
  for (const uint32_t stranger : {0u, 4u, 8u, 1'000'001u}) EXPECT_EQ(ledger.find(stranger), nullptr) << stranger;
  ASSERT_NE(ledger.find(7), nullptr) << "found again after a stranger";
}

TEST(Ledger, WithoutStreamsFindsNothing) {
  Ledger ledger({});
  EXPECT_EQ(ledger.find(0), nullptr);
  EXPECT_TRUE(ledger.streams().empty());
}

}  // namespace
}  // namespace mqtt_sim::load
