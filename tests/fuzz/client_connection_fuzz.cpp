// Input: two bytes of options, then a script:
//
//   byte  aaaaa ooo     o: what to do, a: how
//   0 server sends (u8 n, n bytes)              1 the same in reads of a+1 bytes
//   2 server sends a CONNACK (u8: its properties)
//   3 owner: connect, disconnect, kill, AUTH    4 owner publishes (QoS, retain, size)
//   5 owner subscribes or unsubscribes          6 driver: opens what is wished, fails it, loses the stream
//   7 driver: takes output, or time passes
#include <chrono>
#include <set>
#include <string>
#include <utility>

#include "core/client/client.hpp"
#include "core/protocol/decode.hpp"
#include "core/protocol/encode.hpp"
#include "tests/fuzz/script.hpp"
#include "tests/fuzz/targets.hpp"

namespace mqtt_sim::fuzz {
namespace {

using namespace protocol;
using client::Client;
using client::ClientOptions;
using client::State;
using std::chrono::milliseconds;

constexpr Duration kPauses[] = {milliseconds(1), milliseconds(900), milliseconds(5'000), milliseconds(3'600'000)};
constexpr int kMostDeadlines = 20'000;  // in one pause
constexpr size_t kMostRequests = 64;    // waiting; what the owner asks for is not bounded by the client
constexpr size_t kLargestPublish = 600;
constexpr size_t kMostOutput = 1'024 + kLargestPublish + Client::kReplyLimit + kMostRequests * 64 + 1'024;

ClientOptions options_of(uint8_t one, uint8_t two) {
  ClientOptions options;
  options.version = static_cast<ProtocolVersion>(3 + (one & 0x03) % 3);
  options.clean_start = one & 0x04;
  options.session_expiry_interval_s = one & 0x08 ? 100 : 0;
  options.keep_alive_s = one & 0x10 ? 2 : 0;
  options.reconnect_period = milliseconds(one & 0x20 ? 500 : 0);
  options.receive_maximum = one & 0x40 ? 2 : 65535;
  options.in_flight_maximum = 3;
  options.maximum_packet_size = one & 0x80 ? 128 : Framer::kLargestPacket;
  options.output_limit = 1'024;
  if (two & 0x01) options.user_name = "ann";
  if (two & 0x02) options.will = client::WillOptions{"w", "gone", QoS::at_least_once, true};
  options.topic_alias_maximum = two & 0x04 ? 2 : 0;
  if (two & 0x08) options.topic_alias_mode = client::TopicAliasMode::automatic;
  options.request_problem_information = (two & 0x10) == 0;
  options.adopts_session = two & 0x20;
  const bool is_5 = options.version == ProtocolVersion::v5_0;
  if (is_5 && (two & 0x40)) options.authentication = client::AuthenticationOptions{.method = "M", .data = "d"};
  if (is_5 && (two & 0x80)) {
    options.authentication = client::AuthenticationOptions{"SCRAM-SHA-256", "ann", "secret"};
  }
  return options;
}

// What the client writes: whole packets, CONNECT first and once, nothing after DISCONNECT, none that the server said is
// too large for it.
class Written {
 public:
  explicit Written(ProtocolVersion version) : version_(version) {}

  void begin() { *this = Written(version_); }
  void set_largest(uint32_t size) { largest_ = size; }
  void read(ByteView bytes) {
    framer_.feed(bytes);
    for (;;) {
      const auto frame = framer_.next();
      MQTT_SIM_ASSERT(frame.has_value());
      if (!*frame) return;
      const PacketType type = (*frame)->type();
      MQTT_SIM_ASSERT(decode(**frame, version_).has_value());
      MQTT_SIM_ASSERT(!has_ended_);                                 // [MQTT-3.14.4-2]
      MQTT_SIM_ASSERT((type == PacketType::connect) == is_fresh_);  // [MQTT-3.1.0-1], [MQTT-3.1.0-2]
      const bool is_bounded = type == PacketType::publish || type == PacketType::subscribe;
      MQTT_SIM_ASSERT(!is_bounded || (*frame)->body.size() + 2 <= largest_);  // [MQTT-3.2.2-15]
      is_fresh_ = false;
      has_ended_ = type == PacketType::disconnect;
    }
  }

 private:
  ProtocolVersion version_;
  Framer framer_;
  uint32_t largest_ = Framer::kLargestPacket;
  bool is_fresh_ = true;
  bool has_ended_ = false;
};

class World {
 public:
  World(const ClientOptions& options)
      : options_(options), client_(options_, options.clean_start ? "" : "c", 1), written_(options.version) {}

  void step(Script& script) {
    const uint8_t byte = script.u8();
    const unsigned how = byte >> 3;
    switch (byte & 7) {
      case 0: receive(script.bytes(script.u8()), 256); break;
      case 1: receive(script.bytes(script.u8()), how + 1); break;
      case 2: receive_connack(script.u8(), how); break;
      case 3: command(how); break;
      case 4: publish(how); break;
      case 5: request(how); break;
      case 6: drive(how); break;
      default: how < std::size(kPauses) ? pass(kPauses[how]) : take(how < 16 ? how : SIZE_MAX);
    }
    settle();
  }

  void end() {
    pass(kPauses[std::size(kPauses) - 1]);
    MQTT_SIM_ASSERT(client_.state() != State::closing);  // it has a limit
    client_.kill();
    settle();
    if (phase_ != Phase::idle) lose(CloseReason::local);
    MQTT_SIM_ASSERT(client_.state() == State::closed || client_.state() == State::idle);
    MQTT_SIM_ASSERT(!client_.deadline());
    MQTT_SIM_ASSERT(client_.output().empty());
  }

 private:
  enum class Phase : uint8_t { idle, opening, open };
  struct Silent final : Waker {
    void wake() override {}
  };

  // --- The server ---
  void receive(ByteView bytes, size_t longest_read) {
    for (size_t at = 0; at < bytes.size() && phase_ == Phase::open; at += longest_read) {
      const std::vector<uint8_t> read = copy_of(bytes.subspan(at, std::min(longest_read, bytes.size() - at)));
      client_.on_bytes(read, now_);
      poll();
    }
  }
  void receive_connack(uint8_t properties, unsigned how) {
    Connack connack;
    connack.session_present = how & 1;
    PropertyWriter writer;
    if (options_.version == ProtocolVersion::v5_0) {
      if (properties & 0x01) writer.number(PropertyId::receive_maximum, 1);
      if (properties & 0x02) writer.number(PropertyId::maximum_qos, properties & 0x04 ? 1 : 0);
      if (properties & 0x08) writer.number(PropertyId::retain_available, 0);
      if (properties & 0x10) writer.number(PropertyId::maximum_packet_size, properties & 0x20 ? 20 : 1);
      if (properties & 0x40) writer.number(PropertyId::server_keep_alive, 1);
      if (properties & 0x80) writer.text(PropertyId::assigned_client_identifier, "assigned");
      connack.properties = writer.list();
    }
    OutputQueue queue;
    MQTT_SIM_ASSERT(encode(connack, options_.version, queue).has_value());
    receive(queue.views().front(), 256);
  }

  // --- The owner ---
  void command(unsigned how) {
    switch (how % 6) {
      case 0:
      case 1: client_.connect(); break;
      case 2: client_.disconnect(now_, how & 8 ? ReasonCode::disconnect_with_will_message : ReasonCode::success); break;
      case 3: client_.kill(); break;
      case 4: client_.reauthenticate(now_, "again"); break;
      default: client_.authenticate("answer", now_);
    }
  }
  void publish(unsigned how) {
    const std::vector<uint8_t> payload(how & 0x10 ? kLargestPublish / 2 : how & 0x08 ? 30 : 0);
    client::PublishRequest request;
    request.topic = "t";
    request.payload = payload;
    request.qos = static_cast<QoS>(how % 4 % 3);
    request.retain = how & 4;
    request.cookie = next_cookie_++;
    const auto outcome = client_.publish(request, now_);
    if (outcome == client::PublishOutcome::accepted) {
      MQTT_SIM_ASSERT(is_connected_ && phase_ == Phase::open);
      if (request.qos != QoS::at_most_once) awaited_.insert(request.cookie);
    }
  }
  void request(unsigned how) {
    if (client_.state() != State::connected || requests_ >= kMostRequests) return;
    const SubscribeEntry entries[] = {{"a/+", {}}, {"b", {.qos = QoS::exactly_once}}, {"c/#", {}}};
    const std::string_view filters[] = {"a/+", "b", "c/#"};
    const size_t count = how / 2 % 3 + 1;
    if (how & 1) {
      client_.unsubscribe(std::span(filters).first(count), 1, now_);
    } else {
      client_.subscribe(std::span(entries).first(count), 1, now_);
    }
    ++requests_;
  }

  // --- The driver ---
  void drive(unsigned how) {
    switch (phase_) {
      case Phase::idle: return;
      case Phase::opening:
        if (how % 4 == 0) return lose(CloseReason::refused);
        phase_ = Phase::open;
        written_.begin();
        client_.on_open(waker_, {.started = now_}, now_);
        return;
      case Phase::open: return lose(how & 1 ? CloseReason::peer : CloseReason::reset);
    }
  }
  void lose(CloseReason reason) {
    phase_ = Phase::idle;
    client_.on_closed(reason, now_);
    poll();
    MQTT_SIM_ASSERT(!is_connected_);
    MQTT_SIM_ASSERT(client_.state() != State::connected && client_.state() != State::closing);
    MQTT_SIM_ASSERT(client_.output().empty());
    requests_ = 0;
  }
  void take(size_t most) {
    while (phase_ == Phase::open && most > 0 && !client_.output().empty()) {
      std::vector<uint8_t> bytes;
      for (const ByteView view : client_.output()) bytes.insert(bytes.end(), view.begin(), view.end());
      bytes.resize(std::min(bytes.size(), most));
      most -= bytes.size();
      client_.output_sent(bytes.size(), now_);
      written_.read(bytes);
      poll();
    }
  }
  void pass(Duration pause) {
    const Instant end = now_ + pause;
    for (int turns = 0; client_.deadline().value_or(kNever) <= end; ++turns) {
      MQTT_SIM_ASSERT(turns < kMostDeadlines);
      now_ = std::max(now_, *client_.deadline());
      client_.on_deadline(now_);
      settle();
    }
    now_ = end;
  }
  void grant() {
    switch (client_.wish()) {
      case StreamWish::none: return;
      case StreamWish::open:
        if (phase_ == Phase::idle) phase_ = Phase::opening;
        return;
      case StreamWish::close:
        if (phase_ == Phase::opening || (phase_ == Phase::open && client_.output().empty())) lose(CloseReason::local);
        return;
      case StreamWish::abort:
        if (phase_ != Phase::idle) lose(CloseReason::local);
        return;
    }
  }
  void settle() {
    poll();
    for (int turns = 0; turns < 3; ++turns) grant();  // a wish to open may follow a wish to abort
    MQTT_SIM_ASSERT(client_.output_size() <= kMostOutput);
    MQTT_SIM_ASSERT(client_.in_flight() == awaited_.size());
    MQTT_SIM_ASSERT(client_.in_flight() <= options_.in_flight_maximum);
    MQTT_SIM_ASSERT(is_connected_ == (client_.state() == State::connected) || client_.state() == State::closing);
  }

  // --- What the client tells ---
  void poll() {
    while (const auto event = client_.poll_event()) std::visit([this](const auto& told) { note(told); }, *event);
  }
  void note(const client::Connected& told) {
    MQTT_SIM_ASSERT(phase_ == Phase::open && !is_connected_ && client_.state() == State::connected);
    is_connected_ = true;
    written_.set_largest(told.properties.number(PropertyId::maximum_packet_size).value_or(Framer::kLargestPacket));
  }
  void note(const client::Refused& told) {
    MQTT_SIM_ASSERT(phase_ == Phase::open && !is_connected_ && is_failure(told.reason));
  }
  void note(const client::Disconnected& told) {
    MQTT_SIM_ASSERT(told.was_connected == is_connected_);
    MQTT_SIM_ASSERT(!told.text.empty());
    is_connected_ = false;
  }
  void note(const client::MessageReceived& told) {
    MQTT_SIM_ASSERT(is_connected_ && phase_ == Phase::open);
    MQTT_SIM_ASSERT(!told.publish.topic.empty());
  }
  void note(const client::PublishCompleted& told) {
    MQTT_SIM_ASSERT(is_connected_ && phase_ == Phase::open);
    MQTT_SIM_ASSERT(awaited_.erase(told.cookie) == 1);
  }
  void note(const client::PublishDropped& told) { MQTT_SIM_ASSERT(awaited_.erase(told.cookie) == 1); }
  void note(const client::ExchangeAdvanced&) { MQTT_SIM_ASSERT(false); }
  void note(const client::Subscribed& told) {
    MQTT_SIM_ASSERT(is_connected_ && told.cookie == 1 && told.codes.size() >= 1 && told.codes.size() <= 3);
    end_request();
  }
  void note(const client::Unsubscribed& told) {
    MQTT_SIM_ASSERT(is_connected_ && told.cookie == 1 && told.codes.size() <= 3);
    end_request();
  }
  void note(const client::AuthReceived& told) {
    MQTT_SIM_ASSERT(phase_ == Phase::open && options_.authentication);
    MQTT_SIM_ASSERT(told.reason == ReasonCode::continue_authentication || told.reason == ReasonCode::success);
  }
  void end_request() {
    MQTT_SIM_ASSERT(requests_ > 0);
    --requests_;
  }

  ClientOptions options_;
  Client client_;
  Silent waker_;
  Written written_;
  Instant now_ = instant_from_ns(1'000'000'000);
  Phase phase_ = Phase::idle;  // of the stream, as the driver sees it
  bool is_connected_ = false;
  size_t requests_ = 0;
  uint64_t next_cookie_ = 1;
  std::set<uint64_t> awaited_;
};

}  // namespace

void client_connection_fuzz(ByteView input) {
  Script script(input);
  const uint8_t one = script.u8();
  const uint8_t two = script.u8();
  World world(options_of(one, two));
  while (!script.is_done()) world.step(script);
  world.end();
}

}  // namespace mqtt_sim::fuzz
