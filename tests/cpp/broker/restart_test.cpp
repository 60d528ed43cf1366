// What outlives a broker that was shut down: all that its store holds, for the next broker on it.
#include "tests/cpp/broker/harness.hpp"

namespace mqtt_sim::broker::test {
namespace {

// A client that connects to `broker`, in the place of the World's own.
Lines resume(Broker& broker, Instant now, const Client& client) {
  struct Flag final : Waker {
    void wake() override {}
  } waker;
  Endpoint* endpoint = broker.on_accept({"test:2"}, now);
  endpoint->on_open(waker, {}, now);
  Connect connect;
  connect.version = client.version;
  connect.clean_start = client.clean;
  connect.client_id = client.id;
  PropertyWriter writer;
  writer.number(PropertyId::session_expiry_interval, client.session_expiry_s);
  connect.properties = writer.list();
  OutputQueue queue;
  EXPECT_TRUE(encode(Packet(connect), client.version, queue));
  for (const ByteView view : queue.views()) endpoint->on_bytes(view, now);
  Lines lines;
  Framer framer;
  while (!endpoint->output().empty()) {
    const ByteView view = endpoint->output().front();
    const std::vector<uint8_t> bytes(view.begin(), view.end());
    framer.feed(bytes);
    for (auto frame = framer.next(); frame && *frame; frame = framer.next()) {
      lines.push_back(std::visit(ToText(), *decode(**frame, client.version)));
    }
    endpoint->output_sent(bytes.size(), now);
  }
  endpoint->on_closed(CloseReason::reset, now);
  broker.release(*endpoint);
  return lines;
}

TEST(Restart, FindsSessionsMessagesUnderWayAndRetainedOnes) {
  prove("X-33");
  World world({.sys_interval = seconds(10)});
  world.advance(seconds(1));
  const Client slow{.id = "slow", .version = v5, .clean = false, .session_expiry_s = 3'600, .receive_maximum = 1};
  Peer& reader = world.connect(slow);
  reader.send(subscribe(1, "t", q2));
  reader.receive();
  Peer& sender = world.connect({.id = "sender", .version = v5});
  for (PacketId id = 1; id <= 3; ++id) sender.send(message("t", "m" + std::to_string(id), q2, id));
  sender.send(retained("state", "on", q1, 9));
  world.broker.shutdown(world.now);
  EXPECT_EQ(reader.receive(), (Lines{"PUBLISH t=m1 q2 #1", "DISCONNECT 8b", "CLOSE"}));
  EXPECT_EQ(sender.receive().back(), "CLOSE");
  EXPECT_EQ(world.broker.stats().dropped_session_end, 0u);

  Broker next({}, world.store, 2);
  EXPECT_EQ(next.stats().sessions, 1u);
  EXPECT_EQ(next.stats().retained, 1u) << "what the other one told about itself is gone with it";
  EXPECT_EQ(next.stats().subscriptions, 1u);
  EXPECT_EQ(resume(next, world.now, {.id = "slow", .version = v5, .clean = false, .session_expiry_s = 3'600}),
            (Lines{"CONNACK 00 present", "PUBLISH t=m1 q2 #1 dup", "PUBLISH t=m2 q2 #2", "PUBLISH t=m3 q2 #3"}));
}

}  // namespace
}  // namespace mqtt_sim::broker::test
