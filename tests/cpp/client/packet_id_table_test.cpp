#include "core/client/packet_id_table.hpp"

#include <gtest/gtest.h>

#include <map>

#include "core/base/random.hpp"

namespace mqtt_sim::client {
namespace {

using protocol::PacketId;

struct Slot {
  PacketId id = 0;
  uint32_t value = 0;
};

TEST(PacketIdTable, FindsWhatIsInItAndNothingElse) {
  PacketIdTable<Slot> table;
  EXPECT_EQ(table.find(1), nullptr);
  table.insert({1, 10});
  table.insert({65535, 20});
  ASSERT_NE(table.find(1), nullptr);
  EXPECT_EQ(table.find(1)->value, 10u);
  EXPECT_EQ(table.find(65535)->value, 20u);
  EXPECT_EQ(table.find(2), nullptr);
  EXPECT_EQ(table.find(0), nullptr);
  EXPECT_EQ(table.size(), 2u);
}

TEST(PacketIdTable, BehavesAsAMapUnderRandomUse) {
  Random random(7);
  for (const uint64_t range : {8u, 300u, 65535u}) {
    PacketIdTable<Slot> table;
    std::map<PacketId, uint32_t> model;
    for (uint32_t i = 0; i < 200'000; ++i) {
      const auto id = static_cast<PacketId>(1 + random.below(range));
      Slot* found = table.find(id);
      ASSERT_EQ(found != nullptr, model.contains(id));
      if (found) {
        ASSERT_EQ(found->value, model.at(id));
        table.erase(*found);
        model.erase(id);
      } else {
        table.insert({id, i});
        model[id] = i;
      }
      ASSERT_EQ(table.size(), model.size());
    }
    std::map<PacketId, uint32_t> visited;
    table.for_each([&](const Slot& slot) { visited[slot.id] = slot.value; });
    EXPECT_EQ(visited, model);
  }
}

TEST(PacketIdTable, HoldsEveryPacketId) {
  PacketIdTable<Slot> table;
  for (uint32_t id = 1; id <= kPacketIds; ++id) table.insert({static_cast<PacketId>(id), id});
  EXPECT_EQ(table.size(), kPacketIds);
  for (uint32_t id = 1; id <= kPacketIds; ++id) ASSERT_EQ(table.find(static_cast<PacketId>(id))->value, id);
}

TEST(PacketIdTable, GivesItsMemoryBackWhenEmpty) {
  PacketIdTable<Slot> table;
  EXPECT_EQ(table.capacity(), 0u);
  for (PacketId id = 1; id <= 100; ++id) table.insert({id, 0});
  EXPECT_GT(table.capacity(), 100u);
  for (PacketId id = 1; id <= 100; ++id) table.erase(*table.find(id));
  EXPECT_EQ(table.capacity(), 0u);
  table.insert({1, 0});
  table.release();
  EXPECT_NE(table.find(1), nullptr) << "only an empty table is released";
  table.erase(*table.find(1));
  EXPECT_GT(table.capacity(), 0u) << "the smallest block stays for the next one";
  table.release();
  EXPECT_EQ(table.capacity(), 0u);
}

TEST(PacketIdTableDeathTest, RefusesAnIdTwice) {
  PacketIdTable<Slot> table;
  table.insert({5, 1});
  EXPECT_DEATH(table.insert({5, 2}), "find");
  EXPECT_DEATH(table.insert({0, 2}), "slot.id");
}

}  // namespace
}  // namespace mqtt_sim::client
