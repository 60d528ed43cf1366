// Two fleets of one run, and what goes between them.
#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "core/load/dialogue.hpp"
#include "core/load/fleet.hpp"
#include "tests/cpp/load/print.hpp"
#include "tests/cpp/load/sample_plan.hpp"
#include "tests/cpp/load/scripted_driver.hpp"

namespace mqtt_sim::load {
namespace {

using namespace std::chrono_literals;

// Two fleets on one driver; credits wait until carried over.
struct TwoShards {
  explicit TwoShards(Plan given) : plan(std::move(given)), topology(*Topology::make(plan)) {
    for (uint32_t shard = 0; shard < 2; ++shard) {
      fleets.push_back(std::make_unique<Fleet>(context, shard, [this](uint32_t to, std::vector<Credit> credits) {
        ++handed_over[to];
        mail[to].insert(mail[to].end(), credits.begin(), credits.end());
      }));
      fleets.back()->board(driver, std::vector<Target>(plan.groups.size()));
      fleets.back()->connect_all(driver.now());
    }
    driver.run_until(driver.now() + 1s);
    for (auto& fleet : fleets) fleet->start(driver.now());
  }
  void carry_mail() {
    for (uint32_t shard = 0; shard < 2; ++shard)
      fleets[shard]->take_credits(std::exchange(mail[shard], {}), driver.now());
  }

  Plan plan;
  Topology topology;
  std::vector<std::string> rendered = render_rows(plan.corpus);
  RunContext context{plan, topology, rendered, 5, {}};
  std::array<std::vector<Credit>, 2> mail;
  std::array<uint32_t, 2> handed_over{};
  std::vector<std::unique_ptr<Fleet>> fleets;
  ScriptedDriver driver;
};

Plan crossing_plan(double rate_per_s) {
  GroupPlan cast = producers("cast", 3, "t/{i}");
  cast.publish->rate_per_s = rate_per_s;
  cast.publish->in_flight = 5;
  Plan plan = plan_of({cast, consumers("audience", 3, {"t/#"})}, 2s);
  plan.shards = 2;
  return plan;
}

TEST(ShardedFleet, EachHasEverySecondClientOfAGroup) {
  TwoShards shards(crossing_plan(10));
  EXPECT_EQ(shards.fleets[0]->status().clients, 4u);
  EXPECT_EQ(shards.fleets[1]->status().clients, 2u);
  EXPECT_EQ(shards.fleets[0]->status().ready, 4u);
  EXPECT_EQ(shards.fleets[1]->status().ready, 2u);
}

uint32_t copies_of(const std::vector<Credit>& credits) {
  return std::accumulate(credits.begin(), credits.end(), 0u,
                         [](uint32_t sum, const Credit& credit) { return sum + credit.copies; });
}

TEST(ShardedFleet, TheWindowOpensByArrivalsOnTheOtherShard) {
  TwoShards shards(crossing_plan(0));
  shards.driver.script.latency = 1ms;
  shards.driver.run_until(shards.driver.now() + 500ms);
  // A stream stops when five times three copies are not known to have arrived: at 13 messages with two receivers at
  // home, at 7 with one.
  EXPECT_EQ(shards.driver.arrivals.size(), 13u + 7u + 13u);
  EXPECT_GT(shards.handed_over[0], 0u);
  EXPECT_GT(shards.handed_over[1], 0u);
  EXPECT_EQ(copies_of(shards.mail[0]), 2u * 13u * 1u) << "two streams of shard 0, one receiver on shard 1";
  EXPECT_EQ(copies_of(shards.mail[1]), 1u * 7u * 2u);
  shards.carry_mail();
  shards.driver.run_until(shards.driver.now() + 100ms);
  EXPECT_EQ(shards.driver.arrivals.size(), 2u * (13u + 7u + 13u));
}

TEST(ShardedFleet, ConnectsAtTheRateOfThePlanAcrossShards) {
  Plan plan = crossing_plan(10);
  plan.connect_rate_per_s = 10;
  const TwoShards shards(std::move(plan));
  std::vector<Duration> openings;
  for (const Instant opening : shards.driver.openings) openings.push_back(opening.time_since_epoch());
  EXPECT_EQ(openings, (std::vector<Duration>{0ms, 100ms, 200ms, 300ms, 400ms, 600ms}))
      << "each shard has every second turn";
}

TEST(ShardedFleet, ArrivalsReadAtOnceAreOneCredit) {
  TwoShards shards(crossing_plan(0));
  shards.driver.script.latency = 1ms;
  shards.driver.run_until(shards.driver.now() + 2500us);  // the first five of each stream have been read
  ASSERT_EQ(shards.mail[0].size(), 2u);
  EXPECT_EQ(shards.mail[0][0].copies, 5u);
  EXPECT_EQ(shards.mail[0][1].copies, 5u);
}

TEST(ShardedFleet, PacedStreamsNeedNoMail) {
  TwoShards shards(crossing_plan(10));
  shards.driver.run_until(shards.driver.now() + 3s);
  EXPECT_EQ(shards.handed_over, (std::array<uint32_t, 2>{0, 0}));
}

TEST(ShardedFleet, AccountsAddUpOverTheShards) {
  TwoShards shards(crossing_plan(10));
  shards.driver.run_until(shards.driver.now() + 3s);
  std::vector<uint32_t> sent(3);
  for (const auto& fleet : shards.fleets) fleet->report_sent(sent);
  EXPECT_EQ(sent, (std::vector<uint32_t>{20, 20, 20}));
  FleetStatus total;
  LedgerCounts ledger;
  for (const auto& fleet : shards.fleets) {
    const FleetStatus status = fleet->status();
    total.planned += status.planned;
    total.offered += status.offered;
    total.expected += status.expected;
    total.received += status.received;
    ledger += fleet->audit(sent)[1].ledger;
  }
  EXPECT_EQ(total.planned, 60u);
  EXPECT_EQ(total.offered, 60u);
  EXPECT_EQ(total.expected, 180u);
  EXPECT_EQ(total.received, 180u);
  EXPECT_EQ(ledger, (LedgerCounts{180, 180, 0, 0, 0}));
}

}  // namespace
}  // namespace mqtt_sim::load
