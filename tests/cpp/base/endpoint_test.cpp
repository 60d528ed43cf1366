#include "core/base/endpoint.hpp"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace mqtt_sim {
namespace {

TEST(CloseReason, EachHasANameOfItsOwn) {
  std::set<std::string> names;
  for (const CloseReason reason : {CloseReason::local, CloseReason::peer, CloseReason::reset, CloseReason::refused,
                                   CloseReason::unreachable, CloseReason::no_ports, CloseReason::descriptors}) {
    names.insert(to_string(reason));
  }
  EXPECT_EQ(names.size(), 7u);
  EXPECT_FALSE(names.contains("unknown"));
}

}  // namespace
}  // namespace mqtt_sim
