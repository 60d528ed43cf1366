// The documented graph of states, walked at random with a driver that fails in every way it may.
#include <gtest/gtest.h>

#include <set>

#include "core/base/random.hpp"
#include "tests/cpp/client/transcript.hpp"

namespace mqtt_sim::client {
namespace {

using namespace std::chrono_literals;
using protocol::Connack;
using protocol::PacketId;
using protocol::ProtocolVersion;
using protocol::Publish;
using protocol::QoS;

using Edge = std::pair<State, State>;

const std::set<Edge> kGraph = {
    {State::idle, State::connecting},         {State::connecting, State::connected},
    {State::connecting, State::closing},      {State::connecting, State::reconnecting},
    {State::connecting, State::closed},       {State::connected, State::closing},
    {State::connected, State::reconnecting},  {State::connected, State::closed},
    {State::reconnecting, State::connecting}, {State::reconnecting, State::closed},
    {State::closing, State::reconnecting},    {State::closing, State::closed},
    {State::closed, State::connecting},
};

TEST(State, TheGraphIsTheDocumentedOne) {
  RecordProperty("req", "A-09");
  const State all[] = {State::idle,         State::connecting, State::connected,
                       State::reconnecting, State::closing,    State::closed};
  for (const State from : all) {
    for (const State to : all) {
      EXPECT_EQ(may_follow(from, to), kGraph.contains({from, to})) << to_string(from) << " to " << to_string(to);
    }
  }
}

// A driver that obeys wishes late, opens, refuses and drops streams, and a server that answers rightly, wrongly or not.
class Chaos {
 public:
  Chaos(const ClientOptions& options, uint64_t seed)
      : version_(options.version), random_(seed), client_(options, "c1", seed) {}

  void step() {
    const State before = client_.state();
    act();
    note(before);
    check();
    now_ += Duration(random_.below(3'000'000'000));
  }

  const std::set<Edge>& edges() const { return edges_; }
  uint64_t accepted() const { return accepted_; }
  uint64_t settled() const { return settled_; }
  size_t in_flight() const { return client_.in_flight(); }

 private:
  enum class Stream { none, opening, open };

  void act() {
    switch (random_.below(13)) {
      case 0: return random_.below(4) == 0 ? client_.connect() : answer_connect();
      case 1: return random_.below(20) == 0 ? client_.disconnect(now_) : client_.connect();
      case 2: return random_.below(20) == 0 ? client_.kill() : answer_connect();
      case 3: return say(random_packet());
      case 4: return fire();
      case 5:
      case 6: return publish();
      case 7: return random_.below(10) == 0 ? end(CloseReason::reset) : flush();
      default: return grant();
    }
  }

  void grant() {
    const StreamWish wish = client_.wish();
    if (stream_ == Stream::none && wish == StreamWish::open) {
      stream_ = Stream::opening;
    } else if (stream_ == Stream::opening && wish == StreamWish::open) {
      if (random_.below(3) == 0) return end(CloseReason::refused);
      stream_ = Stream::open;
      client_.on_open(waker_, Opening{now_, {}, {}, {}, {}}, now_);
    } else if (stream_ == Stream::opening && wish == StreamWish::abort && random_.below(3) == 0) {
      stream_ = Stream::open;  // it opened before the wish was seen
      client_.on_open(waker_, Opening{now_, {}, {}, {}, {}}, now_);
    } else if (stream_ != Stream::none && (wish == StreamWish::abort || wish == StreamWish::close)) {
      return end(CloseReason::local);
    }
    drain();
  }

  void end(CloseReason reason) {
    if (stream_ == Stream::none) return;
    stream_ = Stream::none;
    client_.on_closed(reason, now_);
    drain();
  }

  void say(const protocol::Packet& packet) {
    if (stream_ != Stream::open) return;
    const std::vector<uint8_t> bytes = bytes_of(packet, version_);
    client_.on_bytes(bytes, now_);
    drain();
  }

  void answer_connect() {
    if (client_.state() != State::connecting && random_.below(20) != 0) return;
    say(Connack{random_.below(2) == 0, 0, {}});
  }

  protocol::Packet random_packet() {
    const auto id = static_cast<PacketId>(1 + random_.below(4));
    switch (random_.below(9)) {
      case 0: return message("t", "", QoS::exactly_once, id);
      case 1: return ack<protocol::Puback>(id);
      case 2: return ack<protocol::Pubrec>(id);
      case 3: return ack<protocol::Pubcomp>(id);
      case 4: return ack<protocol::Pubrel>(id);
      case 5: return protocol::Pingresp{};
      case 6: return random_.below(8) == 0 ? protocol::Packet(protocol::Disconnect{}) : ack<protocol::Puback>(id);
      case 7: return Connack{false, static_cast<uint8_t>(version_ == ProtocolVersion::v5_0 ? 0x88 : 3), {}};
      default: return message("t");
    }
  }

  void publish() {
    const QoS qos = random_.below(2) == 0 ? QoS::at_least_once : QoS::exactly_once;
    if (client_.publish({"t", {}, qos, false, {}, 0}, now_) == PublishOutcome::accepted) ++accepted_;
  }

  void fire() {
    const auto deadline = client_.deadline();
    if (!deadline) return;
    now_ = std::max(now_, *deadline);
    client_.on_deadline(now_);
    drain();
  }

  void flush() {
    while (!client_.output().empty()) client_.output_sent(client_.output().front().size(), now_);
  }

  void drain() {
    State before = client_.state();
    while (const auto event = client_.poll_event()) {
      note(std::exchange(before, client_.state()));
      if (std::holds_alternative<PublishCompleted>(*event) || std::holds_alternative<PublishDropped>(*event))
        ++settled_;
    }
    note(before);
  }

  void note(State before) {
    if (before != client_.state()) edges_.emplace(before, client_.state());
  }

  void check() {
    const State state = client_.state();
    const StreamWish wish = client_.wish();
    const bool waits = state == State::connecting || state == State::reconnecting;
    const bool rests = state == State::idle || state == State::closed;
    EXPECT_TRUE(client_.deadline().has_value() || !waits);
    EXPECT_FALSE(client_.deadline().has_value() && rests);
    EXPECT_TRUE(wish == StreamWish::none || state != State::connected);
    EXPECT_TRUE(wish == StreamWish::close || wish == StreamWish::abort || state != State::closing);
    EXPECT_TRUE(wish != StreamWish::open || state == State::connecting);
    EXPECT_TRUE(client_.output().empty() || stream_ == Stream::open);
  }

  ProtocolVersion version_;
  Random random_;
  Client client_;
  SilentWaker waker_;
  Instant now_{1h};
  Stream stream_ = Stream::none;
  std::set<Edge> edges_;
  uint64_t accepted_ = 0;
  uint64_t settled_ = 0;
};

TEST(State, RandomFaultsNeverLeaveTheGraphNorLoseAPublish) {
  RecordProperty("req", "A-09");
  std::set<Edge> seen;
  uint64_t accepted = 0;
  for (uint64_t seed = 0; seed < 300; ++seed) {
    ClientOptions options;
    options.version = seed % 2 == 0 ? ProtocolVersion::v3_1_1 : ProtocolVersion::v5_0;
    options.clean_start = seed % 3 != 0;
    options.session_expiry_interval_s = seed % 5 == 0 ? 600 : 0;
    options.reconnect_period = seed % 4 == 0 ? Duration(0) : 1s;
    options.keep_alive_s = seed % 7 == 0 ? 0 : 20;
    Chaos chaos(options, seed);
    for (int i = 0; i < 2000; ++i) chaos.step();
    EXPECT_EQ(chaos.accepted(), chaos.settled() + chaos.in_flight()) << "seed " << seed;
    seen.insert(chaos.edges().begin(), chaos.edges().end());
    accepted += chaos.accepted();
    ASSERT_FALSE(HasFailure()) << "seed " << seed;
  }
  EXPECT_EQ(seen, kGraph) << "every documented edge is walked, and no other";
  EXPECT_GT(accepted, 10'000u);
}

}  // namespace
}  // namespace mqtt_sim::client
