#include <gtest/gtest.h>

#include "tests/cpp/client/transcript.hpp"

namespace mqtt_sim::client {
namespace {

using namespace std::chrono_literals;
using protocol::Connack;
using protocol::Disconnect;
using protocol::ProtocolVersion;
using protocol::ReasonCode;

ClientOptions eager(ProtocolVersion version = ProtocolVersion::v3_1_1) {
  ClientOptions options;
  options.version = version;
  options.reconnect_period = 1s;
  options.reconnect_period_max = 8s;
  options.reconnect_jitter = ReconnectJitter::full;
  return options;
}

Duration wait_of(const Transcript& t) { return *t.client.deadline() - t.now; }

TEST(Reconnect, StaysClosedWithoutAPeriod) {
  const ClientOptions options;
  Transcript t(options);
  t.connect();
  t.lose();
  EXPECT_EQ(t.client.state(), State::closed);
  EXPECT_EQ(t.client.deadline(), std::nullopt);
}

TEST(Reconnect, WaitsThenWishesAgain) {
  RecordProperty("req", "C-08");
  const ClientOptions options = eager();
  Transcript t(options);
  t.connect();
  t.lose(CloseReason::peer);
  EXPECT_EQ(t.events(), Lines({"disconnected: stream lost, closed by peer"}));
  EXPECT_EQ(t.client.state(), State::reconnecting);
  EXPECT_EQ(t.client.wish(), StreamWish::none);
  t.pass(wait_of(t));
  EXPECT_EQ(t.client.state(), State::connecting);
  t.reopen({});
  EXPECT_EQ(t.events(), Lines({"connected"}));
}

TEST(Reconnect, WithoutJitterTriesOnceInEachPeriod) {
  RecordProperty("req", "C-08");
  ClientOptions options;
  options.reconnect_period = 1s;
  Transcript t(options);
  t.connect();
  const Instant lost = t.now;
  t.lose();
  int attempts = 0;
  while (true) {  // the server is away for five seconds
    t.pass(wait_of(t));
    if (t.now > lost + 5s) break;
    ASSERT_EQ(t.client.wish(), StreamWish::open);
    ++attempts;
    t.lose(CloseReason::refused);
  }
  EXPECT_EQ(attempts, 5);
  t.reopen({});
  EXPECT_EQ(t.client.state(), State::connected);
}

// Each wait is drawn from nothing up to a ceiling that doubles: over many seeds the longest comes near the ceiling,
// the mean near its half.
TEST(Reconnect, DoublesTheCeilingWithFullJitterUpToTheMaximum) {
  const ClientOptions options = eager();
  const Duration ceilings[] = {1s, 2s, 4s, 8s, 8s, 8s};
  for (size_t failures = 0; failures < std::size(ceilings); ++failures) {
    Duration longest{0}, sum{0};
    constexpr int kSeeds = 400;
    for (uint64_t seed = 0; seed < kSeeds; ++seed) {
      Transcript t(options, "c1", seed);
      t.client.connect();
      t.lose(CloseReason::refused);
      for (size_t i = 0; i < failures; ++i) {
        t.pass(wait_of(t));
        t.lose(CloseReason::refused);
      }
      longest = std::max(longest, wait_of(t));
      sum += wait_of(t);
    }
    EXPECT_LE(longest, ceilings[failures]);
    EXPECT_GT(longest, ceilings[failures] * 9 / 10);
    EXPECT_GT(sum / kSeeds, ceilings[failures] * 4 / 10);
    EXPECT_LT(sum / kSeeds, ceilings[failures] * 6 / 10);
  }
}

TEST(Reconnect, DrawsTheSameWaitsFromTheSameSeed) {
  const ClientOptions options = eager();
  const auto waits = [&](uint64_t seed) {
    Transcript t(options, "c1", seed);
    t.client.connect();
    std::vector<Duration> drawn;
    for (int i = 0; i < 5; ++i) {
      t.lose(CloseReason::refused);
      drawn.push_back(wait_of(t));
      t.pass(wait_of(t));
    }
    return drawn;
  };
  EXPECT_EQ(waits(3), waits(3));
  EXPECT_NE(waits(3), waits(4));
}

TEST(Reconnect, BeginsAnewAfterAConnackWithSuccess) {
  ClientOptions options = eager();
  options.reconnect_period_max = 1000s;
  for (uint64_t seed = 0; seed < 50; ++seed) {
    Transcript t(options, "c1", seed);
    t.client.connect();
    for (int i = 0; i < 8; ++i) {
      t.lose(CloseReason::refused);
      t.pass(wait_of(t));
    }
    t.reopen({});
    t.lose();
    ASSERT_LE(wait_of(t), 1s);
  }
}

struct EndCase {
  const char* name;
  ProtocolVersion version;
  std::optional<protocol::Packet> before_connack;
  std::optional<protocol::Packet> after_connack;
  State then;
};

TEST(Reconnect, DoesNotComeBackWhereItIsNotWanted) {
  const auto v4 = ProtocolVersion::v3_1_1;
  const auto v5 = ProtocolVersion::v5_0;
  const auto refusal = [](auto code) { return Connack{false, static_cast<uint8_t>(code), {}}; };
  const std::vector<EndCase> cases = {
      {"3.1.1 unacceptable version", v4, refusal(1), {}, State::closed},
      {"3.1.1 identifier rejected", v4, refusal(2), {}, State::closed},
      {"3.1.1 server unavailable", v4, refusal(3), {}, State::reconnecting},
      {"3.1.1 bad user name", v4, refusal(4), {}, State::closed},
      {"3.1.1 not authorized", v4, refusal(5), {}, State::closed},
      {"unsupported version", v5, refusal(ReasonCode::unsupported_protocol_version), {}, State::closed},
      {"client id", v5, refusal(ReasonCode::client_identifier_not_valid), {}, State::closed},
      {"bad user name", v5, refusal(ReasonCode::bad_user_name_or_password), {}, State::closed},
      {"not authorized", v5, refusal(ReasonCode::not_authorized), {}, State::closed},
      {"banned", v5, refusal(ReasonCode::banned), {}, State::closed},
      {"authentication method", v5, refusal(ReasonCode::bad_authentication_method), {}, State::closed},
      {"busy", v5, refusal(ReasonCode::server_busy), {}, State::reconnecting},
      {"unavailable", v5, refusal(ReasonCode::server_unavailable), {}, State::reconnecting},
      {"use another server", v5, refusal(ReasonCode::use_another_server), {}, State::reconnecting},
      {"server moved", v5, refusal(ReasonCode::server_moved), {}, State::closed},
      {"server moved, told later", v5, {}, Disconnect{ReasonCode::server_moved, {}}, State::closed},
      {"taken over", v5, {}, Disconnect{ReasonCode::session_taken_over, {}}, State::closed},
      {"shutting down", v5, {}, Disconnect{ReasonCode::server_shutting_down, {}}, State::reconnecting},
      {"breach", v5, {}, Connack{}, State::reconnecting},
  };
  for (const EndCase& c : cases) {
    SCOPED_TRACE(c.name);
    const ClientOptions options = eager(c.version);
    Transcript t(options);
    t.client.connect();
    t.open();
    t.server(c.before_connack ? *c.before_connack : Connack{});
    if (c.after_connack) t.server(*c.after_connack);
    t.grant();
    EXPECT_EQ(t.client.state(), c.then);
  }
}

TEST(Reconnect, ComesBackAfterEachTimeOut) {
  ClientOptions options = eager();
  options.keep_alive_s = 10;
  Transcript t(options);
  t.connect();
  t.pass(20s);
  t.grant();
  EXPECT_EQ(t.client.state(), State::reconnecting);
  t.pass(wait_of(t));
  t.open();
  t.pass(30s);
  EXPECT_EQ(t.client.state(), State::closing);
  t.grant();
  EXPECT_EQ(t.client.state(), State::reconnecting);
}

TEST(Reconnect, ReportsTheReasonOfTheServer) {
  const ClientOptions options = eager(ProtocolVersion::v5_0);
  Transcript t(options);
  t.connect();
  t.server(Disconnect{ReasonCode::session_taken_over, {}});
  t.grant();
  EXPECT_EQ(t.events(), Lines({"disconnected: ended by the server, session taken over 0x8e"}));
  EXPECT_EQ(t.sent(), Lines());
}

TEST(Reconnect, IsEndedByTheOwner) {
  for (const bool kills : {false, true}) {
    const ClientOptions options = eager();
    Transcript t(options);
    t.connect();
    t.lose();
    t.events();
    if (kills) t.client.kill();
    if (!kills) t.client.disconnect(t.now);
    EXPECT_EQ(t.client.state(), State::closed);
    EXPECT_EQ(t.client.deadline(), std::nullopt);
    EXPECT_EQ(t.events(), Lines({"disconnected: ended by us, ended by us, never connected"}));
  }
}

TEST(Reconnect, IsEndedByTheOwnerWhileClosingForAnotherReason) {
  const ClientOptions options = eager();
  Transcript t(options);
  t.connect();
  t.server(Connack{});
  ASSERT_EQ(t.client.state(), State::closing);
  t.client.disconnect(t.now);
  t.grant();
  EXPECT_EQ(t.events(), Lines({"disconnected: protocol error, second CONNACK 0x82"}));
  EXPECT_EQ(t.client.state(), State::closed);
}

TEST(Reconnect, IsHurriedByConnect) {
  const ClientOptions options = eager();
  Transcript t(options);
  t.connect();
  t.lose();
  t.client.connect();
  EXPECT_EQ(t.client.wish(), StreamWish::open);
  t.reopen({});
  EXPECT_EQ(t.client.state(), State::connected);
}

}  // namespace
}  // namespace mqtt_sim::client
