// Endpoints that take no input, and endpoints that leave the driver.
#include <gtest/gtest.h>

#include "tests/cpp/net/raw_socket.hpp"
#include "tests/cpp/net/recording_endpoint.hpp"

namespace mqtt_sim::net {
namespace {

struct Picky final : RecordingEndpoint {
  using RecordingEndpoint::RecordingEndpoint;
  bool is_hungry = true;
  bool takes_input() const override { return is_hungry; }
};

class HeldInput : public ::testing::Test {
 protected:
  RawSocket open() {
    waker = &driver.attach(endpoint, Address{"127.0.0.1", server.port()});
    pass(1ms);
    RawSocket peer = server.accept();
    EXPECT_TRUE(run_until_true(driver, [&] { return endpoint.openings.size() == 1; }));
    return peer;
  }
  void pass(Duration time) { driver.run_until(driver.now() + time); }

  RawSocket server = RawSocket::listening(4);
  Picky endpoint{StreamWish::open};
  NetDriver driver;
  Waker* waker = nullptr;
};

TEST_F(HeldInput, what_arrives_stays_in_the_socket_until_the_endpoint_wants_it) {
  RawSocket peer = open();
  peer.send("first");
  ASSERT_TRUE(run_until_true(driver, [&] { return endpoint.received == "first"; }));
  endpoint.is_hungry = false;
  peer.send("second");
  pass(20ms);
  peer.send(" third");
  pass(20ms);
  EXPECT_EQ(endpoint.received, "firstsecond");  // the wait for it had begun
  endpoint.is_hungry = true;
  waker->wake();
  EXPECT_TRUE(run_until_true(driver, [&] { return endpoint.received == "firstsecond third"; }));
}

TEST_F(HeldInput, a_held_stream_still_writes_and_ends_in_order) {
  RawSocket peer = open();
  endpoint.is_hungry = false;
  peer.send("unread");
  pass(10ms);
  peer.send("unread, too");
  pass(10ms);
  endpoint.say("bye");
  endpoint.wanted = StreamWish::close;
  waker->wake();
  pass(10ms);
  peer.end_output();
  EXPECT_TRUE(run_until_true(driver, [&] { return endpoint.closes.size() == 1; }));
  EXPECT_EQ(peer.receive_some(100), "bye");
}

TEST_F(HeldInput, an_end_behind_held_input_is_seen_when_reading_goes_on) {
  RawSocket peer = open();
  endpoint.is_hungry = false;
  peer.send("a");
  pass(10ms);
  peer.send("b");
  peer.close();
  pass(20ms);
  EXPECT_TRUE(endpoint.closes.empty());
  endpoint.is_hungry = true;
  waker->wake();
  EXPECT_TRUE(run_until_true(driver, [&] { return endpoint.closes.size() == 1; }));
  EXPECT_EQ(endpoint.received, "ab");
}

TEST_F(HeldInput, a_detached_endpoint_loses_its_stream_and_may_go) {
  auto leaving = std::make_unique<RecordingEndpoint>(StreamWish::open);
  Waker& its_waker = driver.attach(*leaving, Address{"127.0.0.1", server.port()});
  pass(1ms);
  RawSocket peer = server.accept();
  ASSERT_TRUE(run_until_true(driver, [&] { return leaving->openings.size() == 1; }));
  leaving->due = driver.now() + 5ms;
  leaving->waker->wake();
  pass(1ms);
  driver.detach(its_waker);
  EXPECT_EQ(leaving->closes, std::vector{CloseReason::local});
  leaving.reset();
  pass(20ms);
  EXPECT_TRUE(peer.has_ended());
}

TEST_F(HeldInput, an_endpoint_is_detached_while_it_is_being_dialled) {
  auto leaving = std::make_unique<RecordingEndpoint>(StreamWish::open);
  Waker& its_waker = driver.attach(*leaving, Address{"127.0.0.1", server.port()});
  driver.run_until(driver.now());
  driver.detach(its_waker);
  leaving.reset();
  pass(20ms);
  EXPECT_TRUE(run_until_true(driver, [] { return true; }));
}

}  // namespace
}  // namespace mqtt_sim::net
