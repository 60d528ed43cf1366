// Time: CONNECT that does not come, keep alive, a peer that does not take our last word, shutdown.
#include "tests/cpp/broker/harness.hpp"

namespace mqtt_sim::broker::test {
namespace {

TEST(TimeOut, AStreamWithoutConnectIsClosedAfterTenSeconds) {
  World world;
  Peer& silent = world.open();
  Peer& slow = world.open();
  world.advance(milliseconds(9999));
  const uint8_t byte = 0x10;
  slow.send_bytes({&byte, 1});  // bytes that are no packet win no time
  EXPECT_EQ(silent.receive(), Lines());
  world.advance(milliseconds(1));
  EXPECT_EQ(silent.receive(), Lines{"CLOSE"});
  EXPECT_EQ(slow.receive(), Lines{"CLOSE"});
  EXPECT_EQ(world.broker.stats().connect_timeouts, 2u);
}

// [MQTT-3.1.2-22], [MQTT-3.12.4-1]
TEST(TimeOut, KeepAliveEndsAtOneAndAHalfTimes) {
  prove("C-04");
  World world;
  for (const ProtocolVersion version : {v311, v5}) {
    Peer& peer = world.connect({.id = "c", .version = version, .keep_alive_s = 10});
    world.advance(milliseconds(14'999));
    EXPECT_EQ(peer.receive(), Lines());
    peer.send(Pingreq());
    EXPECT_EQ(peer.receive(), Lines{"PINGRESP"});
    world.advance(milliseconds(14'999));
    EXPECT_EQ(peer.receive(), Lines());
    world.advance(milliseconds(1));
    EXPECT_EQ(peer.receive(), version == v5 ? (Lines{"DISCONNECT 8d", "CLOSE"}) : Lines{"CLOSE"});
  }
  EXPECT_EQ(world.broker.stats().keep_alive_timeouts, 2u);
}

TEST(TimeOut, AnUnfinishedPacketDoesNotKeepAlive) {
  World world;
  Peer& peer = world.connect({.id = "c", .keep_alive_s = 2});
  for (int i = 0; i < 3; ++i) {
    world.advance(milliseconds(999));
    const uint8_t bytes[] = {0x30, 0x7f};
    peer.send_bytes(i == 0 ? ByteView(bytes) : ByteView(bytes).first(1));
  }
  world.advance(milliseconds(3));
  EXPECT_EQ(peer.receive(), Lines{"CLOSE"});
}

TEST(TimeOut, KeepAliveZeroNeverEnds) {
  World world;
  Peer& peer = world.connect({.id = "c", .keep_alive_s = 0});
  EXPECT_EQ(peer.endpoint()->deadline(), std::nullopt);
  world.advance(std::chrono::hours(1000));
  EXPECT_EQ(peer.receive(), Lines());
}

TEST(TimeOut, APacketDoesNotMoveTheTimer) {
  World world;
  Peer& peer = world.connect({.id = "c", .keep_alive_s = 10});
  const auto before = peer.endpoint()->deadline();
  world.advance(seconds(1));
  peer.send(Pingreq());
  EXPECT_EQ(peer.endpoint()->deadline(), before);
}

TEST(TimeOut, AClockThatStepsBackEndsNothingEarly) {
  World world;
  Peer& peer = world.connect({.id = "c", .keep_alive_s = 10});
  world.now -= std::chrono::hours(1);
  peer.send(Pingreq());
  peer.endpoint()->on_deadline(world.now);
  EXPECT_EQ(peer.receive(), Lines{"PINGRESP"});
}

TEST(TimeOut, APeerThatDoesNotTakeTheLastWordIsReset) {
  World world;
  Peer& peer = world.connect({.id = "c", .version = v5});
  peer.is_reading = false;
  peer.send(Pingresp());
  EXPECT_EQ(peer.endpoint()->wish(), StreamWish::close);
  world.advance(seconds(5));
  EXPECT_EQ(peer.receive(), Lines{"ABORT"});
  EXPECT_EQ(world.broker.stats().close_timeouts, 1u);
}

TEST(TimeOut, ShutdownTellsEveryoneAndAcceptsNobody) {
  World world;
  Peer& watcher = world.connect({.id = "w"});
  watcher.send(subscribe(1, "will"));
  watcher.receive();
  Peer& modern = world.connect({.id = "m", .version = v5, .will = will("will", "x")});
  Peer& waiting = world.open();
  world.broker.shutdown(world.now);
  EXPECT_EQ(modern.receive(), (Lines{"DISCONNECT 8b", "CLOSE"}));
  EXPECT_EQ(watcher.receive(), Lines{"CLOSE"});
  EXPECT_EQ(waiting.receive(), Lines{"CLOSE"});
  EXPECT_FALSE(world.open().is_open());
}

}  // namespace
}  // namespace mqtt_sim::broker::test
