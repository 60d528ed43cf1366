// Very much of one thing: it costs no more than it should, and what it cost comes back.
#include <set>

#include "tests/cpp/broker/allocated.hpp"
#include "tests/cpp/broker/harness.hpp"

namespace mqtt_sim::broker::test {
namespace {

constexpr int64_t kMiB = 1 << 20;

TEST(Abundance, LongWillsOfAllClientsAtOnceAreSharedByTheirReaders) {
  constexpr int kClients = 1000;
  constexpr int kReaders = 10;
  const std::string payload(65'000, 'w');
  World world({.max_queued = 100, .output_limit = 1 << 20});
  std::vector<Peer*> readers;
  for (int i = 0; i < kReaders; ++i) {
    readers.push_back(&world.connect({.id = "reader" + std::to_string(i)}));
    readers.back()->send(subscribe(1, "will/#", q1));
    readers.back()->receive();
    readers.back()->is_reading = i == 0;
  }
  const int64_t without = allocated;
  std::vector<Peer*> clients;
  for (int i = 0; i < kClients; ++i) {
    clients.push_back(&world.connect({.id = "c" + std::to_string(i), .will = will("will/x", payload, q1)}));
  }
  EXPECT_GT(allocated - without, kClients * 65'000);
  size_t read = 0;
  for (Peer* client : clients) {
    client->drop();
    for (const std::string& line : readers[0]->receive()) {
      ++read;
      readers[0]->send(Puback{static_cast<PacketId>(std::stoi(line.substr(line.find('#') + 1))), {}, {}});
    }
  }
  EXPECT_EQ(read, static_cast<size_t>(kClients));
  // 16 messages fill an output and 100 a queue, and they are the same ones for all who do not read.
  EXPECT_LT(allocated - without, 116 * 65'536 + 2 * kMiB);
  EXPECT_EQ(world.broker.stats().wills, static_cast<uint64_t>(kClients));
  EXPECT_EQ(world.broker.stats().dropped_queue_full, (kReaders - 1) * (kClients - 116u));
}

TEST(Abundance, TenMembersOfAGroupShareEvenlyAndNothingTwice) {
  prove("X-04");
  for (const QoS qos : {q0, q1}) {
    World world;
    std::vector<Peer*> members;
    for (int i = 0; i < 10; ++i) {
      members.push_back(&world.connect({.id = "m" + std::to_string(i), .version = v5}));
      members.back()->send(subscribe(1, "$share/g/t", qos));
      members.back()->receive();
    }
    Peer& publisher = world.connect({.id = "p"});
    for (int i = 0; i < 10'000; ++i) publisher.send(message("t", std::to_string(i), qos, qos == q0 ? 0 : 1));
    std::set<std::string> seen;
    for (Peer* member : members) {
      const Lines lines = member->receive();
      EXPECT_GE(lines.size(), 850u);
      EXPECT_LE(lines.size(), 1150u);
      for (const std::string& line : lines) seen.insert(line.substr(0, line.find(" q1")));
    }
    EXPECT_EQ(seen.size(), 10'000u);
  }
}

TEST(Abundance, FiltersLeaveNothingBehind) {
  World world;
  std::vector<Peer*> peers;
  for (int i = 0; i < 20; ++i) peers.push_back(&world.connect({.id = "c" + std::to_string(i)}));
  const auto filter = [](size_t client, size_t i) {
    return "filters/" + std::to_string(client * 1000 + i) + "/+/" + std::to_string(i) + "/#";
  };
  const auto round = [&](auto&& act) {
    for (size_t client = 0; client < peers.size(); ++client) {
      for (size_t i = 0; i < 1000; ++i) act(*peers[client], filter(client, i));
      peers[client]->receive();
    }
  };
  const int64_t before = allocated;
  round([](Peer& peer, const std::string& text) { peer.send(subscribe(1, text)); });
  EXPECT_EQ(world.broker.stats().subscriptions, 20'000u);
  EXPECT_GT(allocated - before, 4 * kMiB);
  round([](Peer& peer, const std::string& text) { peer.send(unsubscribe(1, text)); });
  EXPECT_EQ(world.broker.stats().subscriptions, 0u);
  EXPECT_LT(allocated - before, kMiB / 8);
}

TEST(Abundance, RetainedMessagesLeaveNothingBehind) {
  World world;
  Peer& peer = world.connect({.id = "c"});
  const auto round = [&] {
    for (const char* payload : {"a payload of some length", ""}) {
      for (int i = 0; i < 20'000; ++i) peer.send(retained("retained/" + std::to_string(i) + "/x", payload));
      EXPECT_EQ(world.broker.stats().retained, *payload ? 20'000u : 0u);
    }
  };
  round();  // routes to the topics last published to stay
  const int64_t before = allocated;
  round();
  EXPECT_LT(allocated - before, kMiB / 8);
}

class DeepTopic : public testing::TestWithParam<size_t> {};

// Nothing goes a level deeper into the stack with each level of a topic.
TEST_P(DeepTopic, WorksWhenAllowed) {
  prove("G13");
  World world({.max_topic_levels = 65'536});
  const std::string slashes(GetParam(), '/');
  const std::string plus = [&] {
    std::string text = "+";
    while (text.size() + 2 <= slashes.size()) text += "/+";
    return text;
  }();
  const auto levels = static_cast<size_t>(std::ranges::count(plus, '/'));
  Peer& peer = world.connect({.id = "c", .version = v5});
  peer.send(subscribe(1, slashes));
  peer.send(subscribe(2, plus));
  peer.send(retained(slashes, "x", q1, 3));
  EXPECT_EQ(peer.receive(), (Lines{"SUBACK #1 00", "SUBACK #2 00", "PUBLISH " + slashes + "=x", "PUBACK #3"}));
  peer.send(retained(std::string(levels, '/'), "y", q1, 4));
  EXPECT_EQ(peer.receive().size(), 2u);
  peer.send(subscribe(5, {{plus, {}}, {"#", {}}, {"+/#", {}}}));
  EXPECT_EQ(peer.receive().size(), 1u + 1 + 2 + 2);
  Unsubscribe all;
  all.packet_id = 6;
  all.filters = {slashes, plus, "#", "+/#"};
  peer.send(all);
  EXPECT_EQ(peer.receive(), Lines{"UNSUBACK #6 00 00 00 00"});
}

INSTANTIATE_TEST_SUITE_P(Slashes, DeepTopic, testing::Values(size_t{1000}, size_t{65'535}));

TEST(Abundance, ADeepTopicIsRefusedBeforeItCostsAnything) {
  prove("X-12");
  World world;
  Peer& peer = world.connect({.id = "c", .version = v5});
  const std::string deep(10'000, '/');
  const int64_t before = allocated;
  for (PacketId id = 1; id <= 100; ++id) {
    peer.send(subscribe(id, deep));
    peer.send(retained(deep, "x", q1, id));
    EXPECT_EQ(peer.receive().size(), 2u);
  }
  EXPECT_EQ(world.broker.stats().refused_topic_levels, 200u);
  EXPECT_LT(allocated - before, kMiB / 8);
}

TEST(Abundance, AForgedLengthCostsNothing) {
  prove("X-14");
  World world;
  const int64_t before = allocated;
  for (const bool is_connected : {false, true}) {
    Peer& peer = is_connected ? world.connect({.id = "c", .version = v5}) : world.open(v5);
    const uint8_t header[] = {static_cast<uint8_t>(is_connected ? 0x30 : 0x10), 0xFF, 0xFF, 0xFF, 0x7F};
    peer.send_bytes(header);
    EXPECT_EQ(peer.receive(), is_connected ? (Lines{"DISCONNECT 95", "CLOSE"}) : Lines{"CLOSE"});
  }
  EXPECT_LT(allocated - before, kMiB / 8);
  EXPECT_EQ(world.broker.stats().errors_of(ReasonCode::packet_too_large), 2u);
}

}  // namespace
}  // namespace mqtt_sim::broker::test
