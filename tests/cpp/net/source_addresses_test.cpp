#include "core/net/source_addresses.hpp"

#include <gtest/gtest.h>

#include <string>

namespace mqtt_sim::net {
namespace {

const auto kLoopback = boost::asio::ip::make_address("127.0.0.1");
const auto kElsewhere = boost::asio::ip::make_address("192.0.2.7");
const auto kLoopback6 = boost::asio::ip::make_address("::1");

SourceAddresses of(std::initializer_list<const char*> literals) {
  std::vector<SourceAddresses::Address> listed;
  for (const char* literal : literals) listed.push_back(boost::asio::ip::make_address(literal));
  return SourceAddresses(listed);
}

std::string chosen(SourceAddresses& sources, const SourceAddresses::Address& target) {
  const auto choice = sources.choose(target);
  if (!choice) return "none";
  return choice->address ? choice->address->to_string() : "system";
}

TEST(SourceAddresses, leaves_the_choice_to_the_system_when_none_are_listed) {
  SourceAddresses sources = of({});
  for (const auto& target : {kLoopback, kElsewhere, kLoopback6}) EXPECT_EQ(chosen(sources, target), "system");
}

TEST(SourceAddresses, uses_the_listed_ones_in_turn) {
  SourceAddresses sources = of({"127.0.0.5", "127.0.0.6", "127.0.0.7"});
  EXPECT_EQ(sources.count(kLoopback), 3u);
  for (const char* expected : {"127.0.0.5", "127.0.0.6", "127.0.0.7", "127.0.0.5"}) {
    EXPECT_EQ(chosen(sources, kLoopback), expected);
  }
}

TEST(SourceAddresses, a_connect_that_must_try_again_gets_every_listed_one_whatever_others_do) {
  SourceAddresses sources = of({"127.0.0.5", "::1", "127.0.0.6", "127.0.0.7"});
  const auto first = *sources.choose(kLoopback);
  sources.choose(kLoopback);
  const auto second = *sources.choose_instead(first, kLoopback);
  sources.choose(kLoopback);
  const auto third = *sources.choose_instead(second, kLoopback);
  EXPECT_EQ(first.address->to_string(), "127.0.0.5");
  EXPECT_EQ(second.address->to_string(), "127.0.0.6");
  EXPECT_EQ(third.address->to_string(), "127.0.0.7");
}

TEST(SourceAddresses, passes_over_listed_ones_of_the_other_family) {
  SourceAddresses sources = of({"127.0.0.5", "::1", "127.0.0.6"});
  EXPECT_EQ(sources.count(kLoopback6), 1u);
  EXPECT_EQ(chosen(sources, kLoopback6), "::1");
  EXPECT_EQ(chosen(sources, kLoopback), "127.0.0.6");
  EXPECT_EQ(chosen(sources, kLoopback), "127.0.0.5");
  SourceAddresses only6 = of({"::1"});
  EXPECT_EQ(only6.count(kLoopback), 0u);
  EXPECT_EQ(chosen(only6, kLoopback), "none");
}

TEST(SourceAddresses, falls_over_through_loopback_when_ports_run_out) {
  SourceAddresses sources = of({});
  EXPECT_EQ(sources.count(kLoopback), 254u);
  std::vector<std::string> used;
  for (int i = 0; i < 254; ++i) {
    used.push_back(chosen(sources, kLoopback));
    sources.choose_instead(*sources.choose(kLoopback), kLoopback);
  }
  EXPECT_EQ(used[0], "system");
  EXPECT_EQ(used[1], "127.0.0.2");
  EXPECT_EQ(used[253], "127.0.0.254");
  EXPECT_EQ(chosen(sources, kLoopback), "system") << "begins anew after the last";
}

TEST(SourceAddresses, stays_with_a_source_that_has_ports) {
  SourceAddresses sources = of({});
  sources.choose_instead(*sources.choose(kLoopback), kLoopback);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(chosen(sources, kLoopback), "127.0.0.2");
}

TEST(SourceAddresses, moves_on_once_when_several_connects_find_the_same_one_exhausted) {
  SourceAddresses sources = of({});
  const auto first = *sources.choose(kLoopback);
  sources.choose_instead(first, kLoopback);
  sources.choose_instead(first, kLoopback);
  EXPECT_EQ(chosen(sources, kLoopback), "127.0.0.2");
}

TEST(SourceAddresses, does_not_fall_over_outside_loopback) {
  SourceAddresses sources = of({});
  for (const auto& target : {kElsewhere, kLoopback6}) {
    EXPECT_EQ(sources.count(target), 1u);
    sources.choose_instead(*sources.choose(target), target);
    EXPECT_EQ(chosen(sources, target), "system");
  }
}

}  // namespace
}  // namespace mqtt_sim::net
