// Input: two bytes of options, then a script:
//
//   byte  aaa ss ooo    o: what to do, s: on which of the hostile streams, a: how
//   0 open              1 feed (u8 n, n bytes)        2 feed in reads of a+1 bytes (u8 n, n bytes)
//   3 take all output   4 take 7 * (a+1) bytes        5 let time pass (a: 1 ms .. 20 min)
//   6 lose the stream   7 open and send a CONNECT made of u8 (which client, what it asks)
//
// Letters of topics and client identifiers tell the rule and the authentication method of the broker what to do.
#include <array>
#include <chrono>
#include <memory>
#include <string>

#include "core/protocol/encode.hpp"
#include "core/storage/memory_store.hpp"
#include "tests/fuzz/broker_stream.hpp"
#include "tests/fuzz/targets.hpp"

namespace mqtt_sim::fuzz {
namespace {

using namespace protocol;
using std::chrono::milliseconds;

constexpr Duration kPauses[] = {milliseconds(1),       milliseconds(200),      milliseconds(2'000),
                                milliseconds(11'000),  milliseconds(61'000),   milliseconds(130'000),
                                milliseconds(600'000), milliseconds(1'200'000)};
constexpr Duration kLongestTimeOut = milliseconds(130'000);  // until CONNECT, to take our last bytes, to read at all
constexpr int kMostDeadlines = 2'000;                        // in one pause
constexpr size_t kOutputLimit = 8 * 1024;
// Replies are let wait up to twice the limit; then come what was put out at once and the packet that went over.
constexpr size_t kMostOutput = 2 * kOutputLimit + 16 * 1024;

broker::BrokerOptions options_of(uint8_t one, uint8_t two) {
  broker::BrokerOptions options;
  options.max_connections = 6;
  options.max_half_open = 4;
  options.max_packet_size = 2'048;
  options.receive_maximum = 4;
  options.topic_alias_maximum = 3;
  options.max_topic_levels = 16;
  options.max_topic_length = 256;
  options.max_user_properties = 8;
  options.max_client_id_length = 64;
  options.max_sessions = 6;
  options.max_subscriptions_per_client = 8;
  options.max_inflight = 4;
  options.max_inflight_below_v5 = 4;
  options.max_queued = 8;
  options.max_queued_bytes = 4'096;
  options.output_limit = kOutputLimit;
  options.max_retained = 8;
  options.max_retained_bytes = 4'096;
  options.sys_interval = milliseconds(two & 0x01 ? 600'000 : 0);
  options.max_keep_alive_s = two & 0x02 ? 30 : 0;
  options.max_session_expiry_s = two & 0x04 ? 100 : UINT32_MAX;
  options.allow_anonymous = (two & 0x08) == 0;
  options.shared_available = (two & 0x10) == 0;
  options.subscription_identifiers_available = (two & 0x20) == 0;
  options.drop_policy = static_cast<broker::DropPolicy>(one % 3);
  options.queue_qos0 = one & 0x04;
  options.upgrade_outgoing_qos = one & 0x08;
  options.max_qos = one & 0x10 ? QoS::at_least_once : QoS::exactly_once;
  options.retain_available = (one & 0x20) == 0;
  options.wildcard_available = (one & 0x40) == 0;
  return options;
}

class LetterRule final : public broker::Rule {
 public:
  bool vouches_for_users() const override { return true; }
  broker::Verdict on_event(const broker::Event& event, Instant) override {
    const std::string_view text = event.kind == broker::EventKind::connect ? event.client_id : event.topic;
    switch (text.empty() ? 0 : text.front()) {
      case 'R': return broker::Verdict::refuse(ReasonCode::quota_exceeded);
      case 'D': return broker::Verdict::drop();
      case 'C': return broker::Verdict::close(ReasonCode::administrative_action);
      case 'W': {
        broker::Rewrite rewrite;
        rewrite.topic = "w/" + std::string(text.substr(1));
        rewrite.payload = std::vector<uint8_t>{'w'};
        rewrite.qos = QoS::at_most_once;
        return broker::Verdict::change(std::move(rewrite));
      }
      default: return broker::Verdict::pass();
    }
  }
};

class LetterMethod final : public broker::Authenticator {
 public:
  std::string_view method() const override { return "M"; }
  std::unique_ptr<broker::Exchange> begin(Instant) override { return std::make_unique<Letters>(); }

 private:
  struct Letters final : broker::Exchange {
    broker::AuthStep on_data(std::string_view data, Instant) override {
      using Kind = broker::AuthStep::Kind;
      if (data.starts_with('y')) return {.kind = Kind::accept, .data = std::string(data), .user_name = "ann"};
      if (data.starts_with('n')) return {.kind = Kind::refuse};
      return {.kind = Kind::proceed, .data = std::string(data)};
    }
  };
};

std::vector<uint8_t> bytes_of(const Packet& packet, ProtocolVersion version) {
  OutputQueue queue;
  MQTT_SIM_ASSERT(encode(packet, version, queue).has_value());
  std::vector<uint8_t> bytes;
  for (const ByteView view : queue.views()) bytes.insert(bytes.end(), view.begin(), view.end());
  return bytes;
}

// A client that keeps to the rules. What others do may slow it; it may not be cut off, unless somebody connects with
// its identifier, or floods its topic under a policy that cuts slow clients off.
class Canary {
 public:
  explicit Canary(broker::Broker& broker)
      : stream_(broker, kMostOutput),
        qos_(std::min(broker.options().max_qos, QoS::at_least_once)),
        may_be_cut_off_(broker.options().drop_policy == broker::DropPolicy::disconnect) {}

  Instant deadline() const { return stream_.deadline(); }
  void lose(Instant now) { stream_.lose(CloseReason::local, now); }

  void connect(Instant now) {
    stream_.open(now);
    Connect connect;
    connect.version = ProtocolVersion::v5_0;
    connect.client_id = "canary";
    connect.user_name = "canary";
    send(connect, now);
    send(Subscribe{1, {}, {{"canary", {.qos = qos_}}}}, now);
    serve(now);
    MQTT_SIM_ASSERT(was_accepted_ && stream_.is_open());
  }
  void serve(Instant now) {
    stream_.take(SIZE_MAX, now, [&](const Packet& packet) { note(packet); });
    while (!to_acknowledge_.empty()) {
      const PacketId id = to_acknowledge_.back();
      to_acknowledge_.pop_back();
      send(Puback{id, {}, {}}, now);
      stream_.take(SIZE_MAX, now, [&](const Packet& packet) { note(packet); });
    }
  }
  // At the last instant before its keep alive is over.
  void stay_alive(Instant now) {
    if (deadline() <= now) send(Pingreq(), now);
    stream_.fire_deadline(now);
    serve(now);
  }
  // Whether it gets what it sends.
  void check(Instant now) {
    serve(now);
    if (is_gone_) return;
    Publish publish;
    publish.qos = qos_;
    publish.packet_id = 7;
    publish.topic = "canary";
    publish.payload = as_bytes(kSong);
    send(publish, now);
    serve(now);
    MQTT_SIM_ASSERT(was_acknowledged_ && has_heard_);
  }

 private:
  static constexpr std::string_view kSong = "no gas here";

  void send(const Packet& packet, Instant now) { stream_.feed(bytes_of(packet, ProtocolVersion::v5_0), now); }
  void note(const Packet& packet) {
    if (const auto* connack = std::get_if<Connack>(&packet)) was_accepted_ = connack->code == 0;
    if (const auto* puback = std::get_if<Puback>(&packet)) {
      was_acknowledged_ = puback->packet_id == 7 && puback->reason == ReasonCode::success;
    }
    if (const auto* publish = std::get_if<Publish>(&packet)) {
      if (as_text(publish->payload) == kSong) has_heard_ = true;
      if (publish->qos == QoS::at_least_once) to_acknowledge_.push_back(publish->packet_id);
    }
    if (const auto* disconnect = std::get_if<Disconnect>(&packet)) {
      const ReasonCode reason = disconnect->reason;
      MQTT_SIM_ASSERT(reason == ReasonCode::session_taken_over || reason == ReasonCode::server_shutting_down ||
                      (may_be_cut_off_ && reason == ReasonCode::quota_exceeded));
      is_gone_ = true;
    }
  }

  BrokerStream stream_;
  QoS qos_;
  bool may_be_cut_off_;
  std::vector<PacketId> to_acknowledge_;
  bool was_accepted_ = false;
  bool is_gone_ = false;
  bool was_acknowledged_ = false;
  bool has_heard_ = false;
};

class World {
 public:
  World(uint8_t one, uint8_t two) : broker_(with_policy(options_of(one, two), one), store_, 1) {
    canary_ = std::make_unique<Canary>(broker_);
    for (auto& stream : streams_) stream = std::make_unique<BrokerStream>(broker_, kMostOutput);
    canary_->connect(now_);
  }

  void step(Script& script) {
    const uint8_t byte = script.u8();
    const size_t how = byte >> 5;
    BrokerStream& stream = *streams_[(byte >> 3 & 3) % streams_.size()];
    switch (byte & 7) {
      case 0: stream.open(now_); break;
      case 1: feed(stream, script, 256); break;
      case 2: feed(stream, script, how + 1); break;
      case 3: take(stream, SIZE_MAX); break;
      case 4: take(stream, 7 * (how + 1)); break;
      case 5: pass(kPauses[how]); break;
      case 6: stream.lose(how & 1 ? CloseReason::peer : CloseReason::reset, now_); break;
      default: connect(stream, how, script.u8());
    }
    canary_->serve(now_);
    check();
  }

  void end() {
    canary_->check(now_);
    for (auto& stream : streams_) take(*stream, SIZE_MAX);
    pass(kLongestTimeOut);
    for (auto& stream : streams_)
      MQTT_SIM_ASSERT(!stream->is_open() || stream->is_connected());  // others were timed out
    broker_.shutdown(now_);
    for (auto& stream : streams_) take(*stream, SIZE_MAX);
    canary_->serve(now_);
    for (auto& stream : streams_) stream->lose(CloseReason::local, now_);
    canary_->lose(now_);
    MQTT_SIM_ASSERT(broker_.stats().connections == 0);
    MQTT_SIM_ASSERT(broker_.stats().clients == 0);
  }

 private:
  broker::BrokerOptions with_policy(broker::BrokerOptions options, uint8_t one) {
    if ((one & 0x80) || !options.allow_anonymous) options.rules = {&rule_};  // without it nobody could connect
    options.authenticators = {&method_};
    return options;
  }

  void feed(BrokerStream& stream, Script& script, size_t longest_read) {
    const ByteView bytes = script.bytes(script.u8());
    stream.open(now_);
    for (size_t at = 0; at < bytes.size(); at += longest_read) {
      stream.feed(bytes.subspan(at, std::min(longest_read, bytes.size() - at)), now_);
    }
  }

  void connect(BrokerStream& stream, size_t how, uint8_t asks) {
    stream.open(now_);
    Connect connect;
    connect.version = static_cast<ProtocolVersion>(3 + how % 3);
    const std::string client_id(1, static_cast<char>('a' + (asks & 1)));
    connect.client_id = client_id;
    connect.clean_start = asks & 0x02;
    connect.keep_alive_s = asks & 0x04 ? 5 : 0;
    if (asks & 0x08) connect.user_name = "ann";
    PropertyWriter properties;
    PropertyWriter will_properties;
    const bool is_5 = has_properties(connect.version);
    if (is_5 && (asks & 0x10)) properties.number(PropertyId::session_expiry_interval, 60);
    if (is_5 && (asks & 0x20)) {
      properties.number(PropertyId::receive_maximum, 2)
          .number(PropertyId::topic_alias_maximum, 2)
          .number(PropertyId::maximum_packet_size, 64);
    }
    if (is_5 && (asks & 0x40)) will_properties.number(PropertyId::will_delay_interval, 30);
    if (asks & 0x80) {
      connect.will = Will{"t", as_bytes("will"), QoS::at_least_once, false, will_properties.list()};
    }
    connect.properties = properties.list();
    stream.feed(bytes_of(connect, connect.version), now_);
  }

  void take(BrokerStream& stream, size_t most) {
    stream.take(most, now_, [](const Packet&) {});
  }

  // Whatever falls due on the way is done at its own instant.
  void pass(Duration pause) {
    const Instant end = now_ + pause;
    for (int turns = 0;; ++turns) {
      MQTT_SIM_ASSERT(turns < kMostDeadlines);
      Instant next = broker_.deadline().value_or(kNever);
      for (auto& stream : streams_) next = std::min(next, stream->deadline());
      next = std::min(next, canary_->deadline());
      if (next > end) break;
      now_ = std::max(now_, next);
      if (broker_.deadline().value_or(kNever) <= now_) broker_.on_deadline(now_);
      for (auto& stream : streams_) {
        stream->fire_deadline(now_);
        take(*stream, 0);  // a wish to abort
      }
      canary_->stay_alive(now_);
      check();
    }
    now_ = end;
  }
  void check() {
    for (auto& stream : streams_) stream->check();
    const broker::Stats stats = broker_.stats();
    const broker::BrokerOptions& options = broker_.options();
    MQTT_SIM_ASSERT(stats.sessions <= options.max_sessions);
    MQTT_SIM_ASSERT(stats.clients <= stats.connections);
    MQTT_SIM_ASSERT(stats.clients <= options.max_connections);
    MQTT_SIM_ASSERT(stats.subscriptions <= uint64_t{options.max_sessions} * options.max_subscriptions_per_client);
  }

  LetterRule rule_;
  LetterMethod method_;
  storage::MemoryStore store_;
  broker::Broker broker_;
  Instant now_ = instant_from_ns(1'000'000'000);
  std::array<std::unique_ptr<BrokerStream>, 3> streams_;
  std::unique_ptr<Canary> canary_;
};

}  // namespace

void broker_connection_fuzz(ByteView input) {
  Script script(input);
  const uint8_t one = script.u8();
  const uint8_t two = script.u8();
  World world(one, two);
  while (!script.is_done()) world.step(script);
  world.end();
}

}  // namespace mqtt_sim::fuzz
