// TLS without a socket: two layers that speak to each other through memory, however the bytes are cut.
#include "core/net/tls_layer.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "core/net/stack.hpp"
#include "tests/cpp/net/transports.hpp"

namespace mqtt_sim::net {
namespace {

struct Side {
  StackBuffers buffers;
  TlsLayer layer;
  std::string received;

  explicit Side(TlsContext& context) : layer(context, buffers.plain_space()) {}

  std::string give(const std::vector<std::string>& pieces = {}) {
    std::vector<ByteView> views;
    for (const std::string& piece : pieces) views.push_back(as_bytes(piece));
    WireBuffer below;
    layer.give(views, below);
    return std::string(as_text(below.view()));
  }
  void put(std::string bytes, size_t step) {
    for (size_t at = 0; at < bytes.size(); at += step) {
      const size_t n = std::min(step, bytes.size() - at);
      layer.put({reinterpret_cast<uint8_t*>(bytes.data()) + at, n});
      for (auto run = layer.take(); !run.empty(); run = layer.take()) received += as_text(run);
    }
  }
};

struct TwoSides : ::testing::TestWithParam<size_t> {
  std::unique_ptr<TlsContext> of_server = std::move(*TlsContext::make_server(*server_tls()));
  std::unique_ptr<TlsContext> of_client = std::move(*TlsContext::make_client(*client_tls(), "localhost"));
  Side server{*of_server};
  Side client{*of_client};

  void SetUp() override {
    for (int i = 0; i < 4; ++i) {
      server.put(client.give(), GetParam());
      client.put(server.give(), GetParam());
    }
    ASSERT_EQ(client.layer.state(), Layer::State::open) << client.layer.problem();
    ASSERT_EQ(server.layer.state(), Layer::State::open);
  }
};
INSTANTIATE_TEST_SUITE_P(Steps, TwoSides, ::testing::Values(1, 7, 1000, 1 << 20));

TEST_P(TwoSides, agree_whatever_the_cuts) {
  const std::string large(100'000, 'l');
  server.put(client.give({"small", "", large, "x"}), GetParam());
  EXPECT_EQ(server.received, "small" + large + "x");
  client.put(server.give({large}), GetParam());
  EXPECT_EQ(client.received, large);
}

TEST_P(TwoSides, end_with_a_goodbye_after_the_last_bytes) {
  std::string last = client.give({"last"});
  client.layer.close();
  last += client.give();
  server.put(last, GetParam());
  EXPECT_EQ(server.received, "last");
  EXPECT_EQ(server.layer.state(), Layer::State::ended);
}

TEST_P(TwoSides, a_byte_that_was_changed_breaks_it_and_the_peer_is_told) {
  std::string bytes = client.give({"a secret"});
  bytes[bytes.size() - 1] ^= 1;
  server.put(bytes, GetParam());
  EXPECT_EQ(server.received, "");
  EXPECT_EQ(server.layer.state(), Layer::State::failed);
  EXPECT_EQ(server.layer.problem(), "decryption failed or bad record mac");
  client.put(server.give({"no more data"}), GetParam());
  EXPECT_EQ(client.layer.problem(), "alert from peer: bad record mac");
  EXPECT_EQ(client.received, "");
}

TEST_P(TwoSides, small_pieces_share_a_record) {
  const std::vector<std::string> pieces(100, std::string(10, 'x'));
  EXPECT_LT(client.give(pieces).size(), 1000u + 40u);
}

}  // namespace
}  // namespace mqtt_sim::net
