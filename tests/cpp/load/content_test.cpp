// Messages that somebody outside composes: what is asked for ahead, what becomes of them, and of those that come late.
#include "core/load/content.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "core/load/sparse_ledger.hpp"
#include "tests/cpp/load/fleet_run.hpp"

namespace mqtt_sim::load {
namespace {

using namespace std::chrono_literals;
using metrics::Counter;
using metrics::Metric;

// Composes whenever the test wants it; in virtual time at once.
class Composer final : public ContentSource {
 public:
  void ask(const ContentRequest& request) override { asked.push_back(request); }
  std::vector<ComposedContents> await() override { return compose(); }
  void note_taken(size_t) override {}
  bool has_room() const override { return has_room_; }

  std::vector<ComposedContents> compose() {
    std::vector<ComposedContents> ready;
    for (const ContentRequest& request : asked) {
      ++requests;
      ComposedContents& one = ready.emplace_back(ComposedContents{request.stream, {}});
      for (uint64_t n = request.first; n < request.first + request.count && n < silent_from; ++n)
        one.contents.push_back({topic, payload + std::to_string(n) + "}", true});
    }
    asked.clear();
    return ready;
  }

  std::vector<ContentRequest> asked;
  size_t requests = 0;
  std::string topic;
  std::string payload = R"({"n":)";
  uint64_t silent_from = UINT64_MAX;
  bool has_room_ = true;
};

Plan composed_plan(uint32_t count = 1, double rate = 10, bool is_virtual = true) {
  GroupPlan cast = producers("cast", count, "t/{i}");
  cast.publish->rate_per_s = rate;
  cast.publish->payload.kind = PayloadKind::composed;
  cast.publish->stamp = StampKind::by_content;
  Plan plan = plan_of({cast, consumers("audience", 1, {"t/#", "t/0"})}, 2s);
  plan.is_virtual = is_virtual;
  return plan;
}

struct ComposedRun : FleetRun {
  explicit ComposedRun(Plan given) : FleetRun(std::move(given)) { context.contents = &composer; }
  void deliver() { fleet.take_contents(composer.compose(), driver.now()); }
  Composer composer;
};

Plan with_composed_topics(Plan plan) {
  plan.groups[0].publish->has_composed_topic = true;
  plan.groups[0].publish->topic.clear();
  return plan;
}

// ---- what is asked for

TEST(ContentShelf, AsksAheadOfTimeAndNoFurtherThanThePlan) {
  ContentShelf shelf(3, 10);
  const auto first = shelf.want(0, 25, true);
  ASSERT_TRUE(first);
  EXPECT_EQ(first->stream, 3u);
  EXPECT_EQ(first->first, 0u);
  EXPECT_EQ(first->count, 10u);
  EXPECT_FALSE(shelf.want(4, 25, true)) << "enough is on its way";
  const auto second = shelf.want(5, 25, true);
  ASSERT_TRUE(second);
  EXPECT_EQ(second->first, 10u);
  EXPECT_EQ(second->count, 5u);
  EXPECT_EQ(shelf.want(16, 25, true)->count, 10u);
  EXPECT_FALSE(shelf.want(24, 25, true)) << "all of the plan was asked for";
}

TEST(ContentShelf, WithoutRoomAsksForNothingButTheNextMessage) {
  ContentShelf shelf(0, 10);
  EXPECT_EQ(shelf.want(0, 100, false)->count, 1u);
  EXPECT_FALSE(shelf.want(0, 100, false));
  EXPECT_EQ(shelf.want(1, 100, false)->count, 1u);
}

TEST(ContentShelf, KeepsToItsLimitOverAllStreams) {
  Plan plan = composed_plan(1, 1'000'000, false);
  EXPECT_EQ(ContentShelf::ahead_of(plan, *plan.groups[0].publish), ContentShelf::kReadyLimit);
  plan.groups[0].count = 50'000;
  EXPECT_EQ(ContentShelf::ahead_of(plan, *plan.groups[0].publish), 2u);
  plan.groups[0].count = 1'000'000;
  EXPECT_EQ(ContentShelf::ahead_of(plan, *plan.groups[0].publish), 1u);
  plan.groups[0].count = 1;
  plan.groups[0].publish->rate_per_s = 1;
  EXPECT_EQ(ContentShelf::ahead_of(plan, *plan.groups[0].publish), 2u);
  plan.groups[0].publish->rate_per_s = 0;
  EXPECT_EQ(ContentShelf::ahead_of(plan, *plan.groups[0].publish), ContentShelf::kUnpacedAhead);
  plan.is_virtual = true;
  EXPECT_EQ(ContentShelf::ahead_of(plan, *plan.groups[0].publish), ContentShelf::kVirtualAhead);
}

// ---- in virtual time

TEST(ComposedContent, IsSentAtTheTimesOfThePlanWithItsStampInside) {
  ComposedRun run(composed_plan(2));
  run.play();
  ASSERT_EQ(run.driver.arrivals.size(), 40u);
  EXPECT_TRUE(run.driver.arrivals[0].payload.starts_with(R"({"n":0,"stamp":")"));
  EXPECT_EQ(run.arrival_times()[2], 100ms);
  EXPECT_EQ(run.count(Counter::delivered), 40u);
  EXPECT_EQ(run.histogram(Metric::lateness).max(), 0);
  EXPECT_EQ(run.composer.requests, 2u) << "twenty messages each are asked for at once";
  EXPECT_EQ(run.audit()[1].ledger, (LedgerCounts{40, 40, 0, 0, 0}));
}

TEST(ComposedContent, ThatIsNoObjectHasItsStampBehindIt) {
  ComposedRun run(composed_plan());
  run.composer.payload = "text";
  run.play();
  for (const Arrival& arrival : run.driver.arrivals) EXPECT_TRUE(arrival.stamp);
  EXPECT_EQ(run.count(Counter::delivered), 20u);
}

TEST(ComposedContent, AtFullSpeedComesInBatches) {
  Plan plan = composed_plan();
  plan.groups[0].publish->rate_per_s = 0;
  plan.groups[0].publish->messages = 1000;
  ComposedRun run(std::move(plan));
  run.play();
  EXPECT_EQ(run.count(Counter::delivered), 1000u);
  EXPECT_EQ(run.composer.requests, 16u);  // 64 at a time
}

TEST(ComposedContent, WhenNobodyComposesAnyMoreTheRestIsMissing) {
  ComposedRun run(composed_plan());
  run.composer.silent_from = 5;
  run.start();
  run.run_for(3s);
  run.fleet.finish(run.driver.now());
  EXPECT_EQ(run.driver.arrivals.size(), 5u);
  EXPECT_EQ(run.status().offered, 5u);
  EXPECT_EQ(run.audit()[0].content_late, 15u);
}

// ---- in real time

TEST(ComposedContent, IsAwaitedBeforeTheRunBegins) {
  ComposedRun run(composed_plan(3, 10, false));
  run.connect();
  EXPECT_EQ(run.status().uncomposed, 3u);
  EXPECT_EQ(run.composer.asked.size(), 3u);
  run.deliver();
  EXPECT_EQ(run.status().uncomposed, 0u);
}

TEST(ComposedContent, ThatComesLateIsLateAndCounted) {
  ComposedRun run(composed_plan(1, 10, false));  // six ahead
  run.connect();
  run.deliver();
  run.zero = run.driver.now();
  run.fleet.start(run.zero);
  run.run_for(1s);
  EXPECT_EQ(run.driver.arrivals.size(), 6u) << "no more were composed";
  EXPECT_EQ(run.status().offered, 6u);
  run.deliver();
  run.run_for(0s);
  EXPECT_EQ(run.driver.arrivals.size(), 11u);
  EXPECT_EQ(run.audit()[0].content_late, 4u) << "the one that is due now is in time";
  EXPECT_EQ(run.histogram(Metric::lateness).max(), to_ns(400ms));
  EXPECT_EQ(run.status().backlog, 0u);
}

TEST(ComposedContent, AtFullSpeedWaitsForMoreWithoutTakingItForLost) {
  Plan plan = composed_plan(1, 10, false);
  plan.groups[0].publish->rate_per_s = 0;
  plan.groups[0].publish->in_flight = 100;
  ComposedRun run(std::move(plan));
  run.connect();
  run.deliver();
  run.fleet.start(run.driver.now());
  run.run_for(1500ms);
  EXPECT_EQ(run.driver.arrivals.size(), 1024u);
  run.deliver();
  run.run_for(100ms);
  EXPECT_GT(run.driver.arrivals.size(), 1024u);
  EXPECT_EQ(run.audit()[0].content_late, 0u);
}

// ---- topics by message

TEST(ComposedTopic, EachMessageIsExpectedByWhoeverHearsItsTopic) {
  ComposedRun run(with_composed_topics(composed_plan(2)));
  run.composer.topic = "t/0";  // two filters of one client: one copy
  run.play();
  EXPECT_EQ(run.driver.arrivals.front().topic, "t/0");
  std::vector<GroupTally> tallies = run.audit();
  EXPECT_EQ(tallies[1].expected_by_topic, 40u);
  tallies[1].settle_by_topic();
  EXPECT_EQ(tallies[1].ledger.expected, 40u);
  EXPECT_EQ(tallies[1].ledger.delivered + tallies[1].ledger.lost, 40u);
}

TEST(ComposedTopic, ThatNobodyHearsIsMissedByNobody) {
  ComposedRun run(with_composed_topics(composed_plan()));
  run.composer.topic = "elsewhere";
  run.play();
  EXPECT_EQ(run.driver.arrivals.size(), 20u);
  EXPECT_EQ(run.status().expected, 0u);
  EXPECT_EQ(run.audit()[1].expected_by_topic, 0u);
}

TEST(ComposedTopic, WhatTheServerLosesIsCountedLost) {
  ComposedRun run(with_composed_topics(composed_plan()));
  run.composer.topic = "t/1";
  run.driver.script.copies_of = [](size_t n) { return n < 3 ? 0 : 1; };
  run.play();
  GroupTally tally = run.audit()[1];
  tally.settle_by_topic();
  EXPECT_EQ(tally.ledger, (LedgerCounts{20, 17, 3, 0, 0}));
}

TEST(SparseLedger, JudgesWhatArrivesAndCallsNoGapALoss) {
  SparseLedger ledger;
  EXPECT_TRUE(ledger.receive(3));
  EXPECT_TRUE(ledger.receive(10));
  EXPECT_FALSE(ledger.receive(10)) << "a duplicate";
  EXPECT_TRUE(ledger.receive(5)) << "behind a later one";
  EXPECT_FALSE(ledger.receive(3));
  for (uint32_t n = 100; n < 200; n += 2) EXPECT_TRUE(ledger.receive(n));
  EXPECT_FALSE(ledger.receive(5)) << "sent again long after";
  EXPECT_EQ(ledger.counts(), (LedgerCounts{53, 53, 0, 3, 1}));
}

TEST(TopologyWithOwnTopics, AnAudienceCountsEachClientOnce) {
  Plan plan = with_composed_topics(composed_plan());
  plan.groups.push_back(consumers("others", 3, {"t/{i}"}));
  const Topology topology = *Topology::make(plan);
  const auto audience = topology.audience_of("t/0");
  ASSERT_EQ(audience.size(), 2u);
  EXPECT_EQ(audience[0].group, 1u);
  EXPECT_EQ(audience[0].clients, 1u);
  EXPECT_EQ(audience[1].group, 2u);
  EXPECT_EQ(audience[1].clients, 1u);
  EXPECT_TRUE(topology.audience_of("u").empty());
  EXPECT_TRUE(topology.heard_by(1, 0).empty()) << "which messages it hears depends on each";
}

}  // namespace
}  // namespace mqtt_sim::load
