// Contents composed outside, from request to report, in both times; and the port by itself.
#include "core/engine/content_port.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <nlohmann/json.hpp>
#include <thread>

#include "core/engine/run.hpp"
#include "tests/cpp/engine/plan_text.hpp"

namespace mqtt_sim::engine {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

json composed_plan(const char* driver, uint32_t pairs) {
  json plan = plan_part(driver, pairs, 1);
  plan["groups"][0]["publish"]["payload"] = {{"kind", "composed"}};
  return plan;
}

// Composes on a thread of its own until the port is closed.
class Composer {
 public:
  explicit Composer(std::shared_ptr<ContentPort> port) : port_(std::move(port)), thread_([this] { compose(); }) {}
  ~Composer() {
    port_->close();
    thread_.join();
  }
  Composer(const Composer&) = delete;
  Composer& operator=(const Composer&) = delete;
  size_t batches() const { return batches_; }

 private:
  void compose() {
    while (const auto wanted = port_->take(100ms)) {
      if (wanted->empty()) continue;
      ++batches_;
      std::vector<load::ComposedContents> ready;
      for (const load::ContentRequest& one : *wanted) {
        ready.push_back({one.stream, {}});
        for (uint64_t n = one.first; n < one.first + one.count; ++n)
          ready.back().contents.push_back({"", "message " + std::to_string(n), false});
      }
      EXPECT_TRUE(port_->put(std::move(ready)));
    }
  }

  std::shared_ptr<ContentPort> port_;
  std::atomic<size_t> batches_ = 0;
  std::thread thread_;
};

struct Played {
  json result;
  size_t batches = 0;
};

Played play(const json& plan) {
  auto run = Run::make(plan.dump());
  EXPECT_TRUE(run);
  Composer composer((*run)->contents());
  EXPECT_FALSE((*run)->start());
  return {json::parse((*run)->result()), composer.batches()};
}

TEST(ContentPort, ARunWithoutSuchGroupsHasNone) {
  EXPECT_EQ((*Run::make(plan_part("sim", 1, 1).dump()))->contents(), nullptr);
}

TEST(ContentPort, InVirtualTimeTheRunWaitsAndIsTheSameEachTime) {
  const auto once = [] { return play(composed_plan("sim", 20)); };
  const Played first = once();
  EXPECT_TRUE(first.result["failure"].is_null());
  EXPECT_EQ(first.result["counts"]["written"], 20 * 25);
  EXPECT_EQ(first.result["counts"]["lost"], 0);
  EXPECT_EQ(first.result["counts"]["delivered"], 2 * 20 * 25);
  EXPECT_EQ(first.result["groups"][0]["counts"]["content_late"], 0);
  EXPECT_EQ(first.result["metrics"]["lateness"]["max"], 0);
  EXPECT_EQ(first.batches, 1u) << "all messages of the plan were asked for at once";
  const Played second = once();
  EXPECT_EQ(first.result.dump(), second.result.dump());
  EXPECT_EQ(first.batches, second.batches);
}

TEST(ContentPort, CarriesContentsInRealTimeToSeveralShards) {
  json plan = composed_plan("net", 7);
  plan["shards"] = 2;
  const Played played = play(plan);
  EXPECT_TRUE(played.result["failure"].is_null()) << played.result["failure"];
  EXPECT_EQ(played.result["counts"]["written"], 7 * 25);
  EXPECT_EQ(played.result["counts"]["lost"], 0);
  EXPECT_LT(played.batches, 60u);
}

TEST(ContentPort, ARunWhoseComposerIsGoneEndsWhenInterrupted) {
  for (const char* driver : {"sim", "net"}) {
    auto run = Run::make(composed_plan(driver, 3).dump());
    (*run)->contents()->close();
    ASSERT_FALSE((*run)->start());
    (*run)->interrupt();
    const json result = json::parse((*run)->result());
    EXPECT_EQ(result["interrupted"], true);
    EXPECT_EQ(result["counts"]["written"], 0);
  }
}

TEST(ContentPort, ARunThatIsForgottenDoesNotWaitForItsComposer) {
  auto run = Run::make(composed_plan("sim", 3).dump());
  ASSERT_FALSE((*run)->start());  // and nobody composes
  run->reset();
}

TEST(ContentPort, TakesNoMoreThanItsLimitOfBytes) {
  const load::Plan plan = *load::parse_plan(composed_plan("net", 1).dump());
  const load::Topology topology = *load::Topology::make(plan);
  ContentPort port(plan, topology, 1600);
  port.close();  // so that nothing is carried anywhere
  const auto hundred = [] { return std::vector<load::ComposedContents>{{0, {{"", std::string(100, 'x'), false}}}}; };
  EXPECT_TRUE(port.has_room());
  for (int i = 0; i < 16; ++i) EXPECT_TRUE(port.put(hundred()));
  EXPECT_FALSE(port.has_room());
  EXPECT_FALSE(port.put(hundred()));
  port.note_taken(1601);
  EXPECT_TRUE(port.has_room()) << "what has been sent makes room";
}

TEST(ContentPort, GivesABatchOfLimitedSizeAndTheRestNextTime) {
  auto run = Run::make(composed_plan("net", 2).dump());
  ContentPort& port = *(*run)->contents();
  port.ask({0, 0, ContentPort::kBatchLimit - 1, {}});
  port.ask({1, 0, 10, {}});
  const auto first = port.take(1s);
  ASSERT_TRUE(first);
  ASSERT_EQ(first->size(), 2u);
  EXPECT_EQ((*first)[1].count, 1u);
  const auto second = port.take(1s);
  ASSERT_EQ(second->size(), 1u);
  EXPECT_EQ((*second)[0].first, 1u);
  EXPECT_EQ((*second)[0].count, 9u);
  EXPECT_TRUE(port.take(0s)->empty());
  port.close();
  EXPECT_FALSE(port.take(0s));
}

}  // namespace
}  // namespace mqtt_sim::engine
