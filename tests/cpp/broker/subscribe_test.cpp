// SUBSCRIBE and UNSUBSCRIBE: one code for each filter.
#include "tests/cpp/broker/harness.hpp"

namespace mqtt_sim::broker::test {
namespace {

// [MQTT-3.8.4-1], [MQTT-3.8.4-5], [MQTT-3.8.4-6], [MQTT-3.9.3-1]
TEST(SubscribePacket, GetsACodeForEachFilterInOrder) {
  World world;
  Peer& peer = world.connect({.id = "c"});
  peer.send(subscribe(10, {{"a", {.qos = q2}}, {"b/#", {}}, {"+/c", {.qos = q1}}}));
  EXPECT_EQ(peer.receive(), Lines{"SUBACK #10 02 00 01"});
  EXPECT_EQ(world.broker.stats().subscriptions, 3u);
}

TEST(SubscribePacket, In5RefusesOnlyTheFilterThatIsBad) {
  World world;
  Peer& peer = world.connect({.id = "c", .version = v5});
  peer.send(subscribe(1, {{"a/#/b", {}}, {"good", {.qos = q1}}, {"$share/g", {}}, {"$share/+/x", {}}, {"a+", {}}}));
  EXPECT_EQ(peer.receive(), Lines{"SUBACK #1 8f 01 8f 8f 8f"});
  EXPECT_EQ(world.broker.stats().refused_subscriptions, 4u);
}

// [MQTT-3.10.4-4], [MQTT-3.10.4-5], [MQTT-3.10.4-6], [MQTT-3.11.3-1]
TEST(UnsubscribePacket, SaysWhetherThereWasASubscription) {
  World world;
  Peer& peer = world.connect({.id = "c", .version = v5});
  peer.send(subscribe(1, {{"a", {}}, {"$share/g/a", {}}}));
  Unsubscribe packet = unsubscribe(2, "a");
  packet.filters = {"a", "b", "$share/g/a"};
  peer.send(packet);
  peer.send(packet);
  EXPECT_EQ(peer.receive(), (Lines{"SUBACK #1 00 00", "UNSUBACK #2 00 11 00", "UNSUBACK #2 11 11 11"}));
  Peer& old = world.connect({.id = "d"});
  old.send(unsubscribe(3, "never"));
  EXPECT_EQ(old.receive(), Lines{"UNSUBACK #3"});
  EXPECT_EQ(world.broker.stats().subscriptions, 0u);
}

// [MQTT-3.10.4-3]
TEST(UnsubscribePacket, LetsDeliveriesThatHaveBegunFinish) {
  World world;
  Peer& peer = world.connect({.id = "c", .clean = false});
  peer.send(subscribe(1, "t", q2));
  world.connect({.id = "p"}).send(message("t", "x", q2, 1));
  peer.send(unsubscribe(2, "t"));
  peer.send(Pubrec{1, {}, {}});
  peer.send(Pubcomp{1, {}, {}});
  EXPECT_EQ(peer.receive(), (Lines{"SUBACK #1 02", "PUBLISH t=x q2 #1", "UNSUBACK #2", "PUBREL #1"}));
}

TEST(UnsubscribePacket, AHundredThousandFiltersComeAndGo) {
  World world;
  Peer& peer = world.connect({.id = "c"});
  constexpr int kFilters = 100'000;
  const auto filters_of = [](int first) {
    std::vector<std::string> filters;
    for (int i = first; i < first + 1000; ++i) filters.push_back("device/" + std::to_string(i) + "/+");
    return filters;
  };
  for (int first = 0; first < kFilters; first += 1000) {
    const auto filters = filters_of(first);
    peer.send(subscribe(1, std::vector<SubscribeEntry>(1, {filters[0], {}})));
    std::vector<SubscribeEntry> rest;
    for (const std::string& filter : filters) rest.push_back({filter, {}});
    peer.send(subscribe(2, rest));
  }
  EXPECT_EQ(world.broker.stats().subscriptions, static_cast<uint64_t>(kFilters));
  for (int first = 0; first < kFilters; first += 1000) {
    const auto filters = filters_of(first);
    Unsubscribe packet;
    packet.packet_id = 3;
    packet.filters.assign(filters.begin(), filters.end());
    peer.send(packet);
  }
  EXPECT_EQ(world.broker.stats().subscriptions, 0u);
}

}  // namespace
}  // namespace mqtt_sim::broker::test
