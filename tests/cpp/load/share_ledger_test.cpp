// What members of a shared subscription got together, and which streams a share has.
#include "core/load/share_ledger.hpp"

#include <gtest/gtest.h>

#include "core/load/topology.hpp"
#include "tests/cpp/load/print.hpp"
#include "tests/cpp/load/sample_plan.hpp"

namespace mqtt_sim::load {
namespace {

using Streams = std::vector<uint32_t>;

TEST(NumberSet, HasEachNumberOnceHoweverFarApart) {
  NumberSet set;
  for (const uint32_t number : {0u, 511u, 512u, 1u, 70'000u, UINT32_MAX}) {
    EXPECT_TRUE(set.insert(number)) << number;
    EXPECT_FALSE(set.insert(number)) << number;
  }
  EXPECT_EQ(set.size(), 6u);
}

TEST(NumberSet, AddedToAnotherTellsHowManyWereInBoth) {
  NumberSet even;
  NumberSet early;
  for (uint32_t i = 0; i < 2000; ++i) even.insert(2 * i);
  for (uint32_t i = 0; i < 2000; ++i) early.insert(i);
  EXPECT_EQ(even.add(early), 1000u);
  EXPECT_EQ(even.size(), 3000u);
  EXPECT_EQ(even.add({}), 0u);
}

TEST(ShareLedger, CountsAMessageOnceWhoeverGotIt) {
  const Streams streams = {3, 7};
  ShareLedger share(streams);
  EXPECT_EQ(share.receive(3, 0), true);
  EXPECT_EQ(share.receive(3, 5), true);
  EXPECT_EQ(share.receive(3, 1), true) << "by a slower member: that is no disorder";
  EXPECT_EQ(share.receive(3, 5), false);
  EXPECT_EQ(share.receive(4, 0), std::nullopt) << "not for this share";
  EXPECT_EQ(share.receive(8, 0), std::nullopt);
  const std::vector<uint32_t> sent = {0, 0, 0, 6, 0, 0, 0, 2};
  EXPECT_EQ(share.counts(sent), (LedgerCounts{8, 3, 5, 1, 0}));
}

TEST(ShareLedger, AddsUpWhatTheShardsGotWithWhatTwoOfThemGot) {
  const Streams streams = {0};
  ShareLedger all(streams);
  ShareLedger one(streams);
  ShareLedger other(streams);
  for (uint32_t i = 0; i < 600; ++i) (i % 2 == 0 ? one : other).receive(0, i);
  one.receive(0, 1);
  other.receive(0, 599);
  all.add(one);
  all.add(other);
  EXPECT_EQ(all.counts(std::vector<uint32_t>{600}), (LedgerCounts{600, 600, 0, 2, 0}));
  EXPECT_EQ(all.counts(std::vector<uint32_t>{601}), (LedgerCounts{601, 600, 1, 2, 0}));
}

TEST(ShareOfATopology, IsOneReceiverOfEachOfItsStreamsForAllItsMembers) {
  const Plan plan = plan_of({producers("cast", 3, "t/{i}"), consumers("workers", 4, {"$share/g/t/+"}),
                             consumers("others", 2, {"$share/h/t/+"}), consumers("more", 1, {"$share/g/t/+"}),
                             consumers("one", 1, {"t/1"}), consumers("own", 2, {"$share/{i}/t/2"})});
  const auto topology = Topology::make(plan);
  ASSERT_TRUE(topology);
  ASSERT_EQ(topology->shares().size(), 4u);
  EXPECT_EQ(topology->shares()[0].filter, "$share/g/t/+");
  EXPECT_EQ(topology->shares()[0].group, 1u);
  EXPECT_EQ(topology->shares()[0].streams, (Streams{0, 1, 2}));
  EXPECT_EQ(topology->shares()[3].streams, Streams{2});
  EXPECT_EQ(topology->streams()[0].copies, 2u);
  EXPECT_EQ(topology->streams()[1].copies, 3u);
  EXPECT_EQ(topology->streams()[2].copies, 4u);
  EXPECT_EQ(topology->heard_by(1, 0), Streams());
  EXPECT_EQ(topology->shares_of(1, 3), Streams{0});
  EXPECT_EQ(topology->shares_of(3, 0), Streams{0}) << "of another group, and the same share";
  EXPECT_EQ(topology->shares_of(5, 1), Streams{3});
  EXPECT_EQ(topology->shares_of(4, 0), Streams());
}

TEST(ShareOfATopology, MayStandBesideFiltersOfOtherTopicsOnly) {
  const auto is_taken = [](std::vector<std::string> filters) {
    const Plan plan = plan_of({producers("cast", 3, "t/{i}"), consumers("x", 2, std::move(filters))});
    return Topology::make(plan).has_value();
  };
  EXPECT_TRUE(is_taken({"$share/g/t/0", "t/1", "$share/g/t/2"}));
  EXPECT_TRUE(is_taken({"$share/g/t/0", "$share/g/t/0"}));
  EXPECT_FALSE(is_taken({"$share/g/t/0", "t/+"})) << "nobody could tell by which it came";
  EXPECT_FALSE(is_taken({"$share/g/t/0", "$share/h/t/0"}));
  EXPECT_FALSE(is_taken({"$share/g"}));
  EXPECT_FALSE(is_taken({"$share/+/t"}));
}

}  // namespace
}  // namespace mqtt_sim::load
