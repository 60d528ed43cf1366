// How streams begin, carry bytes and end in virtual time. The default latency is 200 us one way.
#include <gtest/gtest.h>

#include "tests/cpp/sim/toys.hpp"

namespace mqtt_sim::sim {
namespace {

using std::chrono::microseconds;

TEST(SimStream, OpensAfterOneRoundTripAndTheServiceIsAskedAfterHalfOfIt) {
  Pair pair;
  pair.driver.run_until(at_s(1));
  EXPECT_EQ(pair.service.accepted_at, std::vector<Instant>{at_us(200)});
  EXPECT_EQ(pair.server().log, (Transcript{"200000 open started=200000 tcp=0"}));
  EXPECT_EQ(pair.client.log, (Transcript{"400000 open started=0 tcp=400000"}));
  EXPECT_EQ(pair.driver.now(), at_s(1));
  EXPECT_EQ(pair.driver.stream_count(), 1u);
}

TEST(SimStream, TellsTheServiceWhoArrived) {
  Pair pair;
  Toy other;
  other.wish_now = StreamWish::open;
  pair.driver.attach(other, Address{});
  pair.driver.run_until(at_s(1));
  EXPECT_EQ(pair.service.peers, (std::vector<std::string>{"127.0.0.1:1024", "127.0.0.1:1025"}));
}

TEST(SimStream, CarriesBytesBothWaysExactlyOneLatencyLater) {
  Pair pair;
  pair.service.prepare = [](Toy& toy) { toy.echoes = true; };
  pair.driver.run_until(at_s(1));
  pair.client.out.append(as_bytes("hello"));
  pair.waker->wake();
  pair.driver.run_until(at_s(2));
  EXPECT_EQ(pair.server().log.back(), "1000200000 bytes 5");
  EXPECT_EQ(pair.client.log.back(), "1000400000 bytes 5");
  EXPECT_EQ(pair.client.received, "hello");
}

TEST(SimStream, LatencyIsExactToTheNanosecond) {
  Pair pair({.link = {.latency = Duration(12'345'677)}});
  pair.client.out.append(as_bytes("x"));
  pair.driver.run_until(at_s(1));
  EXPECT_EQ(pair.client.log, (Transcript{"24691354 open started=0 tcp=24691354"}));
  EXPECT_EQ(pair.server().log.back(), "37037031 bytes 1");
}

TEST(SimStream, WorksWithoutAnyLatency) {
  Pair pair({.link = {.latency = Duration(0)}});
  pair.service.prepare = [](Toy& toy) { toy.echoes = true; };
  pair.client.out.append(as_bytes("x"));
  pair.driver.run_until(at_ns(0));
  EXPECT_EQ(pair.client.log, (Transcript{"0 open started=0 tcp=0", "0 bytes 1"}));
}

TEST(SimStream, WritesAllThatWaitsInOneSegmentUpToItsLimit) {
  Pair pair;
  pair.driver.run_until(at_s(1));
  pair.client.out.append(as_bytes(std::string(100, 'a')));
  pair.client.out.append(SharedBytes(as_bytes(std::string(5'000, 'b'))));
  pair.client.out.append(SharedBytes(as_bytes(std::string(20'000, 'c'))));
  pair.waker->wake();
  pair.driver.run_until(at_s(2));
  EXPECT_EQ(pair.server().received, std::string(100, 'a') + std::string(5'000, 'b') + std::string(20'000, 'c'));
  EXPECT_EQ(pair.server().log,
            (Transcript{"200000 open started=200000 tcp=0", "1000200000 bytes 16384", "1000200000 bytes 8716"}));
}

TEST(SimStream, IsRefusedOneRoundTripLaterWhenNobodyListens) {
  Toy client;
  client.wish_now = StreamWish::open;
  SimDriver driver({});
  driver.attach(client, Address{.host = "nowhere", .port = 1});
  driver.run_until(at_s(1));
  EXPECT_EQ(client.log, (Transcript{"400000 connection refused"}));
  EXPECT_EQ(driver.stream_count(), 0u);
}

TEST(SimStream, ConnectsAgainForAsLongAsItIsWished) {
  Toy client;
  client.wish_now = StreamWish::open;
  client.reopens = true;
  SimDriver driver({});
  driver.attach(client, Address{});
  driver.run_until(at_us(1300));
  EXPECT_EQ(client.log,
            (Transcript{"400000 connection refused", "800000 connection refused", "1200000 connection refused"}));
}

TEST(SimStream, RefusedByTheServiceOpensAndEndsAtOnce) {
  Pair pair;
  pair.service.refuses = true;
  pair.driver.run_until(at_s(1));
  EXPECT_EQ(pair.client.log, (Transcript{"400000 open started=0 tcp=400000", "400000 closed by peer"}));
  EXPECT_EQ(pair.driver.stream_count(), 0u);
}

TEST(SimStream, CloseSendsWhatWaitsAndThenEndsTheStream) {
  Pair pair;
  pair.driver.run_until(at_s(1));
  pair.client.out.append(as_bytes("last words"));
  pair.client.wish_now = StreamWish::close;
  pair.waker->wake();
  pair.driver.run_until(at_s(2));
  EXPECT_EQ(pair.client.log.back(), "1000000000 closed here");
  EXPECT_EQ(pair.server().log,
            (Transcript{"200000 open started=200000 tcp=0", "1000200000 bytes 10", "1000200000 closed by peer"}));
  EXPECT_EQ(pair.server().received, "last words");
  EXPECT_EQ(pair.service.released.size(), 1u);
  EXPECT_EQ(pair.driver.stream_count(), 0u);
}

TEST(SimStream, CloseWaitsForTheWindowBeforeItEndsTheStream) {
  Pair pair({.link = {.window_bytes = 1000}});
  pair.driver.run_until(at_s(1));
  pair.client.out.append(as_bytes(std::string(2500, 'x')));
  pair.client.wish_now = StreamWish::close;
  pair.waker->wake();
  pair.driver.run_until(at_s(2));
  EXPECT_EQ(pair.server().received.size(), 2500u);
  EXPECT_EQ(pair.client.log.back(), "1000400000 closed here");
  EXPECT_EQ(pair.server().log.back(), "1000600000 closed by peer");
}

TEST(SimStream, TheServiceMayCloseToo) {
  Pair pair;
  pair.service.prepare = [](Toy& toy) {
    toy.echoes = true;
    toy.closes_on_bytes = StreamWish::close;
  };
  pair.client.out.append(as_bytes("bye"));
  pair.driver.run_until(at_s(1));
  EXPECT_EQ(pair.server().log.back(), "600000 closed here");
  EXPECT_EQ(pair.service.released, (std::set<Endpoint*>{&pair.server()}));
  EXPECT_EQ(pair.client.log,
            (Transcript{"400000 open started=0 tcp=400000", "800000 bytes 3", "800000 closed by peer"}));
}

TEST(SimStream, BothEndsMayCloseAtOnce) {
  Pair pair;
  pair.driver.run_until(at_s(1));
  for (Toy* toy : {&pair.client, &pair.server()}) {
    toy->wish_now = StreamWish::close;
    toy->waker->wake();
  }
  pair.driver.run_until(at_s(2));
  EXPECT_EQ(pair.client.log.back(), "1000000000 closed here");
  EXPECT_EQ(pair.server().log.back(), "1000000000 closed here");
  EXPECT_EQ(pair.service.released.size(), 1u);
  EXPECT_EQ(pair.driver.stream_count(), 0u);
}

TEST(SimStream, AbortLosesWhatWaitsAndWhatIsUnderWay) {
  Pair pair;
  pair.driver.run_until(at_s(1));
  pair.client.out.append(as_bytes("under way"));
  pair.waker->wake();
  pair.driver.run_until(at_s(1) + microseconds(100));
  pair.client.out.append(as_bytes("waiting"));
  pair.client.wish_now = StreamWish::abort;
  pair.waker->wake();
  pair.driver.run_until(at_s(2));
  EXPECT_EQ(pair.client.sent, 9u) << "what waited was never taken";
  EXPECT_EQ(pair.client.log.back(), "1000100000 closed here");
  EXPECT_EQ(pair.server().log.back(), "1000300000 connection reset");
  EXPECT_EQ(pair.server().received, "");
  EXPECT_EQ(pair.service.released.size(), 1u);
}

TEST(SimStream, ASenderThatThrowsAwayWhatTheWindowHeldBackMayClose) {
  Pair pair({.link = {.window_bytes = 10}});
  pair.driver.run_until(at_s(1));
  pair.client.out.append(as_bytes(std::string(30, 'x')));
  pair.waker->wake();
  pair.driver.run_until(at_s(1) + microseconds(100));
  pair.client.out.clear();
  pair.client.wish_now = StreamWish::close;
  pair.waker->wake();
  pair.driver.run_until(at_s(2));
  EXPECT_EQ(pair.client.log.back(), "1000100000 closed here");
  EXPECT_EQ(pair.server().received.size(), 10u);
  EXPECT_EQ(pair.server().log.back(), "1000300000 closed by peer");
}

TEST(SimStream, AReleasedEndpointIsNotTouchedAgain) {
  Pair pair;
  pair.service.prepare = [](Toy& toy) { toy.alarm = at_us(1500); };
  pair.driver.run_until(at_us(1000));
  pair.client.wish_now = StreamWish::abort;
  pair.waker->wake();
  pair.driver.run_until(at_s(1));
  EXPECT_EQ(pair.server().log, (Transcript{"200000 open started=200000 tcp=0", "1200000 connection reset"}));
}

TEST(SimStream, AbortByTheServiceBeforeTheClientKnowsIsAReset) {
  Pair pair;
  pair.service.prepare = [](Toy& toy) { toy.wish_now = StreamWish::abort; };
  pair.driver.run_until(at_s(1));
  EXPECT_EQ(pair.client.log, (Transcript{"400000 connection reset"}));
  EXPECT_EQ(pair.driver.stream_count(), 0u);
}

TEST(SimStream, AConnectGivenUpIsNeverHeardOf) {
  for (const StreamWish wish : {StreamWish::close, StreamWish::abort}) {
    Pair pair;
    pair.driver.run_until(at_us(100));
    pair.client.wish_now = wish;
    pair.waker->wake();
    pair.driver.run_until(at_s(1));
    EXPECT_EQ(pair.client.log, (Transcript{"100000 closed here"}));
    EXPECT_TRUE(pair.service.toys.empty());
    EXPECT_EQ(pair.driver.stream_count(), 0u);
  }
}

TEST(SimStream, AConnectGivenUpAfterItWasAcceptedResetsTheService) {
  Pair pair;
  pair.driver.run_until(at_us(300));
  pair.client.wish_now = StreamWish::close;
  pair.waker->wake();
  pair.driver.run_until(at_s(1));
  EXPECT_EQ(pair.client.log, (Transcript{"300000 closed here"}));
  EXPECT_EQ(pair.server().log.back(), "500000 connection reset");
  EXPECT_EQ(pair.driver.stream_count(), 0u);
}

TEST(SimStream, NoWishLeavesAConnectAlone) {
  Pair pair;
  pair.driver.run_until(at_us(100));
  pair.client.wish_now = StreamWish::none;
  pair.waker->wake();
  pair.driver.run_until(at_s(1));
  EXPECT_TRUE(pair.client.is_open);
}

TEST(SimStream, OpensAgainAfterCloseWhileTheOldStreamIsStillEnding) {
  Pair pair;
  pair.client.reopens = true;
  pair.driver.run_until(at_s(1));
  pair.client.wish_now = StreamWish::close;
  pair.waker->wake();
  pair.driver.run_until(at_s(2));
  EXPECT_EQ(pair.client.log, (Transcript{"400000 open started=0 tcp=400000", "1000000000 closed here",
                                         "1000400000 open started=1000000000 tcp=400000"}));
  ASSERT_EQ(pair.service.toys.size(), 2u);
  EXPECT_EQ(pair.service.toys[0]->log.back(), "1000200000 closed by peer");
  EXPECT_TRUE(pair.service.toys[1]->is_open);
}

TEST(SimStream, CloseAndAbortWithoutAStreamDoNothing) {
  for (const StreamWish wish : {StreamWish::close, StreamWish::abort}) {
    Toy client;
    client.wish_now = wish;
    SimDriver driver({});
    driver.attach(client, Address{});
    driver.run_until(at_s(1));
    EXPECT_EQ(client.log, Transcript{});
  }
}

TEST(SimStream, ReachesTheServiceThatListensAtItsTarget) {
  struct Case {
    const char* listen_host;
    const char* target_host;
    bool is_reached;
  };
  for (const Case& c : {Case{"127.0.0.1", "localhost", true}, Case{"0.0.0.0", "broker-a", true}, Case{"", "x", true},
                        Case{"broker-a", "broker-a", true}, Case{"broker-a", "broker-b", false},
                        Case{"broker-a", "localhost", false}}) {
    Toy client;
    ToyService service;
    SimDriver driver({});
    client.wish_now = StreamWish::open;
    ASSERT_TRUE(driver.listen(service, Address{.host = c.listen_host}).has_value());
    driver.attach(client, Address{.host = c.target_host});
    driver.run_until(at_s(1));
    EXPECT_EQ(client.is_open, c.is_reached) << c.listen_host << " <- " << c.target_host;
  }
}

TEST(SimListen, RefusesAnAddressThatIsTaken) {
  ToyService service;
  SimDriver driver({});
  ASSERT_TRUE(driver.listen(service, Address{.host = "localhost", .port = 1}).has_value());
  EXPECT_FALSE(driver.listen(service, Address{.host = "127.0.0.1", .port = 1}).has_value());
  EXPECT_FALSE(driver.listen(service, Address{.host = "0.0.0.0", .port = 1}).has_value());
  EXPECT_TRUE(driver.listen(service, Address{.host = "other", .port = 1}).has_value());
  EXPECT_EQ(driver.listen(service, Address{.host = "other", .port = 1}).error().text, "address already in use");
}

TEST(SimListen, PortZeroIsTheNextFreeOne) {
  ToyService service;
  SimDriver driver({});
  EXPECT_EQ(driver.listen(service, Address{.port = 0}).value(), (Address{.host = "127.0.0.1", .port = 49152}));
  EXPECT_EQ(driver.listen(service, Address{.port = 0}).value().port, 49153);
}

TEST(SimListen, RunsOutOfPortsWithAnError) {
  ToyService service;
  SimDriver driver({});
  for (int i = 49152; i < 65536; i += 1) {
    ASSERT_TRUE(driver.listen(service, Address{.host = "", .port = static_cast<uint16_t>(i)}).has_value());
  }
  EXPECT_EQ(driver.listen(service, Address{.port = 0}).error().text, "no port left to listen on");
}

}  // namespace
}  // namespace mqtt_sim::sim
