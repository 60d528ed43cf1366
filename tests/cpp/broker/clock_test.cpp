// A clock that steps back: whatever waits for a time waits longer, and nothing else happens.
#include "tests/cpp/broker/harness.hpp"

namespace mqtt_sim::broker::test {
namespace {

constexpr Duration kStep = std::chrono::hours(1);

Publish expiring(Publish publish, uint32_t seconds, PropertyWriter& space) {
  space.clear();
  space.number(PropertyId::message_expiry_interval, seconds);
  publish.properties = space.list();
  return publish;
}

TEST(ClockSteppingBack, DelaysAllThatWasDueByThatMuch) {
  World world({.drain_timeout = seconds(5), .output_limit = 100});
  world.now += kStep;
  PropertyWriter space;
  PropertyWriter delay;
  delay.number(PropertyId::will_delay_interval, 5);
  Will last = will("will", "x");
  last.properties = delay.list();

  Peer& watcher = world.connect({.id = "w", .version = v5});
  watcher.send(subscribe(1, "will"));
  watcher.receive();
  world.connect({.id = "gone", .version = v5, .session_expiry_s = 5, .will = last}).drop();
  watcher.send(expiring(retained("r", "x"), 5, space));
  Peer& silent = world.open();
  Peer& alive = world.connect({.id = "alive", .keep_alive_s = 5});
  Peer& slow = world.connect({.id = "slow"});
  slow.send(subscribe(1, "flood"));
  slow.is_reading = false;
  for (int i = 0; i < 20; ++i) watcher.send(message("flood", "0123456789"));
  EXPECT_GT(world.broker.stats().dropped_slow, 0u);

  world.now -= kStep;
  alive.send(Pingreq());
  EXPECT_EQ(alive.receive(), Lines{"PINGRESP"});
  world.advance(kStep - seconds(1));
  EXPECT_EQ(silent.receive(), Lines());
  EXPECT_EQ(watcher.receive(), Lines());
  Stats stats = world.broker.stats();
  EXPECT_EQ(stats.retained, 1u);
  EXPECT_EQ(stats.sessions, 4u);
  EXPECT_EQ(stats.keep_alive_timeouts + stats.drain_timeouts + stats.connect_timeouts + stats.wills, 0u);

  world.advance(seconds(20));
  EXPECT_EQ(watcher.receive(), Lines{"PUBLISH will=x"});
  EXPECT_EQ(silent.receive(), Lines{"CLOSE"});
  stats = world.broker.stats();
  EXPECT_EQ(stats.retained, 0u);
  EXPECT_EQ(stats.sessions, 1u);
  EXPECT_EQ(stats.keep_alive_timeouts, 1u);
  EXPECT_EQ(stats.drain_timeouts, 1u);
  EXPECT_EQ(stats.connect_timeouts, 1u);
}

TEST(ClockSteppingBack, MakesNoIntervalOverflow) {
  World world;
  world.now += kStep;
  PropertyWriter space;
  Peer& peer = world.connect({.id = "p", .version = v5});
  peer.send(expiring(retained("r", "x"), UINT32_MAX, space));
  world.now -= kStep;
  peer.send(subscribe(1, "r"));
  EXPECT_EQ(peer.receive(), (Lines{"SUBACK #1 00", "PUBLISH r=x retain {message_expiry_interval=4294967295}"}));
}

}  // namespace
}  // namespace mqtt_sim::broker::test
