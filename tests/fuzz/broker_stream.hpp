// One stream to a broker under a fuzz script, with what must hold on it: output only after a wake, within its limit,
// and of whole packets that a server may send at this point. Whoever holds it plays the driver.
#pragma once

#include <algorithm>
#include <functional>
#include <utility>

#include "core/broker/broker.hpp"
#include "core/protocol/decode.hpp"
#include "core/protocol/framer.hpp"
#include "tests/fuzz/script.hpp"

namespace mqtt_sim::fuzz {

class BrokerStream {
 public:
  using OnPacket = std::function<void(const protocol::Packet&)>;

  // `most_output`: bytes that the broker may let wait here.
  BrokerStream(broker::Broker& broker, size_t most_output) : broker_(broker), most_output_(most_output) {}

  bool is_open() const { return endpoint_ != nullptr; }
  bool is_connected() const { return endpoint_ && phase_ == Phase::connected; }
  Instant deadline() const { return endpoint_ ? endpoint_->deadline().value_or(kNever) : kNever; }

  void open(Instant now) {
    if (endpoint_) return;
    endpoint_ = broker_.on_accept({"test:1"}, now);
    if (!endpoint_) return;
    framer_.reset();
    phase_ = Phase::fresh;
    endpoint_->on_open(waker_, {}, now);
    is_known_ = true;
  }
  void feed(ByteView bytes, Instant now) {
    if (!endpoint_) return;
    const std::vector<uint8_t> read = copy_of(bytes);
    endpoint_->on_bytes(read, now);
    is_known_ = true;
  }
  void fire_deadline(Instant now) {
    if (!endpoint_ || deadline() > now) return;
    endpoint_->on_deadline(now);
    is_known_ = true;
  }
  void lose(CloseReason reason, Instant now) {
    if (!endpoint_) return;
    endpoint_->on_closed(reason, now);
    broker_.release(*std::exchange(endpoint_, nullptr));
    is_known_ = waker_.is_set = false;
  }
  // Takes at most `most` bytes, then grants a wish to close.
  void take(size_t most, Instant now, const OnPacket& on_packet) {
    while (endpoint_ && most > 0 && !endpoint_->output().empty()) {
      MQTT_SIM_ASSERT(is_known_ || waker_.is_set);
      std::vector<uint8_t> bytes;
      for (const ByteView view : endpoint_->output()) bytes.insert(bytes.end(), view.begin(), view.end());
      bytes.resize(std::min(bytes.size(), most));
      most -= bytes.size();
      endpoint_->output_sent(bytes.size(), now);
      is_known_ = true;
      read(bytes, on_packet);
    }
    if (!endpoint_) return;
    const StreamWish wish = endpoint_->wish();
    const bool is_granted = wish == StreamWish::abort || (wish == StreamWish::close && endpoint_->output().empty());
    if (is_granted) lose(CloseReason::local, now);
  }
  // What holds between calls. An endpoint whose output is empty has to wake the driver before it puts out more.
  void check() {
    if (!endpoint_) return;
    size_t waiting = 0;
    for (const ByteView view : endpoint_->output()) waiting += view.size();
    MQTT_SIM_ASSERT(waiting <= most_output_);
    MQTT_SIM_ASSERT(waiting == 0 || is_known_ || waker_.is_set);
    is_known_ = waiting > 0;
    waker_.is_set = false;
  }

 private:
  struct Flag final : Waker {
    void wake() override { is_set = true; }
    bool is_set = false;
  };
  enum class Phase : uint8_t { fresh, connected, ended };

  void read(ByteView bytes, const OnPacket& on_packet) {
    framer_.feed(bytes);
    for (;;) {
      const auto frame = framer_.next();
      MQTT_SIM_ASSERT(frame.has_value());
      if (!*frame) return;
      if ((*frame)->type() == protocol::PacketType::connack) version_ = version_of(**frame);
      if ((*frame)->type() == protocol::PacketType::auth) version_ = protocol::ProtocolVersion::v5_0;
      const auto packet = protocol::decode(**frame, version_);
      MQTT_SIM_ASSERT(packet.has_value());
      check_order(*packet);
      on_packet(*packet);
    }
  }
  static protocol::ProtocolVersion version_of(const protocol::Frame& connack) {
    return connack.body.size() == 2 ? protocol::ProtocolVersion::v3_1_1 : protocol::ProtocolVersion::v5_0;
  }
  void check_order(const protocol::Packet& packet) {
    using protocol::PacketType;
    const PacketType type = type_of(packet);
    MQTT_SIM_ASSERT(phase_ != Phase::ended);  // [MQTT-3.14.4-2]
    if (const auto* connack = std::get_if<protocol::Connack>(&packet)) {
      MQTT_SIM_ASSERT(phase_ == Phase::fresh);
      phase_ = connack->code == 0 ? Phase::connected : Phase::ended;
      return;
    }
    if (type == PacketType::auth) return;
    MQTT_SIM_ASSERT(phase_ == Phase::connected);  // [MQTT-3.2.0-1]
    MQTT_SIM_ASSERT(type != PacketType::connect && type != PacketType::subscribe && type != PacketType::unsubscribe &&
                    type != PacketType::pingreq);
    if (type == PacketType::disconnect) phase_ = Phase::ended;
  }

  broker::Broker& broker_;
  size_t most_output_;
  Endpoint* endpoint_ = nullptr;
  Flag waker_;
  bool is_known_ = false;  // the driver will see what waits: it visits an endpoint after each call on it
  protocol::Framer framer_;
  protocol::ProtocolVersion version_ = protocol::ProtocolVersion::v3_1_1;
  Phase phase_ = Phase::fresh;
};

}  // namespace mqtt_sim::fuzz
