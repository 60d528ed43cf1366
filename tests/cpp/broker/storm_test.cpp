// Clients that are cut and come back at random, in the middle of every exchange: what was acknowledged arrives, at QoS
// 2 once, and in order. The clients here keep only what the standard asks a client to keep.
#include <deque>
#include <map>
#include <set>

#include "core/base/random.hpp"
#include "tests/cpp/broker/harness.hpp"

namespace mqtt_sim::broker::test {
namespace {

// A publisher or subscriber with a persistent session. Bytes cut with the stream are lost in both directions.
class Roamer {
 public:
  Roamer(World& world, std::string id, ProtocolVersion version)
      : world_(world), id_(std::move(id)), version_(version) {}

  Peer* peer = nullptr;
  std::vector<std::string> received;  // payloads in order of acceptance

  void come_back() {
    if (peer) return;
    const Client client{
        .id = id_, .version = version_, .clean = false, .session_expiry_s = version_ == v5 ? 3600u : 0u};
    peer = &world_.connect(client, was_here_ ? "CONNACK 00 present" : "CONNACK 00");
    was_here_ = true;
    for (const auto& [id, exchange] : sending_) {  // [MQTT-4.4.0-1]
      if (exchange.is_released) {
        peer->send(Pubrel{id, {}, {}});
      } else {
        send_publish(id, exchange, true);
      }
    }
  }
  void cut() {
    if (!peer) return;
    peer->drop();
    peer = nullptr;
  }
  // False: not connected, or the window is full.
  bool publish(std::string payload, QoS qos) {
    if (sending_.size() >= 20 || !peer) return false;
    next_id_ = static_cast<PacketId>(next_id_ % 60'000 + 1);
    Exchange& exchange = sending_[next_id_];
    exchange = {std::move(payload), qos, false};
    send_publish(next_id_, exchange, false);
    return true;
  }
  void read() {
    if (!peer) return;
    for (const std::string& line : peer->receive()) handle(line);
  }
  bool is_done() const { return sending_.empty(); }

 private:
  struct Exchange {
    std::string payload;
    QoS qos{};
    bool is_released = false;
  };

  void send_publish(PacketId id, const Exchange& exchange, bool dup) {
    Publish publish = message("storm", exchange.payload, exchange.qos, id);
    publish.dup = dup;
    peer->send(publish);
  }
  void handle(const std::string& line) {
    const size_t mark = line.find('#');
    if (mark == std::string::npos) return;
    const PacketId id = static_cast<PacketId>(std::stoi(line.substr(mark + 1)));
    if (line.starts_with("PUBLISH")) {
      const size_t begin = line.find('=') + 1;
      const std::string payload = line.substr(begin, line.find(' ', begin) - begin);
      if (line.find(" q1 ") != std::string::npos) {
        received.push_back(payload);
        peer->send(Puback{id, {}, {}});
      } else {
        if (unreleased_.insert(id).second) received.push_back(payload);
        peer->send(Pubrec{id, {}, {}});
      }
    } else if (line.starts_with("PUBREL")) {
      unreleased_.erase(id);
      peer->send(Pubcomp{id, {}, {}});
    } else if (line.starts_with("PUBREC")) {
      sending_.at(id).is_released = true;
      peer->send(Pubrel{id, {}, {}});
    } else {  // PUBACK, PUBCOMP
      sending_.erase(id);
    }
  }

  World& world_;
  std::string id_;
  ProtocolVersion version_;
  bool was_here_ = false;
  std::map<PacketId, Exchange> sending_;
  std::set<PacketId> unreleased_;
  PacketId next_id_ = 0;
};

class Storm : public testing::TestWithParam<uint64_t> {};

// [MQTT-4.3.2-4], [MQTT-4.3.3-10], [MQTT-4.4.0-1], [MQTT-4.6.0-5], [MQTT-4.6.0-6]
TEST_P(Storm, LosesNothingDeliversQos2OnceAndKeepsOrder) {
  prove("G2, G3");
  Random random(GetParam());
  const QoS qos = GetParam() % 2 ? q1 : q2;
  World world({.receive_maximum = 50, .max_inflight_below_v5 = 5});
  std::deque<Roamer> publishers;
  std::deque<Roamer> subscribers;
  for (int i = 0; i < 3; ++i) publishers.emplace_back(world, "p" + std::to_string(i), i % 2 ? v5 : v311);
  for (int i = 0; i < 3; ++i) subscribers.emplace_back(world, "s" + std::to_string(i), i % 2 ? v5 : v311);
  for (Roamer& subscriber : subscribers) {
    subscriber.come_back();
    subscriber.peer->send(subscribe(1, "storm", qos));
  }
  std::vector<int> sent(publishers.size());
  const auto all = [&](auto&& work) {
    for (Roamer& each : publishers) work(each);
    for (Roamer& each : subscribers) work(each);
  };
  for (int step = 0; step < 5000; ++step) {
    all([&](Roamer& each) {
      if (random.below(50) == 0) each.cut();
      if (random.below(10) == 0) each.come_back();
      if (random.below(2) == 0) each.read();
    });
    for (size_t i = 0; i < publishers.size(); ++i) {
      if (publishers[i].publish(std::to_string(i) + "." + std::to_string(sent[i]), qos)) ++sent[i];
    }
    world.advance(milliseconds(10));
  }
  for (int turn = 0; turn < 20'000; ++turn) {
    all([](Roamer& each) {
      each.come_back();
      each.read();
    });
  }
  for (const Roamer& publisher : publishers) EXPECT_TRUE(publisher.is_done());
  EXPECT_EQ(world.broker.stats().dropped_queue_full, 0u);
  for (const Roamer& subscriber : subscribers) {
    std::vector<int> next(publishers.size());
    for (const std::string& payload : subscriber.received) {
      const size_t publisher = static_cast<size_t>(payload[0] - '0');
      const int number = std::stoi(payload.substr(2));
      if (qos == q2) {
        ASSERT_EQ(number, next[publisher]) << "lost, doubled or out of order";
      } else {
        ASSERT_LE(number, next[publisher]) << "lost, or overtaken";  // repetitions may come again
      }
      next[publisher] = std::max(next[publisher], number + 1);
    }
    for (size_t i = 0; i < publishers.size(); ++i) EXPECT_EQ(next[i], sent[i]);
  }
  EXPECT_GT(world.broker.stats().messages_resent, 0u);
}

INSTANTIATE_TEST_SUITE_P(Seeds, Storm, testing::Range(uint64_t{1}, uint64_t{11}));

}  // namespace
}  // namespace mqtt_sim::broker::test
