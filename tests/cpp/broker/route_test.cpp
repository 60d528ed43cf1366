// Resolved routes: one entry for each session, renewed when a subscription changes, bounded.
#include "core/broker/route.hpp"

#include <gtest/gtest.h>

#include "core/broker/session.hpp"

namespace mqtt_sim::broker {
namespace {

class RouteTest : public testing::Test {
 protected:
  Subscription& add(Session& session, std::string_view filter, protocol::SubscriptionOptions options = {}) {
    Subscription& subscription = session.subscriptions[std::string(filter)];
    subscription.session = &session;
    subscription.options = options;
    index.insert(filter, subscription);
    return subscription;
  }
  void remove(Session& session, std::string_view filter) {
    const auto place = session.subscriptions.find(filter);
    index.erase(filter, place->second);
    session.subscriptions.erase(place);
  }
  BrokerOptions limits;
  SubscriptionIndex index;
  RouteCache routes{index, limits};
  Session a{"a", 1};
  Session b{"b", 2};
};

TEST_F(RouteTest, HoldsEachSessionOnceAtItsHighestQos) {
  add(a, "t/+", {.qos = protocol::QoS::at_least_once});
  add(a, "t/#", {.qos = protocol::QoS::exactly_once, .retain_as_published = true});
  add(b, "t/x");
  const Route& route = routes.find("t/x");
  ASSERT_EQ(route.targets.size(), 2u);
  for (const Target& target : route.targets) {
    EXPECT_EQ(target.grant.qos, target.session == &a ? protocol::QoS::exactly_once : protocol::QoS::at_most_once);
    EXPECT_EQ(target.grant.retain_as_published, target.session == &a);
  }
}

TEST_F(RouteTest, IsRenewedWhenASubscriptionComesOrGoes) {
  EXPECT_TRUE(routes.find("t").targets.empty());
  add(a, "t");
  add(b, "t");
  EXPECT_EQ(routes.find("t").targets.size(), 2u);
  remove(a, "t");
  ASSERT_EQ(routes.find("t").targets.size(), 1u);
  EXPECT_EQ(routes.find("t").targets[0].session, &b);
  remove(b, "t");
  EXPECT_TRUE(routes.find("t").targets.empty());
  EXPECT_EQ(index.size(), 0u);
}

TEST_F(RouteTest, TheCacheStaysBounded) {
  add(a, "#");
  size_t largest = 0;
  for (int i = 0; i < 200'000; ++i) {
    ASSERT_EQ(routes.find("topic/" + std::to_string(i)).targets.size(), 1u);
    largest = std::max(largest, routes.size());
  }
  EXPECT_EQ(largest, 65'536u);
}

TEST_F(RouteTest, LeavingABusyFilterKeepsTheOthers) {
  std::vector<std::unique_ptr<Session>> sessions;
  for (uint64_t i = 0; i < 1000; ++i) {
    sessions.push_back(std::make_unique<Session>("s" + std::to_string(i), i));
    add(*sessions.back(), "busy");
  }
  for (size_t i = 0; i < 1000; i += 2) remove(*sessions[i], "busy");
  const Route& route = routes.find("busy");
  ASSERT_EQ(route.targets.size(), 500u);
  for (const Target& target : route.targets) EXPECT_EQ(target.session->serial % 2, 1u);
}

TEST_F(RouteTest, NoLocalWithoutAnotherSubscriptionGrantsThePublisherNothing) {
  add(a, "t", {.no_local = true});
  add(b, "t");
  for (const Target& target : routes.find("t").targets) {
    EXPECT_NE(target.grant_for(nullptr), nullptr);
    EXPECT_EQ(target.grant_for(&a) == nullptr, target.session == &a);
  }
}

}  // namespace
}  // namespace mqtt_sim::broker
