// WebSocket frames, byte by byte, without a socket.
#include "core/net/websocket_layer.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/cpp/net/frames.hpp"

namespace mqtt_sim::net {
namespace {

using State = Layer::State;

struct Wire {
  Random random{1};
  WebSocketLayer layer;

  explicit Wire(WebSocketRole role = WebSocketRole::server, uint64_t limit = 16 << 20) : layer(role, random, limit) {}

  std::string put(std::string bytes) {
    std::string up;
    layer.put({reinterpret_cast<uint8_t*>(bytes.data()), bytes.size()});
    for (auto run = layer.take(); !run.empty(); run = layer.take()) up += as_text(run);
    return up;
  }
  std::string give(std::vector<std::string> pieces = {}) {
    std::vector<ByteView> views;
    for (const std::string& piece : pieces) views.push_back(as_bytes(piece));
    WireBuffer below;
    layer.give(views, below);
    return std::string(as_text(below.view()));
  }
};

std::string close_with(int code) { return frame(8, big_endian(static_cast<uint64_t>(code), 2), {.is_masked = false}); }

struct Good {
  const char* name;
  const char* requirement;
  std::string in;
  std::string up;
  std::string answer;
};

const std::string kConnect = "\x10\x0c the connect";

const Good kGood[] = {
    {"W03_connect_over_three_continuation_frames", "W03",
     frame(2, kConnect.substr(0, 3), {.is_final = false}) + frame(0, kConnect.substr(3, 4), {.is_final = false}) +
         frame(0, kConnect.substr(7)),
     kConnect, ""},
    {"W04_connect_over_two_messages_one_byte_first", "W04",
     frame(2, kConnect.substr(0, 1)) + frame(2, kConnect.substr(1)), kConnect, ""},
    {"W05_three_packets_in_one_frame", "W05", frame(2, std::string("\xc0\0\xc0\0\xc0\0", 6)),
     std::string("\xc0\0\xc0\0\xc0\0", 6), ""},
    {"W06_ping_between_fragments", "W06",
     frame(2, "\xc0", {.is_final = false}) + frame(9, "now?") + frame(0, std::string(1, '\0')),
     std::string("\xc0\0", 2), frame(10, "now?", {.is_masked = false})},
    {"W07_ping_gets_pong", "W07", frame(9, "are you there"), "", frame(10, "are you there", {.is_masked = false})},
    {"W15_empty_frames_then_a_packet", "W15", frame(2, "") + frame(2, "") + frame(2, std::string("\xc0\0", 2)),
     std::string("\xc0\0", 2), ""},
    {"only_the_latest_ping_is_answered", "W07", frame(9, "one") + frame(9, "two"), "",
     frame(10, "two", {.is_masked = false})},
    {"a_pong_nobody_asked_for_is_ignored", "W07", frame(10, "hm"), "", ""},
    {"a_length_of_126", "W05", frame(2, std::string(126, 'x')), std::string(126, 'x'), ""},
    {"a_length_of_65536", "W05", frame(2, std::string(65536, 'x')), std::string(65536, 'x'), ""},
};

TEST(WebSocketFrame, good_ones_go_up_whole_and_in_pieces) {  // [MQTT-6.0.0-2]
  for (const Good& row : kGood) {
    SCOPED_TRACE(row.name);
    for (const size_t step : {row.in.size(), size_t{1}, size_t{3}, size_t{7}}) {
      Wire wire;
      std::string up;
      for (size_t at = 0; at < row.in.size(); at += step) up += wire.put(row.in.substr(at, step));
      EXPECT_EQ(up, row.up) << step;
      EXPECT_EQ(wire.give(), row.answer) << step;
      EXPECT_EQ(wire.layer.state(), State::open);
    }
  }
}

struct Bad {
  const char* name;
  std::string in;
  int code;
  const char* problem;
};

const Bad kBad[] = {
    {"W01_text_frame", frame(1, "hello"), 1003, "text frame"},  // [MQTT-6.0.0-1]
    {"W02_unmasked", frame(2, "x", {.is_masked = false}), 1002, "unmasked frame from a client"},
    {"W08_control_frame_over_125_bytes", frame(9, std::string(126, 'x')), 1002, "control frame above 125 bytes"},
    {"W09_reserved_opcode", frame(3, "x"), 1002, "reserved opcode"},
    {"reserved_control_opcode", frame(11, "x"), 1002, "reserved opcode"},
    {"W10_reserved_bit", frame(2, "x", {.reserved = 0x40}), 1002, "reserved bit set in a frame"},
    {"W11_continuation_of_nothing", frame(0, "x"), 1002, "continuation of nothing"},
    {"new_message_inside_another", frame(2, "x", {.is_final = false}) + frame(2, "y"), 1002,
     "new message inside a fragmented one"},
    {"W12_length_of_2_63", "\x82\xff" + big_endian(uint64_t{1} << 63, 8) + "\x01\x02\x03\x04", 1002,
     "frame length above 2^63"},
    {"W13_fragmented_control_frame", frame(9, "x", {.is_final = false}), 1002, "fragmented control frame"},
    {"W14_close_frame_of_one_byte", frame(8, "x"), 1002, "close frame of one byte"},
    {"close_code_that_may_not_be_sent", frame(8, big_endian(1005, 2)), 1002, "close code out of range"},
    {"W16_frame_of_1_GiB", "\x82\xff" + big_endian(1 << 30, 8) + "\x01\x02\x03\x04" + std::string(65536, 'x'), 1009,
     "frame above the limit"},
};

TEST(WebSocketFrame, bad_ones_end_it_with_the_right_code) {
  for (const Bad& row : kBad) {
    SCOPED_TRACE(row.name);
    for (const size_t step : {row.in.size(), size_t{1}}) {
      Wire wire;
      for (size_t at = 0; at < std::min<size_t>(row.in.size(), 200); at += step) wire.put(row.in.substr(at, step));
      EXPECT_EQ(wire.layer.state(), State::failed);
      EXPECT_EQ(wire.layer.reason(), CloseReason::breach);
      EXPECT_EQ(wire.layer.problem(), row.problem);
      EXPECT_EQ(wire.give({"no more data"}), close_with(row.code));
      EXPECT_EQ(wire.put(frame(2, "later")), "") << "nothing is read after it";
      EXPECT_EQ(wire.give(), "");
    }
  }
}

TEST(WebSocketFrame, a_server_must_not_mask) {
  Wire wire(WebSocketRole::client);
  EXPECT_EQ(wire.put(frame(2, "fine", {.is_masked = false})), "fine");
  wire.put(frame(2, "x"));
  EXPECT_EQ(wire.layer.problem(), "masked frame from a server");
}

TEST(WebSocketFrame, a_close_is_answered_with_its_code_once) {
  for (const std::string& payload : {std::string(), big_endian(1000, 2) + "bye", big_endian(4321, 2)}) {
    Wire wire;
    EXPECT_EQ(wire.put(frame(2, "last") + frame(8, payload) + frame(2, "late")), "last");
    EXPECT_EQ(wire.layer.state(), State::ended);
    wire.layer.close();
    EXPECT_EQ(wire.give({"too late"}), frame(8, payload.substr(0, 2), {.is_masked = false}));
    EXPECT_EQ(wire.give(), "");
  }
}

TEST(WebSocketFrame, our_close_says_1000_after_the_last_bytes) {
  Wire wire;
  std::string out = wire.give({"last"});
  wire.layer.close();
  out += wire.give();
  EXPECT_EQ(out, frame(2, "last", {.is_masked = false}) + close_with(1000));
}

TEST(WebSocketFrame, several_pieces_leave_in_one_frame) {
  Wire wire;
  EXPECT_EQ(wire.give({"one", "", "two", "three"}), frame(2, "onetwothree", {.is_masked = false}));
  EXPECT_EQ(wire.give({}), "");
  EXPECT_EQ(wire.give({""}), "") << "nothing to say, nothing said";
}

TEST(WebSocketFrame, lengths_take_the_shortest_form) {
  for (const size_t size : {1u, 125u, 126u, 65535u, 65536u}) {
    Wire wire;
    EXPECT_EQ(wire.give({std::string(size, 'x')}), frame(2, std::string(size, 'x'), {.is_masked = false})) << size;
  }
}

TEST(WebSocketFrame, a_client_masks_every_frame_with_another_key) {
  Wire client(WebSocketRole::client);
  Wire server;
  const std::string first = client.give({"same bytes", ", in pieces of odd length", "!"});
  const std::string second = client.give({"same bytes", ", in pieces of odd length", "!"});
  EXPECT_NE(first, second);
  EXPECT_EQ(first.find("same bytes"), std::string::npos);
  EXPECT_EQ(server.put(first + second), "same bytes, in pieces of odd length!same bytes, in pieces of odd length!");
}

TEST(WebSocketFrame, masking_works_at_every_phase_and_in_place) {
  const std::array<uint8_t, 4> key{1, 2, 3, 4};
  for (size_t phase = 0; phase < 4; ++phase) {
    for (size_t n = 0; n < 40; ++n) {
      for (size_t shift = 0; shift < 3; ++shift) {
        std::vector<uint8_t> block(n + shift, 0x55);
        mask_bytes(block.data(), block.data() + shift, n, key, phase);
        for (size_t i = 0; i < n; ++i) ASSERT_EQ(block[i], 0x55 ^ key[(phase + i) % 4]) << phase << ' ' << n;
      }
    }
  }
}

}  // namespace
}  // namespace mqtt_sim::net
