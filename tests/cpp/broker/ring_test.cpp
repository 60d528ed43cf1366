// The ring keeps order while it grows and wraps, and owns nothing when it has never been used.
#include "core/broker/ring.hpp"

#include <gtest/gtest.h>

#include <memory>

namespace mqtt_sim::broker {
namespace {

TEST(Ring, KeepsOrderWhileItWrapsAndGrows) {
  Ring<int> ring;
  int in = 0;
  int out = 0;
  for (int round = 1; round < 200; ++round) {
    for (int i = 0; i < round % 17; ++i) ring.push_back(in++);
    for (int i = 0; i < round % 13 && !ring.empty(); ++i) {
      ASSERT_EQ(ring.front(), out++);
      ring.pop_front();
    }
    for (size_t place = 0; place < ring.size(); ++place) ASSERT_EQ(ring[place], out + static_cast<int>(place));
  }
  EXPECT_GT(in, out);
}

TEST(Ring, LetsGoOfWhatIsPopped) {
  Ring<std::shared_ptr<int>> ring;
  const auto value = std::make_shared<int>(1);
  for (int i = 0; i < 5000; ++i) ring.push_back(value);
  while (!ring.empty()) ring.pop_front();
  EXPECT_EQ(value.use_count(), 1);
}

TEST(RingDeathTest, AccessOutsideIsOurMistake) {
  Ring<int> ring;
  EXPECT_DEATH(ring.front(), "place < size_");
}

}  // namespace
}  // namespace mqtt_sim::broker
