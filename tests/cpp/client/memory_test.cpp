// What an idle client costs: its own size, and no heap but its client id.
#include <gtest/gtest.h>
#include <malloc.h>

#include <cstdlib>
#include <new>

#include "tests/cpp/client/transcript.hpp"

namespace {
thread_local std::ptrdiff_t live_bytes = 0;
thread_local size_t allocations = 0;
}  // namespace

[[gnu::noinline]] void* operator new(size_t size) {
  void* block = std::malloc(size);
  if (!block) std::abort();
  live_bytes += static_cast<std::ptrdiff_t>(malloc_usable_size(block));
  ++allocations;
  return block;
}
[[gnu::noinline]] void operator delete(void* block) noexcept {
  if (block) live_bytes -= static_cast<std::ptrdiff_t>(malloc_usable_size(block));
  std::free(block);
}
[[gnu::noinline]] void operator delete(void* block, size_t) noexcept { operator delete(block); }

namespace mqtt_sim::client {
namespace {

using namespace std::chrono_literals;
using protocol::QoS;

void write_all(Client& client, Instant now) {
  while (!client.output().empty()) client.output_sent(client.output().front().size(), now);
}

void read(Client& client, ByteView bytes, Instant now) {
  client.on_bytes(bytes, now);
  while (client.poll_event()) continue;
}

class Memory : public ::testing::Test {
 protected:
  void connect(Client& client) {
    client.connect();
    client.on_open(waker_, Opening{now_, {}, {}, {}, {}}, now_);
    write_all(client, now_);
    read(client, connack_, now_);
    ASSERT_EQ(client.state(), State::connected);
  }

  SilentWaker waker_;
  Instant now_{1h};
  ClientOptions options_;
  const std::vector<uint8_t> connack_ = from_hex("20 02 00 00");
  const std::vector<uint8_t> puback_ = from_hex("40 02 00 01");
};

TEST_F(Memory, AnIdleConnectedClientOwnsNoHeap) {
  EXPECT_LE(sizeof(Client), 256u);
  const auto before = live_bytes;
  Client client(options_, "short-id", 1);
  connect(client);
  EXPECT_EQ(live_bytes, before);
}

TEST_F(Memory, WhatTrafficNeededIsGivenBackByTheNextKeepAlive) {
  const auto before = live_bytes;
  Client client(options_, "short-id", 1);
  connect(client);
  ASSERT_EQ(client.publish({"t", {}, QoS::at_least_once, false, {}, 0}, now_), PublishOutcome::accepted);
  write_all(client, now_);
  read(client, ByteView(puback_).first(3), now_);
  EXPECT_GT(live_bytes, before);
  read(client, ByteView(puback_).subspan(3), now_);
  EXPECT_LE(live_bytes - before, 200) << "at most the smallest table stays";
  now_ += 60s;
  client.on_deadline(now_);
  write_all(client, now_);
  EXPECT_EQ(live_bytes, before);
}

TEST_F(Memory, ReceivingAllocatesNothing) {
  Client client(options_, "short-id", 1);
  connect(client);
  const auto publish = bytes_of(message("t"), options_.version);
  const size_t before = allocations;
  for (int i = 0; i < 1000; ++i) read(client, publish, now_);
  EXPECT_EQ(allocations, before);
}

}  // namespace
}  // namespace mqtt_sim::client
