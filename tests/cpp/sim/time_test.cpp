// Deadlines, the turn of the loop, posted work, stopping, and the limits that keep a run from going on for ever.
#include <gtest/gtest.h>

#include <thread>

#include "tests/cpp/sim/toys.hpp"

namespace mqtt_sim::sim {
namespace {

using std::chrono::milliseconds;

// Fires at each of its instants in turn, and notes them in a shared log.
class Stopwatch : public Toy {
 public:
  Stopwatch(std::string whose, std::vector<Instant> instants, Transcript& shared_log)
      : name(std::move(whose)), left(std::move(instants)), shared(shared_log) {
    alarm = left.front();
  }
  void on_deadline(Instant now) override {
    shared.push_back(name + "@" + std::to_string(to_ns(now)));
    left.erase(left.begin());
    alarm = left.empty() ? std::nullopt : std::optional(left.front());
  }
  std::string name;
  std::vector<Instant> left;
  Transcript& shared;
};

TEST(SimTime, FiresDeadlinesInOrderAndExactly) {
  Transcript log;
  Stopwatch a("a", {at_ns(30), at_ns(40), at_ns(90)}, log);
  Stopwatch b("b", {at_ns(10), at_ns(50)}, log);
  SimDriver driver({});
  driver.attach(a, {});
  driver.attach(b, {});
  driver.run_until(at_ns(60));
  EXPECT_EQ(log, (Transcript{"b@10", "a@30", "a@40", "b@50"}));
  driver.run_until(at_ns(90));
  EXPECT_EQ(log.back(), "a@90");
}

TEST(SimTime, FiresDeadlinesOfOneInstantInTheOrderTheyWereArmed) {
  Transcript log;
  Stopwatch a("a", {at_ns(10)}, log);
  Stopwatch b("b", {at_ns(10)}, log);
  SimDriver driver({});
  driver.attach(b, {});
  driver.attach(a, {});
  driver.run_until(at_ns(10));
  EXPECT_EQ(log, (Transcript{"b@10", "a@10"}));
}

TEST(SimTime, ADeadlineInThePastFiresNow) {
  Transcript log;
  SimDriver driver({});
  driver.run_until(at_ns(100));
  Stopwatch a("a", {at_ns(10)}, log);
  driver.attach(a, {});
  driver.run_until(at_ns(100));
  EXPECT_EQ(log, (Transcript{"a@100"}));
}

TEST(SimTime, ADeadlineMovedLaterNeverFiresEarly) {
  Toy toy;
  toy.alarm = at_ns(10);
  SimDriver driver({});
  Waker& waker = driver.attach(toy, {});
  driver.run_until(at_ns(5));
  toy.alarm = at_ns(20);
  waker.wake();
  driver.run_until(at_ns(15));
  EXPECT_EQ(toy.log, Transcript{});
  driver.run_until(at_ns(30));
  EXPECT_EQ(toy.log, (Transcript{"20 deadline"}));
}

TEST(SimTime, ADeadlineMovedEarlierFiresThen) {
  Toy toy;
  toy.alarm = at_ns(50);
  SimDriver driver({});
  Waker& waker = driver.attach(toy, {});
  driver.run_until(at_ns(5));
  toy.alarm = at_ns(20);
  waker.wake();
  driver.run_until(at_ns(100));
  EXPECT_EQ(toy.log, (Transcript{"20 deadline"}));
}

TEST(SimTime, ADeadlineWithdrawnDoesNotFire) {
  Toy toy;
  toy.alarm = at_ns(10);
  SimDriver driver({});
  Waker& waker = driver.attach(toy, {});
  driver.run_until(at_ns(5));
  toy.alarm = std::nullopt;
  waker.wake();
  driver.run_until(at_ns(100));
  EXPECT_EQ(toy.log, Transcript{});
}

// Moves its deadline away when bytes come.
class Watchdog : public Toy {
 public:
  void on_bytes(ByteView bytes, Instant now) override {
    Toy::on_bytes(bytes, now);
    alarm = now + milliseconds(1);
  }
};

TEST(SimTime, BytesOfTheSameInstantMayMoveTheDeadlineBeforeItFires) {
  Watchdog client;
  ToyService service([](Toy& toy) { toy.out.append(as_bytes("x")); });
  SimDriver driver({});
  ASSERT_TRUE(driver.listen(service, {}).has_value());
  client.wish_now = StreamWish::open;
  Waker& waker = driver.attach(client, {});
  driver.run_until(at_us(300));  // the bytes are under way and arrive at 400 us
  client.alarm = at_us(400);
  waker.wake();
  driver.run_until(at_us(1400));
  EXPECT_EQ(client.log, (Transcript{"400000 open started=0 tcp=400000", "400000 bytes 1", "1400000 deadline"}));
}

TEST(SimTime, DeadlinesFireWithoutAStream) {
  Toy toy;
  toy.alarm = at_s(3600);
  SimDriver driver({});
  driver.attach(toy, {});
  driver.run_until(at_s(3600));
  EXPECT_EQ(toy.log, (Transcript{"3600000000000 deadline"}));
}

TEST(SimTime, TheServiceHasADeadlineToo) {
  Pair pair;
  pair.service.alarm = at_us(700);
  pair.driver.run_until(at_s(1));
  EXPECT_EQ(pair.service.deadlines, (std::vector<int64_t>{700'000}));
  pair.service.alarm = at_s(2);
  pair.driver.run_until(at_s(3));
  EXPECT_EQ(pair.service.deadlines, (std::vector<int64_t>{700'000, 2'000'000'000}));
}

TEST(SimTime, TheServiceMayMoveItsDeadlineWhenAStreamArrivesOrEnds) {
  struct Reaper : ToyService {
    Endpoint* on_accept(const Peer& peer, Instant now) override {
      alarm = now + milliseconds(10);
      return ToyService::on_accept(peer, now);
    }
    void release(Endpoint& endpoint) override {
      ToyService::release(endpoint);
      alarm = at_s(5);
    }
  };
  Toy client;
  Reaper service;
  SimDriver driver({});
  ASSERT_TRUE(driver.listen(service, {}).has_value());
  client.wish_now = StreamWish::open;
  Waker& waker = driver.attach(client, {});
  driver.run_until(at_s(1));
  EXPECT_EQ(service.deadlines, (std::vector<int64_t>{10'200'000}));
  client.wish_now = StreamWish::abort;
  waker.wake();
  driver.run_until(at_s(9));
  EXPECT_EQ(service.deadlines, (std::vector<int64_t>{10'200'000, 5'000'000'000}));
}

TEST(SimTime, TheServiceMayMoveItsDeadlineWhenItRefuses) {
  struct Counter : ToyService {
    Endpoint* on_accept(const Peer&, Instant now) override {
      alarm = now + milliseconds(1);
      return nullptr;
    }
  };
  Toy client;
  Counter service;
  SimDriver driver({});
  ASSERT_TRUE(driver.listen(service, {}).has_value());
  client.wish_now = StreamWish::open;
  driver.attach(client, {});
  driver.run_until(at_s(1));
  EXPECT_EQ(service.deadlines, (std::vector<int64_t>{1'200'000}));
}

TEST(SimTime, AServiceAtTwoAddressesHasOneDeadline) {
  ToyService service;
  service.alarm = at_ns(10);
  SimDriver driver({});
  ASSERT_TRUE(driver.listen(service, Address{.port = 1}).has_value());
  ASSERT_TRUE(driver.listen(service, Address{.port = 2}).has_value());
  driver.run_until(at_ns(10));
  EXPECT_EQ(service.deadlines, (std::vector<int64_t>{10}));
}

// Wakes another endpoint when its own alarm fires, and notes when its wish is asked for.
class Domino : public Toy {
 public:
  Domino(std::string whose, Transcript& shared_log) : name(std::move(whose)), shared(shared_log) {}
  void on_deadline(Instant now) override {
    Toy::on_deadline(now);
    shared.push_back(name + " deadline");
    if (next) next->wake();
  }
  StreamWish wish() const override {
    if (shared.empty() || shared.back() != name + " visited") shared.push_back(name + " visited");
    return StreamWish::none;
  }
  std::string name;
  Transcript& shared;
  Waker* next = nullptr;
};

TEST(SimTime, VisitsDirtyEndpointsAfterAllEventsOfTheInstantInTheOrderTheyBecameDirty) {
  Transcript log;
  Domino a("a", log);
  Domino b("b", log);
  Domino c("c", log);
  a.alarm = b.alarm = at_ns(10);
  SimDriver driver({});
  driver.attach(a, {});
  driver.attach(b, {});
  a.next = &driver.attach(c, {});
  driver.run_until(at_ns(5));
  log.clear();
  driver.run_until(at_ns(10));
  EXPECT_EQ(log, (Transcript{"a deadline", "b deadline", "c visited", "a visited", "b visited"}));
}

TEST(SimTime, RunUntilIncludesItsInstantAndSetsNow) {
  Transcript log;
  Stopwatch a("a", {at_ns(10), at_ns(11)}, log);
  SimDriver driver({});
  driver.attach(a, {});
  driver.run_until(at_ns(10));
  EXPECT_EQ(log, (Transcript{"a@10"}));
  EXPECT_EQ(driver.now(), at_ns(10));
  driver.run_until(at_ns(3));
  EXPECT_EQ(driver.now(), at_ns(10));
  driver.run_until(kNever);
  EXPECT_EQ(log, (Transcript{"a@10", "a@11"}));
  EXPECT_EQ(driver.now(), at_ns(11));
}

TEST(SimTime, PostedWorkRunsOnceInsideTheRunAndMayPostMore) {
  SimDriver driver({});
  Transcript log;
  driver.post([&] {
    log.push_back("first@" + std::to_string(to_ns(driver.now())));
    driver.post([&] { log.push_back("second"); });
  });
  EXPECT_EQ(log, Transcript{});
  driver.run_until(at_ns(10));
  EXPECT_EQ(log, (Transcript{"first@0", "second"}));
  driver.run_until(at_ns(20));
  EXPECT_EQ(log.size(), 2u);
}

TEST(SimTime, StopReturnsAfterTheInstantAndTheNextRunGoesOn) {
  Transcript log;
  Stopwatch a("a", {at_ns(10), at_ns(20), at_ns(30)}, log);
  SimDriver driver({});
  driver.attach(a, {});
  struct Stopper : Toy {
    void on_deadline(Instant now) override {
      Toy::on_deadline(now);
      driver->stop();
    }
    SimDriver* driver = nullptr;
  } stopper;
  stopper.driver = &driver;
  stopper.alarm = at_ns(20);
  driver.attach(stopper, {});
  driver.run_until(at_ns(100));
  EXPECT_EQ(driver.now(), at_ns(20));
  EXPECT_EQ(log, (Transcript{"a@10", "a@20"}));
  driver.run_until(at_ns(100));
  EXPECT_EQ(log, (Transcript{"a@10", "a@20", "a@30"}));
}

TEST(SimTime, StopAndPostMayComeFromAnotherThread) {
  struct Endless : Toy {
    void on_deadline(Instant now) override { alarm = now + Duration(1); }
  } endless;
  endless.alarm = at_ns(0);
  SimDriver driver({});
  driver.attach(endless, {});
  bool has_worked = false;
  std::thread interrupter([&] {
    driver.post([&] {
      has_worked = true;
      driver.stop();
    });
  });
  driver.run_until(kNever - Duration(1));
  interrupter.join();
  EXPECT_TRUE(has_worked);
}

TEST(SimTime, KeepsTheAssertContext) {
  struct Reader : Toy {
    void on_deadline(Instant now) override {
      Toy::on_deadline(now);
      seen = assert_context();
    }
    AssertContext seen;
  } reader;
  reader.alarm = at_ns(42);
  SimDriver driver({.seed = 99});
  driver.attach(reader, {});
  driver.run_until(at_ns(100));
  EXPECT_EQ(reader.seen.seed, 99u);
  EXPECT_EQ(reader.seen.now, at_ns(42));
}

TEST(SimLimitDeathTest, EventLimitEndsTheRunWithSeedAndInstant) {
  Transcript log;
  Stopwatch a("a", {at_ns(10), at_ns(20), at_ns(30)}, log);
  SimDriver driver({.seed = 5, .event_limit = 2});
  driver.attach(a, {});
  driver.run_until(at_ns(25));
  EXPECT_EQ(driver.event_count(), 2u);
  EXPECT_DEATH(driver.run_until(at_ns(30)), "event_limit.*seed=5 now_ns=30");
}

TEST(SimLimitDeathTest, TimeThatStandsStillEndsTheRun) {
  struct Stuck : Toy {
    void on_deadline(Instant) override {}
  } stuck;
  stuck.alarm = at_ns(7);
  SimDriver driver({});
  driver.attach(stuck, {});
  EXPECT_DEATH(driver.run_until(at_ns(10)), "kRoundsPerInstantLimit.*now_ns=7");
}

TEST(SimLimit, ManyRunsAtOneInstantAreNotTimeThatStandsStill) {
  Toy toy;
  SimDriver driver({});
  Waker& waker = driver.attach(toy, {});
  for (uint64_t i = 0; i <= SimDriver::kRoundsPerInstantLimit; ++i) {
    waker.wake();
    driver.run_until(at_ns(0));
  }
  EXPECT_EQ(driver.now(), at_ns(0));
}

TEST(SimLimitDeathTest, PostedWorkIsBounded) {
  SimDriver driver({});
  for (size_t i = 0; i < SimDriver::kPostedLimit; ++i) driver.post([] {});
  EXPECT_DEATH(driver.post([] {}), "kPostedLimit");
}

}  // namespace
}  // namespace mqtt_sim::sim
