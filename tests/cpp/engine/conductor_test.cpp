#include "core/engine/conductor.hpp"

#include <gtest/gtest.h>

#include "tests/cpp/engine/plan_text.hpp"

namespace mqtt_sim::engine {
namespace {

using std::chrono::milliseconds;

// A conductor of two shards with five and six clients, and half a second to run.
class Conducting : public ::testing::Test {
 protected:
  Conducting() {
    nlohmann::json document = plan_part("net", 5, 1);
    document["shards"] = 2;
    plan_ = *load::parse_plan(document.dump());
    conductor_ = std::make_unique<Conductor>(plan_);
    statuses_[0].clients = 5;
    statuses_[1].clients = 6;
  }

  Directive report(uint32_t shard, milliseconds at, std::optional<load::Failure> failure = {}) {
    return conductor_->report(shard, statuses_[shard], failure, Instant{} + at);
  }
  // Both shards connected; the run's time zero is 120 ms.
  void get_running() {
    for (load::FleetStatus& status : statuses_) status.ready = status.up = status.clients;
    report(0, milliseconds(50));
    const Directive directive = report(1, milliseconds(100));
    ASSERT_EQ(directive.phase, Phase::running);
    ASSERT_EQ(directive.start, Instant{} + milliseconds(120));
  }

  load::Plan plan_;
  std::unique_ptr<Conductor> conductor_;
  load::FleetStatus statuses_[2];
};

TEST_F(Conducting, starts_only_when_the_last_client_of_all_shards_is_ready) {
  statuses_[0].ready = statuses_[0].up = 5;
  statuses_[1].ready = statuses_[1].up = 5;
  EXPECT_EQ(report(0, milliseconds(10)).phase, Phase::connecting);
  EXPECT_EQ(report(1, milliseconds(20)).phase, Phase::connecting);
  statuses_[1].ready = 6;
  EXPECT_EQ(report(1, milliseconds(30)).phase, Phase::running);
}

TEST_F(Conducting, a_client_that_cannot_be_brought_up_ends_the_run) {
  statuses_[0].failed = 2;
  EXPECT_EQ(report(0, milliseconds(10), load::Failure{"refused", "no", 0x87, 2}).phase, Phase::finishing);
  EXPECT_EQ(conductor_->failure()->kind, "refused");
  EXPECT_EQ(conductor_->failure()->clients, 2u);
}

TEST_F(Conducting, drains_when_the_time_is_over_and_calls_nothing_off) {
  get_running();
  EXPECT_EQ(report(0, milliseconds(619)).phase, Phase::running);
  statuses_[0].planned = 100;
  statuses_[0].offered = 90;
  statuses_[0].backlog = 1;
  const Directive directive = report(0, milliseconds(620));
  EXPECT_EQ(directive.phase, Phase::draining);
  EXPECT_FALSE(directive.is_interrupted);
  EXPECT_EQ(conductor_->sending_ended(), Instant{} + milliseconds(620));
}

TEST_F(Conducting, waits_for_what_is_under_way_but_not_for_ever) {
  get_running();
  statuses_[1].expected = 10;
  statuses_[1].received = 9;
  report(1, milliseconds(620));
  EXPECT_EQ(report(0, milliseconds(2600)).phase, Phase::draining);
  EXPECT_EQ(report(0, milliseconds(2620)).phase, Phase::finishing) << "the plan's drain is two seconds";
}

TEST_F(Conducting, is_quiet_once_every_copy_has_arrived) {
  get_running();
  statuses_[0].expected = 10;
  report(0, milliseconds(620));
  EXPECT_EQ(report(1, milliseconds(630)).phase, Phase::draining);
  statuses_[1].received = 10;
  EXPECT_EQ(report(1, milliseconds(640)).phase, Phase::finishing);
}

TEST_F(Conducting, an_interruption_calls_off_what_is_still_to_fall_due) {
  get_running();
  conductor_->interrupt();
  const Directive directive = report(0, milliseconds(200));
  EXPECT_EQ(directive.phase, Phase::draining);
  EXPECT_TRUE(directive.is_interrupted);
  EXPECT_TRUE(conductor_->was_interrupted());
  EXPECT_EQ(conductor_->sending_ended(), Instant{} + milliseconds(200));
}

TEST_F(Conducting, the_loss_of_every_client_is_a_failure) {
  get_running();
  statuses_[0].up = 0;
  EXPECT_EQ(report(0, milliseconds(200)).phase, Phase::running) << "the other shard has clients left";
  statuses_[1].up = 0;
  EXPECT_EQ(report(1, milliseconds(210)).phase, Phase::finishing);
  EXPECT_EQ(conductor_->failure()->kind, "broker_lost");
}

TEST_F(Conducting, is_done_when_all_have_closed_or_after_two_seconds) {
  get_running();
  report(0, milliseconds(620));
  report(0, milliseconds(621));
  statuses_[0].finished = 5;
  EXPECT_EQ(report(0, milliseconds(700)).phase, Phase::finishing);
  EXPECT_EQ(report(0, milliseconds(2621)).phase, Phase::done);
}

TEST_F(Conducting, abort_is_done_at_once) {
  get_running();
  conductor_->abort();
  EXPECT_EQ(report(1, milliseconds(200)).phase, Phase::done);
  EXPECT_TRUE(conductor_->was_interrupted());
}

}  // namespace
}  // namespace mqtt_sim::engine
