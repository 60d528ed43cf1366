#include "core/base/endpoint.hpp"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace mqtt_sim {
namespace {

TEST(CloseReason, EachHasANameOfItsOwn) {
  std::set<std::string> names;
  for (const CloseReason reason :
       {CloseReason::local, CloseReason::peer, CloseReason::reset, CloseReason::refused, CloseReason::unreachable,
        CloseReason::no_ports, CloseReason::descriptors, CloseReason::tls_failed, CloseReason::upgrade_refused,
        CloseReason::timed_out, CloseReason::breach}) {
    names.insert(to_string(reason));
  }
  EXPECT_EQ(names.size(), 11u);
  EXPECT_FALSE(names.contains("unknown"));
}

}  // namespace
}  // namespace mqtt_sim
