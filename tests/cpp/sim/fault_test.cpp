#include "core/sim/fault.hpp"

#include <gtest/gtest.h>

#include "tests/cpp/sim/toys.hpp"

namespace mqtt_sim::sim {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

class Rule : public FaultRule {
 public:
  using Judge = std::function<Verdict(const Passage&)>;
  explicit Rule(Judge judge) : judge_(std::move(judge)) {}
  Verdict judge(const Passage& passage) override { return judge_(passage); }

 private:
  Judge judge_;
};

std::unique_ptr<FaultRule> rule(Rule::Judge judge) { return std::make_unique<Rule>(std::move(judge)); }

// Answers the verdict for segments of one kind, passes the rest.
std::unique_ptr<FaultRule> rule_on(SegmentKind kind, Verdict verdict) {
  return rule([=](const Passage& p) { return p.kind == kind ? verdict : Verdict::pass(); });
}

TEST(SimFault, RulesSeeEverySegmentAboutToTravel) {
  Pair pair;
  Transcript seen;
  pair.driver.add_rule(rule([&](const Passage& p) {
    seen.push_back(std::to_string(to_ns(p.now)) + " #" + std::to_string(p.connection) + " client " +
                   std::to_string(p.client) + (p.direction == Direction::to_server ? " > " : " < ") +
                   to_string(p.kind) + " " + std::to_string(p.size));
    return Verdict::pass();
  }));
  pair.service.prepare = [](Toy& toy) { toy.echoes = true; };
  pair.client.out.append(as_bytes("abc"));
  pair.driver.run_until(at_s(1));
  pair.client.wish_now = StreamWish::close;
  pair.waker->wake();
  pair.driver.run_until(at_s(2));
  EXPECT_EQ(seen,
            (Transcript{"0 #1 client 0 > connect 0", "200000 #1 client 0 < accept 0", "400000 #1 client 0 > bytes 3",
                        "600000 #1 client 0 < bytes 3", "1000000000 #1 client 0 > end 0"}));
}

TEST(SimFault, TheFirstRuleThatDoesNotPassWins) {
  Pair pair;
  pair.driver.add_rule(rule([](const Passage&) { return Verdict::pass(); }));
  pair.driver.add_rule(rule_on(SegmentKind::bytes, Verdict::delay(milliseconds(5))));
  pair.driver.add_rule(rule_on(SegmentKind::bytes, Verdict::drop_connection()));
  pair.client.out.append(as_bytes("x"));
  pair.driver.run_until(at_s(1));
  EXPECT_EQ(pair.server().log.back(), "5600000 bytes 1");
}

TEST(SimFault, ADelayHoldsUpWhatComesBehind) {
  Pair pair;
  pair.driver.run_until(at_s(1));
  pair.driver.add_rule(
      rule([n = 0](const Passage&) mutable { return n++ == 0 ? Verdict::delay(milliseconds(1)) : Verdict::pass(); }));
  pair.client.out.append(as_bytes("first"));
  pair.waker->wake();
  pair.driver.run_until(at_s(1) + microseconds(10));
  pair.client.out.append(as_bytes("second"));
  pair.waker->wake();
  pair.driver.run_until(at_s(2));
  EXPECT_EQ(pair.server().received, "firstsecond");
  EXPECT_EQ(pair.server().log,
            (Transcript{"200000 open started=200000 tcp=0", "1001200000 bytes 5", "1001200000 bytes 6"}));
}

TEST(SimFaultDeathTest, RefusesADelayIntoThePast) {
  Pair pair;
  pair.driver.add_rule(rule_on(SegmentKind::connect, Verdict::delay(Duration(-1))));
  EXPECT_DEATH(pair.driver.run_until(at_s(1)), "extra >= ");
}

TEST(SimFault, ADroppedConnectionIsAResetAtBothEnds) {
  Pair pair;
  pair.driver.add_rule(rule_on(SegmentKind::bytes, Verdict::drop_connection()));
  pair.client.out.append(as_bytes("x"));
  pair.driver.run_until(at_s(1));
  EXPECT_EQ(pair.client.log.back(), "400000 connection reset");
  EXPECT_EQ(pair.server().log.back(), "600000 connection reset");
  EXPECT_EQ(pair.server().received, "");
  EXPECT_EQ(pair.service.released.size(), 1u);
  EXPECT_EQ(pair.driver.stream_count(), 0u);
}

TEST(SimFault, TheServiceEndMayBeTheOneThatMeetsIt) {
  Pair pair;
  pair.service.prepare = [](Toy& toy) { toy.echoes = true; };
  pair.driver.add_rule(rule([](const Passage& p) {
    const bool is_hit = p.kind == SegmentKind::bytes && p.direction == Direction::to_client;
    return is_hit ? Verdict::drop_connection() : Verdict::pass();
  }));
  pair.client.out.append(as_bytes("x"));
  pair.driver.run_until(at_s(1));
  EXPECT_EQ(pair.server().log.back(), "600000 connection reset");
  EXPECT_EQ(pair.client.log.back(), "800000 connection reset");
  EXPECT_EQ(pair.service.released.size(), 1u);
  EXPECT_EQ(pair.driver.stream_count(), 0u);
}

TEST(SimFault, EachStepOfOpeningAndEndingMayBeHit) {
  struct Case {
    SegmentKind kind;
    const char* client;
  };
  for (const Case& c :
       {Case{SegmentKind::connect, "0 connection reset"}, Case{SegmentKind::accept, "400000 connection reset"},
        Case{SegmentKind::end, "400000 connection reset"}}) {
    Pair pair;
    pair.service.refuses = true;
    pair.driver.add_rule(rule_on(c.kind, Verdict::drop_connection()));
    pair.driver.run_until(at_s(1));
    ASSERT_FALSE(pair.client.log.empty());
    EXPECT_EQ(pair.client.log.back(), c.client) << to_string(c.kind);
    EXPECT_EQ(pair.service.peers.size(), c.kind == SegmentKind::end ? 1u : 0u) << to_string(c.kind);
    EXPECT_EQ(pair.driver.stream_count(), 0u) << to_string(c.kind);
  }
}

TEST(SimFault, ARefusalThatIsLostIsAReset) {
  Toy client;
  client.wish_now = StreamWish::open;
  SimDriver driver({});
  driver.add_rule(rule_on(SegmentKind::refuse, Verdict::drop_connection()));
  driver.attach(client, {});
  driver.run_until(at_s(1));
  EXPECT_EQ(client.log, (Transcript{"400000 connection reset"}));
}

TEST(SimFault, ALostEndIsAResetForThePeer) {
  Pair pair;
  pair.driver.add_rule(rule_on(SegmentKind::end, Verdict::drop_connection()));
  pair.driver.run_until(at_s(1));
  pair.client.wish_now = StreamWish::close;
  pair.waker->wake();
  pair.driver.run_until(at_s(2));
  EXPECT_EQ(pair.client.log.back(), "1000000000 closed here");
  EXPECT_EQ(pair.server().log.back(), "1000200000 connection reset");
}

TEST(SimFault, ARuleMayPickOneClientAcrossItsConnections) {
  Pair pair;
  Toy victim;
  victim.wish_now = StreamWish::open;
  Waker& waker = pair.driver.attach(victim, {});
  pair.driver.add_rule(rule([](const Passage& p) {
    return p.client == 1 && p.now < at_s(2) ? Verdict::drop_connection() : Verdict::pass();
  }));
  pair.driver.run_until(at_s(1));
  EXPECT_TRUE(pair.client.is_open);
  for (const int64_t second : {1, 2}) {
    pair.driver.run_until(at_s(second));
    victim.wish_now = StreamWish::open;
    waker.wake();
  }
  pair.driver.run_until(at_s(3));
  EXPECT_EQ(victim.log, (Transcript{"0 connection reset", "1000000000 connection reset",
                                    "2000400000 open started=2000000000 tcp=400000"}));
}

}  // namespace
}  // namespace mqtt_sim::sim
