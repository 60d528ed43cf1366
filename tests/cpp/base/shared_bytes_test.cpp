#include "core/base/shared_bytes.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/cpp/base/live_allocations.hpp"

namespace mqtt_sim {
namespace {

TEST(SharedBytes, CopiesWhatItWasMadeFrom) {
  std::string text = "payload";
  const SharedBytes bytes(as_bytes(text));
  text[0] = 'X';
  EXPECT_EQ(as_text(bytes.view()), "payload");
  EXPECT_EQ(bytes.size(), 7u);
}

TEST(SharedBytes, NothingIsNotTheSameAsEmpty) {
  const SharedBytes nothing;
  const SharedBytes empty{ByteView{}};
  EXPECT_FALSE(nothing);
  EXPECT_TRUE(empty);
  EXPECT_EQ(nothing.size(), 0u);
  EXPECT_EQ(empty.size(), 0u);
  EXPECT_TRUE(nothing.view().empty());
  EXPECT_TRUE(empty.view().empty());
}

TEST(SharedBytes, OwnersShareOneBlockThatTheLastOneFrees) {
  const auto before = live_allocations();
  {
    SharedBytes first(as_bytes("shared"));
    EXPECT_EQ(live_allocations(), before + 1);
    SharedBytes second = first;
    SharedBytes third;
    third = second;
    EXPECT_EQ(live_allocations(), before + 1);
    EXPECT_EQ(second.view().data(), first.view().data());
    first = SharedBytes();
    second = SharedBytes();
    EXPECT_EQ(live_allocations(), before + 1);
    EXPECT_EQ(as_text(third.view()), "shared");
  }
  EXPECT_EQ(live_allocations(), before);
}

TEST(SharedBytes, AMoveLeavesNothingBehind) {
  const auto before = live_allocations();
  SharedBytes from(as_bytes("moved"));
  SharedBytes to = std::move(from);
  EXPECT_FALSE(from);
  EXPECT_EQ(as_text(to.view()), "moved");
  to = std::move(from);
  EXPECT_FALSE(to);
  EXPECT_EQ(live_allocations(), before);
}

TEST(SharedBytes, AssigningItselfOrOverAnotherKeepsTheCountRight) {
  const auto before = live_allocations();
  {
    SharedBytes a(as_bytes("a"));
    SharedBytes b(as_bytes("b"));
    const SharedBytes& same = a;
    a = same;
    EXPECT_EQ(as_text(a.view()), "a");
    b = a;
    EXPECT_EQ(live_allocations(), before + 1);
    EXPECT_EQ(as_text(b.view()), "a");
  }
  EXPECT_EQ(live_allocations(), before);
}

}  // namespace
}  // namespace mqtt_sim
