// A broker and its clients without a network: raw packets in, what came out as one line of text each. World keeps the
// virtual time and runs every deadline; Peer is one stream, whose transcript is what a client would read from it.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/broker/broker.hpp"
#include "core/protocol/decode.hpp"
#include "core/protocol/encode.hpp"
#include "core/storage/memory_store.hpp"

namespace mqtt_sim::broker::test {

using namespace mqtt_sim::protocol;
using std::chrono::milliseconds;
using std::chrono::seconds;
using Lines = std::vector<std::string>;

inline constexpr ProtocolVersion v31 = ProtocolVersion::v3_1;
inline constexpr ProtocolVersion v311 = ProtocolVersion::v3_1_1;
inline constexpr ProtocolVersion v5 = ProtocolVersion::v5_0;
inline constexpr QoS q0 = QoS::at_most_once;
inline constexpr QoS q1 = QoS::at_least_once;
inline constexpr QoS q2 = QoS::exactly_once;

inline std::string hex(unsigned value) {
  char text[16];
  std::snprintf(text, sizeof text, "%02x", value);
  return text;
}

// "PUBLISH a/b=payload q1 #1 retain dup {subscription_identifier=7}"
struct ToText {
  std::string operator()(const Connack& p) const {
    return "CONNACK " + hex(p.code) + (p.session_present ? " present" : "");
  }
  std::string operator()(const Publish& p) const {
    std::string text = "PUBLISH " + std::string(p.topic) + "=" + std::string(as_text(p.payload));
    if (p.qos != q0) text += " q" + std::to_string(static_cast<int>(p.qos)) + " #" + std::to_string(p.packet_id);
    if (p.retain) text += " retain";
    if (p.dup) text += " dup";
    return text + properties(p.properties);
  }
  template <PacketType type>
  std::string operator()(const PublishReply<type>& p) const {
    std::string text = std::string(to_string(type)) + " #" + std::to_string(p.packet_id);
    return p.reason == ReasonCode::success ? text : text + " " + hex(static_cast<unsigned>(p.reason));
  }
  std::string operator()(const Suback& p) const { return codes("SUBACK", p.packet_id, p.codes); }
  std::string operator()(const Unsuback& p) const { return codes("UNSUBACK", p.packet_id, p.codes); }
  std::string operator()(const Auth& p) const {
    return "AUTH " + hex(static_cast<unsigned>(p.reason)) + " " +
           std::string(p.properties.text(PropertyId::authentication_method).value_or("-"));
  }
  std::string operator()(const Disconnect& p) const { return "DISCONNECT " + hex(static_cast<unsigned>(p.reason)); }
  template <class Other>
  std::string operator()(const Other& p) const {
    return std::string(to_string(type_of(p)));
  }

 private:
  static std::string codes(std::string text, PacketId id, ByteView list) {
    text += " #" + std::to_string(id);
    for (const uint8_t code : list) text += " " + hex(code);
    return text;
  }
  static std::string properties(PropertyList list) {
    std::string text;
    for (const Property& property : list) {
      text += text.empty() ? " {" : ", ";
      text += std::string(find_property_row(static_cast<uint8_t>(property.id))->name) + "=";
      text += property.text.empty() ? std::to_string(property.number) : std::string(property.text);
      if (!property.value.empty()) text += ":" + std::string(property.value);
    }
    return text.empty() ? text : text + "}";
  }
};

class World;

class Peer {
 public:
  // By a listener, or the broker itself.
  Peer(World& world, ProtocolVersion version, Service* by = nullptr, std::string certificate_name = {});

  // In.
  void send(const Packet& packet);
  void send_bytes(ByteView bytes);
  void drop();  // the network is gone
  // Out: everything since the last call; "CLOSE" or "ABORT" ends it once the broker has asked for that.
  Lines receive();
  size_t unread() const;   // bytes waiting, at least: those of one gather list
  bool is_reading = true;  // false: receive() takes nothing

  bool is_open() const { return endpoint_ != nullptr; }
  Endpoint* endpoint() { return endpoint_; }
  PropertyList connack_properties() const { return PropertyList(connack_properties_); }
  std::string_view auth_data() const { return auth_data_; }  // of the last AUTH

 private:
  struct Flag final : Waker {
    void wake() override { is_set = true; }
    bool is_set = false;
  };

  friend class World;
  void take_output();
  void read(ByteView bytes);
  void end(CloseReason reason);

  World& world_;
  ProtocolVersion version_;
  Service& service_;
  Endpoint* endpoint_;
  Flag waker_;
  Framer framer_;
  Lines lines_;
  std::vector<uint8_t> connack_properties_;
  std::string auth_data_;
};

struct Client {  // what a CONNECT says, for the tests' designated initialisers
  std::string_view id = "c";
  ProtocolVersion version = v311;
  bool clean = true;
  uint16_t keep_alive_s = 0;
  uint32_t session_expiry_s = 0;  // 5.0
  std::optional<Will> will = std::nullopt;
  uint32_t receive_maximum = 0;
  uint32_t maximum_packet_size = 0;
  uint32_t topic_alias_maximum = 0;
  std::optional<std::string_view> user_name = std::nullopt;
  std::optional<std::string_view> password = std::nullopt;
  Service* by = nullptr;  // the listener it comes in by
};

class World {
 public:
  explicit World(BrokerOptions options = {}) : broker(std::move(options), store, 1) {}

  Peer& open(ProtocolVersion version = v311, Service* by = nullptr, std::string certificate_name = {}) {
    peers_.push_back(std::make_unique<Peer>(*this, version, by, std::move(certificate_name)));
    return *peers_.back();
  }
  // Opens, connects, and expects exactly `connack`.
  Peer& connect(const Client& client, const std::string& connack = "CONNACK 00") {
    Peer& peer = open(client.version, client.by);
    send_connect(peer, client);
    const Lines lines = peer.receive();
    EXPECT_EQ(lines.empty() ? "" : lines.front(), connack);
    peer.lines_.assign(lines.begin() + (lines.empty() ? 0 : 1), lines.end());
    return peer;
  }
  static void send_connect(Peer& peer, const Client& client) {
    Connect connect;
    connect.version = client.version;
    connect.clean_start = client.clean;
    connect.keep_alive_s = client.keep_alive_s;
    connect.client_id = client.id;
    connect.will = client.will;
    connect.user_name = client.user_name;
    if (client.password) connect.password = as_bytes(*client.password);
    PropertyWriter writer;
    const auto put = [&](PropertyId id, uint32_t value) {
      if (value) writer.number(id, value);
    };
    put(PropertyId::session_expiry_interval, client.session_expiry_s);
    put(PropertyId::receive_maximum, client.receive_maximum);
    put(PropertyId::maximum_packet_size, client.maximum_packet_size);
    put(PropertyId::topic_alias_maximum, client.topic_alias_maximum);
    connect.properties = writer.list();
    peer.send(connect);
  }

  // Passes time; whatever falls due on the way is done at its own instant.
  void advance(Duration duration) {
    const Instant end = now + duration;
    for (int turns = 0; turns < 10'000; ++turns) {
      Instant next = broker.deadline().value_or(kNever);
      for (const auto& peer : peers_) {
        if (peer->endpoint_) next = std::min(next, peer->endpoint_->deadline().value_or(kNever));
      }
      if (next > end) break;
      now = std::max(now, next);
      if (broker.deadline().value_or(kNever) <= now) broker.on_deadline(now);
      for (const auto& peer : peers_) {
        if (peer->endpoint_ && peer->endpoint_->deadline().value_or(kNever) <= now) peer->endpoint_->on_deadline(now);
        peer->take_output();
      }
    }
    now = end;
  }

  storage::MemoryStore store;
  Broker broker;
  Instant now = instant_from_ns(1'000'000'000);

 private:
  std::vector<std::unique_ptr<Peer>> peers_;
};

inline Peer::Peer(World& world, ProtocolVersion version, Service* by, std::string certificate_name)
    : world_(world),
      version_(version),
      service_(by ? *by : world.broker),
      endpoint_(service_.on_accept({.address = "test:1", .certificate_name = std::move(certificate_name)}, world.now)) {
  if (endpoint_) endpoint_->on_open(waker_, {}, world.now);
}

inline void Peer::send(const Packet& packet) {
  OutputQueue queue;
  const auto encoded = encode(packet, version_, queue);
  ASSERT_TRUE(encoded) << encoded.error().text;
  std::vector<uint8_t> bytes;
  while (!queue.empty()) {
    const ByteView view = queue.views().front();
    bytes.insert(bytes.end(), view.begin(), view.end());
    queue.consume(view.size());
  }
  send_bytes(bytes);
}

inline void Peer::send_bytes(ByteView bytes) {
  ASSERT_TRUE(endpoint_) << "the broker has closed this stream";
  endpoint_->on_bytes(bytes, world_.now);
  waker_.is_set = true;  // a driver visits an endpoint after each call
}

inline void Peer::drop() { end(CloseReason::reset); }

inline Lines Peer::receive() {
  take_output();
  return std::exchange(lines_, {});
}

inline size_t Peer::unread() const {
  size_t size = 0;
  for (const ByteView view : endpoint_->output()) size += view.size();
  return size;
}

inline void Peer::take_output() {
  while (endpoint_ && is_reading && !endpoint_->output().empty()) {
    EXPECT_TRUE(waker_.is_set) << "output without a wake";
    std::vector<uint8_t> bytes;
    for (const ByteView view : endpoint_->output()) bytes.insert(bytes.end(), view.begin(), view.end());
    waker_.is_set = false;
    endpoint_->output_sent(bytes.size(), world_.now);
    read(bytes);
    waker_.is_set = true;  // output_sent is a call as well
  }
  waker_.is_set = false;
  if (!endpoint_) return;
  const StreamWish wish = endpoint_->wish();
  if (wish == StreamWish::abort || (wish == StreamWish::close && endpoint_->output().empty())) {
    lines_.push_back(wish == StreamWish::close ? "CLOSE" : "ABORT");
    end(CloseReason::local);
  }
}

inline void Peer::read(ByteView bytes) {
  framer_.feed(bytes);
  for (;;) {
    const auto frame = framer_.next();
    ASSERT_TRUE(frame) << frame.error().text;
    if (!*frame) return;
    // A broker that could not make sense of our CONNECT answers in the form of another level.
    const bool is_old = (*frame)->type() == PacketType::connack && (*frame)->body.size() == 2;
    const bool is_new = (*frame)->type() == PacketType::connack && (*frame)->body.size() > 2;
    const auto packet = decode(**frame, is_old ? v311 : is_new ? v5 : version_);
    ASSERT_TRUE(packet) << packet.error().text;
    lines_.push_back(std::visit(ToText(), *packet));
    if (const auto* auth = std::get_if<Auth>(&*packet)) {
      auth_data_ = auth->properties.text(PropertyId::authentication_data).value_or("");
    }
    if (const auto* connack = std::get_if<Connack>(&*packet)) {
      const ByteView encoded = connack->properties.encoded();
      connack_properties_.assign(encoded.begin(), encoded.end());
    }
  }
}

inline void Peer::end(CloseReason reason) {
  endpoint_->on_closed(reason, world_.now);
  service_.release(*endpoint_);
  endpoint_ = nullptr;
}

// Packets, short.
inline Publish message(std::string_view topic, std::string_view payload, QoS qos = q0, PacketId id = 0,
                       bool retain = false) {
  Publish publish;
  publish.topic = topic;
  publish.payload = as_bytes(payload);
  publish.qos = qos;
  publish.packet_id = id;
  publish.retain = retain;
  return publish;
}
inline Publish retained(std::string_view topic, std::string_view payload, QoS qos = q0, PacketId id = 0) {
  return message(topic, payload, qos, id, true);
}
inline Subscribe subscribe(PacketId id, std::string_view filter, QoS qos = q0) {
  Subscribe packet;
  packet.packet_id = id;
  packet.entries.push_back({filter, {.qos = qos}});
  return packet;
}
inline Subscribe subscribe(PacketId id, std::vector<SubscribeEntry> entries) {
  Subscribe packet;
  packet.packet_id = id;
  packet.entries = std::move(entries);
  return packet;
}
inline Unsubscribe unsubscribe(PacketId id, std::string_view filter) {
  Unsubscribe packet;
  packet.packet_id = id;
  packet.filters.push_back(filter);
  return packet;
}
inline Will will(std::string_view topic, std::string_view payload, QoS qos = q0, bool retain = false) {
  Will packet;
  packet.topic = topic;
  packet.payload = as_bytes(payload);
  packet.qos = qos;
  packet.retain = retain;
  return packet;
}
inline void prove(const char* requirement) { ::testing::Test::RecordProperty("req", requirement); }

}  // namespace mqtt_sim::broker::test
