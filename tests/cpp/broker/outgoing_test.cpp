// The in-flight window: identifiers, quota, acknowledgements out of order, and the way into plain data and back.
#include "core/broker/outgoing.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "core/base/random.hpp"

namespace mqtt_sim::broker {
namespace {

using protocol::PacketId;
using protocol::QoS;
using storage::Delivery;
using storage::Message;
using storage::SessionState;

Delivery delivery(QoS qos = QoS::at_least_once) {
  return {.message = Message("t", {}, as_bytes("x"), qos, kNever), .identifiers = {}, .qos = qos};
}

TEST(Outgoing, HandsOutEveryIdentifierOnceAndNeverZero) {
  Outgoing outgoing;
  outgoing.start(UINT16_MAX);
  for (uint32_t id = 1; id <= UINT16_MAX; ++id) ASSERT_EQ(outgoing.open(delivery()).packet_id, id);
  EXPECT_FALSE(outgoing.is_open());
  EXPECT_EQ(outgoing.on_puback(1), Outgoing::Answer::accepted);
  EXPECT_EQ(outgoing.open(delivery()).packet_id, 1);  // [MQTT-2.2.1-4]: free again
}

TEST(Outgoing, AnAcknowledgementOutOfOrderKeepsItsPlaceUntilThoseBeforeIt) {
  Outgoing outgoing;
  outgoing.start(3);
  for (int i = 0; i < 3; ++i) outgoing.open(delivery());
  EXPECT_EQ(outgoing.on_puback(2), Outgoing::Answer::accepted);
  EXPECT_EQ(outgoing.on_puback(2), Outgoing::Answer::unknown);
  EXPECT_EQ(outgoing.in_flight(), 3u);
  EXPECT_TRUE(outgoing.is_open());
  EXPECT_EQ(outgoing.open(delivery()).packet_id, 4);
  EXPECT_EQ(outgoing.on_puback(1), Outgoing::Answer::accepted);
  EXPECT_EQ(outgoing.in_flight(), 2u);
  EXPECT_EQ(outgoing.on_puback(0), Outgoing::Answer::unknown);
  EXPECT_EQ(outgoing.on_puback(5), Outgoing::Answer::unknown);
  EXPECT_EQ(outgoing.on_puback(65'535), Outgoing::Answer::unknown);
}

TEST(Outgoing, TheWindowOfAResumedSessionHoldsBackRepetitionsToo) {
  Outgoing outgoing;
  outgoing.start(3);
  for (int i = 0; i < 3; ++i) outgoing.open(delivery());
  outgoing.push(delivery());
  SessionState state;
  outgoing.save(state);
  EXPECT_TRUE(outgoing.empty());
  outgoing.restore(state);
  outgoing.start(1);
  std::vector<PacketId> sent;
  while (Delivery* next = outgoing.peek()) {
    EXPECT_EQ(next->stage, sent.size() < 3 ? storage::Stage::resend : storage::Stage::queued);
    sent.push_back(outgoing.advance().packet_id);
    EXPECT_EQ(outgoing.peek(), nullptr);
    EXPECT_EQ(outgoing.on_puback(sent.back()), Outgoing::Answer::accepted);
  }
  EXPECT_EQ(sent, (std::vector<PacketId>{1, 2, 3, 4}));
  EXPECT_TRUE(outgoing.empty());
}

// Any order of sending, acknowledging and reconnecting leaves what an ordinary list would leave.
TEST(Outgoing, AgreesWithAPlainListUnderRandomUse) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    Random random(seed);
    Outgoing outgoing;
    uint16_t window = 5;
    outgoing.start(window);
    struct Expected {
      PacketId id;
      bool is_on_this_connection;
    };
    std::vector<Expected> in_flight;
    size_t queued = 0;
    const auto fill = [&] {
      while (Delivery* next = outgoing.peek()) {
        const bool was_sent = next->stage == storage::Stage::resend;
        const PacketId id = outgoing.advance().packet_id;
        if (was_sent) {
          const auto found = std::ranges::find(in_flight, id, &Expected::id);
          ASSERT_NE(found, in_flight.end());
          ASSERT_FALSE(found->is_on_this_connection);
          found->is_on_this_connection = true;
        } else {
          ASSERT_EQ(std::ranges::find(in_flight, id, &Expected::id), in_flight.end()) << "identifier in use";
          in_flight.push_back({id, true});
          --queued;
        }
      }
      const auto on_connection = std::ranges::count(in_flight, true, &Expected::is_on_this_connection);
      ASSERT_LE(on_connection, window);
      if (queued > 0) {
        ASSERT_EQ(on_connection, window);
      }
    };
    for (int step = 0; step < 20'000; ++step) {
      const uint64_t what = random.below(100);
      if (what < 50) {
        outgoing.push(delivery());
        ++queued;
      } else if (what < 99 && !in_flight.empty()) {
        const size_t place = random.below(std::min<size_t>(in_flight.size(), 3));
        ASSERT_EQ(outgoing.on_puback(in_flight[place].id), Outgoing::Answer::accepted);
        in_flight.erase(in_flight.begin() + static_cast<std::ptrdiff_t>(place));
      } else if (what == 99) {
        SessionState state;
        outgoing.save(state);
        ASSERT_EQ(state.in_flight.size(), in_flight.size());
        ASSERT_EQ(state.queued.size(), queued);
        outgoing.restore(state);
        window = static_cast<uint16_t>(1 + random.below(8));
        outgoing.start(window);
        for (Expected& each : in_flight) each.is_on_this_connection = false;
      }
      fill();
      ASSERT_EQ(outgoing.queued(), queued);
    }
  }
}

}  // namespace
}  // namespace mqtt_sim::broker
