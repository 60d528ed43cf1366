#include "tests/cpp/client/transcript.hpp"

#include <gtest/gtest.h>

#include <charconv>

#include "core/protocol/decode.hpp"
#include "core/protocol/encode.hpp"

namespace mqtt_sim::client {

using namespace protocol;

std::vector<uint8_t> from_hex(std::string_view hex) {
  std::vector<uint8_t> bytes;
  for (size_t at = 0; at < hex.size();) {
    if (hex[at] == ' ') {
      ++at;
      continue;
    }
    uint8_t byte = 0;
    const auto parsed = std::from_chars(hex.data() + at, hex.data() + at + 2, byte, 16);
    MQTT_SIM_ASSERT(parsed.ptr == hex.data() + at + 2);
    bytes.push_back(byte);
    at += 2;
  }
  return bytes;
}

std::string to_hex(ByteView bytes) {
  const std::string_view digits = "0123456789abcdef";
  std::string hex;
  for (const uint8_t byte : bytes) {
    if (!hex.empty()) hex += ' ';
    hex += digits[byte >> 4];
    hex += digits[byte & 15];
  }
  return hex;
}

std::vector<uint8_t> bytes_of(const Packet& packet, ProtocolVersion version) {
  OutputQueue queue;
  EXPECT_TRUE(encode(packet, version, queue).has_value()) << describe(packet);
  std::vector<uint8_t> bytes;
  for (const ByteView view : queue.views()) bytes.insert(bytes.end(), view.begin(), view.end());
  return bytes;
}

namespace {

std::string qos_text(QoS qos) { return " qos" + std::to_string(static_cast<int>(qos)); }

std::string reason_text(ReasonCode reason) {
  if (reason == ReasonCode::success) return "";
  const auto code = static_cast<uint8_t>(reason);
  return " 0x" + to_hex({&code, 1});
}

std::string publish_text(const Publish& publish) {
  std::string text(publish.topic);
  text += "=" + std::string(as_text(publish.payload)) + qos_text(publish.qos);
  if (publish.packet_id != 0) text += " id" + std::to_string(publish.packet_id);
  if (publish.dup) text += " dup";
  if (publish.retain) text += " retain";
  for (const Property& property : publish.properties) text += " [" + to_hex(property.encoded) + "]";
  return text;
}

// What comes in 5.0 beside a reason code: words of the server, where to go, user properties.
std::string properties_text(const PropertyList& properties) {
  std::string text;
  for (const Property& property : properties) {
    if (property.id == PropertyId::reason_string) text += " \"" + std::string(property.text) + "\"";
    if (property.id == PropertyId::server_reference) text += " -> " + std::string(property.text);
    if (property.id == PropertyId::user_property) {
      text += " {" + std::string(property.text) + "=" + std::string(property.value) + "}";
    }
    if (property.id == PropertyId::subscription_identifier) text += " #" + std::to_string(property.number);
    if (property.id == PropertyId::session_expiry_interval) text += " expiry " + std::to_string(property.number);
    if (property.id == PropertyId::authentication_method) text += " " + std::string(property.text);
    if (property.id == PropertyId::authentication_data) text += " <" + std::string(property.text) + ">";
  }
  return text;
}

struct Words {
  std::string operator()(const Connect& p) const { return p.clean_start ? "CONNECT clean" : "CONNECT"; }
  std::string operator()(const Connack&) const { return "CONNACK"; }
  std::string operator()(const Publish& p) const { return "PUBLISH " + publish_text(p); }
  std::string operator()(const Subscribe& p) const {
    std::string text = "SUBSCRIBE id" + std::to_string(p.packet_id);
    for (const auto& entry : p.entries) {
      text += " " + std::string(entry.filter) + qos_text(entry.options.qos);
      if (entry.options.no_local) text += " no_local";
      if (entry.options.retain_as_published) text += " as_published";
      const auto handling = static_cast<int>(entry.options.retain_handling);
      if (handling != 0) text += " retained" + std::to_string(handling);
    }
    return text + properties_text(p.properties);
  }
  std::string operator()(const Unsubscribe& p) const {
    std::string text = "UNSUBSCRIBE id" + std::to_string(p.packet_id);
    for (const auto filter : p.filters) text += " " + std::string(filter);
    return text + properties_text(p.properties);
  }
  std::string operator()(const Disconnect& p) const {
    return "DISCONNECT" + reason_text(p.reason) + properties_text(p.properties);
  }
  std::string operator()(const Auth& p) const { return "AUTH" + reason_text(p.reason) + properties_text(p.properties); }
  std::string operator()(const Pingreq&) const { return "PINGREQ"; }
  template <PacketType type>
  std::string operator()(const PublishReply<type>& p) const {
    return std::string(to_string(type)) + " id" + std::to_string(p.packet_id) + reason_text(p.reason);
  }
  template <class Other>
  std::string operator()(const Other& p) const {
    return std::string(to_string(type_of(Packet(p))));
  }

  std::string operator()(const Connected& e) const {
    return e.session_present ? "connected, session present" : "connected";
  }
  std::string operator()(const Refused& e) const {
    return "refused" + reason_text(e.reason) + properties_text(e.properties);
  }
  std::string operator()(const Disconnected& e) const {
    std::string text = std::string("disconnected: ") + to_string(e.cause) + ", " + std::string(e.text);
    return text + reason_text(e.reason) + properties_text(e.properties) + (e.was_connected ? "" : ", never connected");
  }
  std::string operator()(const MessageReceived& e) const { return "message " + publish_text(e.publish); }
  std::string operator()(const PublishCompleted& e) const {
    return "completed " + std::to_string(e.cookie) + qos_text(e.qos) + reason_text(e.reason) +
           properties_text(e.properties);
  }
  std::string operator()(const ExchangeAdvanced& e) const {
    return "advanced " + std::string(to_string(e.received)) + " " + std::to_string(e.packet_id);
  }
  std::string operator()(const PublishDropped& e) const { return "dropped " + std::to_string(e.cookie); }
  std::string operator()(const Subscribed& e) const {
    return "subscribed " + std::to_string(e.cookie) + ": " + to_hex(e.codes) + properties_text(e.properties);
  }
  std::string operator()(const Unsubscribed& e) const {
    return "unsubscribed " + std::to_string(e.cookie) + ": " + to_hex(e.codes) + properties_text(e.properties);
  }
  std::string operator()(const AuthReceived& e) const {
    return "auth" + reason_text(e.reason) + " <" + std::string(e.data) + ">";
  }
};

}  // namespace

std::string describe(const Packet& packet) { return std::visit(Words(), packet); }
std::string describe(const Event& event) { return std::visit(Words(), event); }

Publish message(std::string_view topic, std::string_view payload, QoS qos, PacketId id) {
  return {false, qos, false, topic, id, {}, as_bytes(payload)};
}

Transcript::Transcript(const ClientOptions& options, std::string client_id, uint64_t seed)
    : client(options, std::move(client_id), seed), version_(options.version) {}

void Transcript::open() {
  ASSERT_EQ(client.wish(), StreamWish::open);
  client.on_open(waker_, Opening{now, {}, {}, {}, {}}, now);
  drain();
}

void Transcript::connect(const Connack& connack) {
  client.connect();
  reopen(connack);
  sent();
  events();
  ASSERT_EQ(client.state(), State::connected);
}

void Transcript::reopen(const Connack& connack) {
  open();
  sent();
  server(connack);
}

void Transcript::server(const Packet& packet) { server_bytes(bytes_of(packet, version_)); }

void Transcript::server(std::initializer_list<Packet> packets) {
  std::vector<uint8_t> bytes;
  for (const Packet& packet : packets) {
    const std::vector<uint8_t> more = bytes_of(packet, version_);
    bytes.insert(bytes.end(), more.begin(), more.end());
  }
  server_bytes(bytes);
}

void Transcript::server_hex(std::string_view hex) { server_bytes(from_hex(hex)); }

void Transcript::server_bytes(ByteView bytes) {
  // A block of its own size, given back at once: a view kept too long is found by the address sanitizer.
  const std::vector<uint8_t> read(bytes.begin(), bytes.end());
  client.on_bytes(read, now);
  drain();
}

void Transcript::lose(CloseReason reason) {
  client.on_closed(reason, now);
  drain();
}

void Transcript::grant() {
  const StreamWish wish = client.wish();
  ASSERT_TRUE(wish == StreamWish::close || wish == StreamWish::abort);
  if (wish == StreamWish::close) write();
  client.on_closed(CloseReason::local, now);
  drain();
}

void Transcript::step_to(Instant until, bool writes) {
  for (int steps = 0;; ++steps) {
    ASSERT_LT(steps, 1'000'000) << "deadline does not move";
    const auto deadline = client.deadline();
    if (!deadline || *deadline > until) break;
    now = std::max(now, *deadline);
    client.on_deadline(now);
    drain();
    if (writes) write();
  }
  now = until;
}

void Transcript::pass(Duration d) { step_to(now + d, true); }
void Transcript::pass_unwritten(Duration d) { step_to(now + d, false); }

void Transcript::drain() {
  while (const auto event = client.poll_event()) events_.push_back(describe(*event));
}

void Transcript::write() {
  while (!client.output().empty()) {
    const ByteView view = client.output().front();
    written_.insert(written_.end(), view.begin(), view.end());
    client.output_sent(view.size(), now);
  }
}

Lines Transcript::sent() {
  write();
  const std::vector<uint8_t> bytes = std::exchange(written_, {});
  Framer framer;
  framer.feed(bytes);
  Lines lines;
  for (;;) {
    const auto frame = framer.next();
    MQTT_SIM_ASSERT(frame.has_value());
    if (!frame->has_value()) break;
    const auto packet = decode(**frame, version_);
    MQTT_SIM_ASSERT(packet.has_value());
    lines.push_back(describe(*packet));
  }
  EXPECT_EQ(framer.buffered(), 0u) << "the client wrote half a packet";
  return lines;
}

std::string Transcript::sent_hex() {
  write();
  return to_hex(std::exchange(written_, {}));
}

Lines Transcript::events() {
  drain();
  return std::exchange(events_, {});
}

PublishOutcome Transcript::publish(std::string_view topic, std::string_view payload, QoS qos, uint64_t cookie) {
  return client.publish({topic, as_bytes(payload), qos, false, {}, cookie}, now);
}

void Transcript::subscribe(std::initializer_list<std::string_view> filters, uint64_t cookie) {
  std::vector<SubscribeEntry> entries;
  for (const auto filter : filters) entries.push_back({filter, {QoS::at_least_once, false, false, {}}});
  client.subscribe(entries, cookie, now);
}

void Transcript::unsubscribe(std::initializer_list<std::string_view> filters, uint64_t cookie) {
  client.unsubscribe(std::vector<std::string_view>(filters), cookie, now);
}

}  // namespace mqtt_sim::client
