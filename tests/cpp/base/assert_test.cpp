#include "core/base/assert.hpp"

#include <gtest/gtest.h>

#include <string>
#include <thread>

#include "core/base/expected.hpp"

namespace mqtt_sim {
namespace {

TEST(Assert, PassesWhatIsTrueAndEvaluatesItOnce) {
  int evaluated = 0;
  MQTT_SIM_ASSERT(++evaluated == 1);
  EXPECT_EQ(evaluated, 1);
}

TEST(AssertDeathTest, NamesExpressionPlaceSeedAndInstant) {
  const auto fail = [] {
    assert_context() = {.seed = 77, .now = instant_from_ns(1234)};
    MQTT_SIM_ASSERT(1 + 1 == 3);
  };
  EXPECT_DEATH(fail(), R"(assertion failed: 1 \+ 1 == 3 \(.*assert_test\.cpp:[0-9]+\) seed=77 now_ns=1234)");
}

TEST(Assert, EachThreadHasItsOwnContext) {
  assert_context().seed = 5;
  uint64_t seed_elsewhere = 99;
  std::thread([&] { seed_elsewhere = assert_context().seed; }).join();
  EXPECT_EQ(seed_elsewhere, 0u);
  EXPECT_EQ(assert_context().seed, 5u);
}

TEST(Expected, HoldsAValueOrAnError) {
  const Expected<int> value = 7;
  const Expected<int> error = make_error(0x87, "not authorized");
  EXPECT_EQ(value.value(), 7);
  ASSERT_TRUE(error.has_error());
  EXPECT_EQ(error.error(), (Error{.reason = 0x87, .text = "not authorized"}));
  EXPECT_NE(error.error(), (Error{.reason = 0x80, .text = "not authorized"}));
}

TEST(ExpectedDeathTest, TheValueOfAnErrorIsOurMistake) {
  const Expected<int> error = make_error(0x80, "not here");
  EXPECT_DEATH((void)error.value(), "value\\(\\) of an error: not here(.|\n)*Expected holds a value");
}

}  // namespace
}  // namespace mqtt_sim
