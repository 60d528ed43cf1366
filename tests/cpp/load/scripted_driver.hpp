// A driver whose every stream leads to one small server inside the test. The server answers CONNECT, SUBSCRIBE and
// PUBLISH, hands publishes on to whoever subscribed, and misbehaves as its script says. Virtual time, one thing at a
// time; bytes take `latency` each way.
#pragma once

#include <gtest/gtest.h>

#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "core/base/driver.hpp"
#include "core/base/output_queue.hpp"
#include "core/load/stamp.hpp"
#include "core/protocol/decode.hpp"
#include "core/protocol/encode.hpp"
#include "core/protocol/framer.hpp"
#include "core/protocol/topic.hpp"

namespace mqtt_sim::load {

struct Window {  // of time
  Instant from = kNever;
  Instant until = kNever;

  Instant leave(Instant t) const { return t >= from && t < until ? until : t; }
};

struct ServerScript {
  Duration latency{};
  CloseReason opening = CloseReason::local;  // anything else: streams cannot be opened, for this reason
  bool answers_connect = true;
  uint8_t connack_code = 0;
  bool session_present = false;
  protocol::PropertyWriter connack_properties;
  bool answers_subscribe = true;
  uint8_t suback_code = 0;
  bool acknowledges = true;  // false: PUBACKs are kept until release_acknowledgements()
  protocol::ReasonCode puback_reason = protocol::ReasonCode::success;
  std::function<int(size_t)> copies_of = [](size_t) {
    return 1;
  };  // of the n-th publish to each subscriber; -1: after the next
  size_t write_limit = SIZE_MAX;  // bytes the stream takes at once
  Window busy;                    // deadlines in it are noticed at its end: the generator is late
  Window stall;                   // bytes in it reach the server at its end
};

struct Arrival {
  Instant at;
  std::string topic;
  std::string payload;
  protocol::QoS qos{};
  bool retain = false;
  std::optional<Stamp> stamp;
  std::string content_type{};
  std::string response_topic{};
  std::string user_property_k{};
};

struct Asked {  // one entry of a SUBSCRIBE
  std::string filter;
  protocol::SubscriptionOptions options;
  uint32_t identifier = 0;
};

class ScriptedDriver final : public Driver {
 public:
  ServerScript script;
  std::vector<Arrival> arrivals;  // publishes, as the server saw them
  std::vector<Instant> openings;  // when streams were opened
  size_t subscribes = 0;          // SUBSCRIBE packets
  std::vector<Asked> subscriptions;
  size_t topics_left_out = 0;  // publishes with nothing but a topic alias
  size_t disconnects = 0;      // DISCONNECT packets
  size_t pings = 0;            // PINGREQ packets

  Instant now() const override { return now_; }
  Waker& attach(Endpoint& endpoint, const Target&) override { return streams_.emplace_back(*this, endpoint); }
  Expected<Address> listen(Service&, const ListenAddress&) override { return make_error(0x80, "no service here"); }
  void stop() override {}
  void post(std::function<void()> work) override { at(now_, std::move(work)); }

  void run_until(Instant until) override {
    for (int turns = 0; turns < 10'000'000; ++turns) {
      visit_dirty();
      Stream* due = nullptr;
      Instant next = events_.empty() ? kNever : events_.begin()->first.first;
      for (Stream& stream : streams_) {
        const Instant deadline = script.busy.leave(std::max(stream.deadline, now_));
        if (stream.deadline == kNever || deadline >= next) continue;
        next = deadline;
        due = &stream;
      }
      if (next > until || next == kNever) {
        now_ = until;
        return;
      }
      now_ = next;
      if (due) {
        due->deadline = kNever;
        due->endpoint.on_deadline(now_);
        due->is_dirty = true;
      } else {
        auto work = std::move(events_.begin()->second);
        events_.erase(events_.begin());
        work();
      }
    }
    ADD_FAILURE() << "time stands still at " << to_ns(now_) << " ns";
    now_ = until;
  }

  void at(Instant when, std::function<void()> work) { events_.emplace(std::pair(when, ++order_), std::move(work)); }

  // The network drops the stream of the n-th endpoint.
  void lose(size_t n, CloseReason reason = CloseReason::reset) { shut(streams_[n], reason); }

  // The server says something nobody asked for.
  void inject(size_t n, const protocol::Packet& packet) { send(streams_[n], packet); }

  void release_acknowledgements() {
    script.acknowledges = true;
    for (const auto& [stream, puback] : std::exchange(withheld_, {})) send(*stream, puback);
  }

 private:
  static constexpr Duration kTurn = std::chrono::microseconds(10);  // until a stream that left bytes behind takes more

  enum class State : uint8_t { none, opening, open, closing };

  struct Stream final : Waker {
    Stream(ScriptedDriver& of, Endpoint& carried) : driver(of), endpoint(carried) {}
    void wake() override { is_dirty = true; }

    ScriptedDriver& driver;
    Endpoint& endpoint;
    Instant deadline = kNever;
    Instant writable_at{};
    State state = State::none;
    bool is_dirty = false;
    uint32_t connection = 0;  // bytes of an earlier one are lost
    std::map<Instant, std::string> inbox;
    // The server's side.
    protocol::Framer framer;
    protocol::ProtocolVersion version{};
    std::vector<std::string> filters;
    std::map<uint32_t, std::string> aliases;
  };

  void visit_dirty() {
    for (bool is_settled = false; !is_settled;) {
      is_settled = true;
      for (Stream& stream : streams_) {
        if (!std::exchange(stream.is_dirty, false)) continue;
        visit(stream);
        is_settled = false;
      }
    }
  }

  // The driver law: flush, arm the timer, grant the wish.
  void visit(Stream& stream) {
    if (stream.state == State::open && now_ >= stream.writable_at) flush(stream);
    stream.deadline = stream.endpoint.deadline().value_or(kNever);
    const StreamWish wish = stream.endpoint.wish();
    if (wish == StreamWish::open && stream.state == State::none) open(stream);
    if (wish == StreamWish::abort) shut(stream, CloseReason::local);
    if (wish == StreamWish::close && stream.endpoint.output().empty()) shut(stream, CloseReason::local, true);
  }

  void flush(Stream& stream) {
    std::string bytes;
    for (const ByteView view : stream.endpoint.output()) {
      const size_t room = script.write_limit - bytes.size();
      bytes.append(as_text(view.first(std::min(room, view.size()))));
    }
    if (bytes.empty()) return;
    const size_t size = bytes.size();
    on_stream(stream, script.stall.leave(now_ + script.latency),
              [this, &stream, bytes = std::move(bytes)] { serve(stream, as_bytes(bytes)); });
    stream.endpoint.output_sent(size, now_);
    if (stream.endpoint.output().empty()) return;
    stream.writable_at = now_ + kTurn;
    on_stream(stream, stream.writable_at, [&stream] { stream.is_dirty = true; });
  }

  void open(Stream& stream) {
    stream.state = State::opening;
    at(now_ + script.latency, [this, &stream, started = now_] {
      if (script.opening != CloseReason::local) {
        stream.state = State::none;
        stream.endpoint.on_closed(script.opening, now_);
      } else {
        stream.state = State::open;
        stream.framer.reset();
        stream.aliases.clear();
        openings.push_back(now_);
        stream.endpoint.on_open(stream, {started, {}, now_ - started, {}, {}}, now_);
      }
      stream.is_dirty = true;
    });
  }

  // Bytes under way still arrive when the client closes in order; otherwise they are lost.
  void shut(Stream& stream, CloseReason reason, bool is_orderly = false) {
    if (stream.state != State::open) return;
    stream.state = State::closing;
    if (!is_orderly) forget_bytes(stream);
    at(now_ + (is_orderly ? script.latency : Duration(0)), [this, &stream, reason, is_orderly] {
      if (is_orderly) forget_bytes(stream);
      stream.filters.clear();
      stream.state = State::none;
      stream.endpoint.on_closed(reason, now_);
      stream.is_dirty = true;
    });
  }

  static void forget_bytes(Stream& stream) {
    ++stream.connection;
    stream.inbox.clear();
  }

  void on_stream(Stream& stream, Instant when, std::function<void()> work) {
    at(when, [&stream, connection = stream.connection, work = std::move(work)] {
      if (stream.connection == connection) work();
    });
  }

  void serve(Stream& from, ByteView bytes) {
    from.framer.feed(bytes);
    for (;;) {
      const auto frame = from.framer.next();
      if (frame.has_error()) return fail(frame.error());
      if (!frame->has_value()) return;
      const auto packet = protocol::decode(**frame, from.version);
      if (packet.has_error()) return fail(packet.error());
      std::visit([&](const auto& concrete) { handle(from, concrete); }, *packet);
    }
  }

  void fail(const Error& error) { ADD_FAILURE() << "the client sent what cannot be read: " << error.text; }

  void handle(Stream& from, const protocol::Connect& connect) {
    from.version = connect.version;
    if (!script.answers_connect) return;
    send(from, protocol::Connack{script.session_present, script.connack_code, script.connack_properties.list()});
  }
  void handle(Stream& from, const protocol::Subscribe& subscribe) {
    ++subscribes;
    std::vector<uint8_t> codes;
    for (const protocol::SubscribeEntry& entry : subscribe.entries) {
      from.filters.emplace_back(entry.filter);
      const uint32_t identifier =
          subscribe.properties.number(protocol::PropertyId::subscription_identifier).value_or(0);
      subscriptions.push_back({std::string(entry.filter), entry.options, identifier});
      codes.push_back(script.suback_code);
    }
    if (script.answers_subscribe) send(from, protocol::Suback{subscribe.packet_id, {}, codes});
  }
  void handle(Stream& from, const protocol::Publish& sent) {
    using protocol::PropertyId;
    protocol::Publish publish = sent;
    protocol::PropertyWriter without_alias;
    if (const auto alias = sent.properties.number(PropertyId::topic_alias)) {
      if (sent.topic.empty()) ++topics_left_out;
      if (!sent.topic.empty()) from.aliases[*alias] = sent.topic;
      publish.topic = from.aliases.at(*alias);
      for (const auto& property : sent.properties) {
        if (property.id != PropertyId::topic_alias) without_alias.copy(property);
      }
      publish.properties = without_alias.list();
    }
    const auto text = [&](PropertyId id) { return std::string(publish.properties.text(id).value_or("")); };
    arrivals.push_back({now_, std::string(publish.topic), std::string(as_text(publish.payload)), publish.qos,
                        publish.retain, find_stamp(publish), text(PropertyId::content_type),
                        text(PropertyId::response_topic),
                        std::string(publish.properties.user_property("k").value_or(""))});
    if (publish.qos == protocol::QoS::exactly_once) send(from, protocol::Pubrec{publish.packet_id, {}, {}});
    const protocol::Puback puback{publish.packet_id, script.puback_reason, {}};
    if (publish.qos == protocol::QoS::at_least_once) {
      if (script.acknowledges) send(from, puback);
      if (!script.acknowledges) withheld_.emplace_back(&from, puback);
    }
    forward(publish);
  }
  void handle(Stream& from, const protocol::Pubrel& pubrel) { send(from, protocol::Pubcomp{pubrel.packet_id, {}, {}}); }
  void handle(Stream&, const protocol::Disconnect&) { ++disconnects; }
  void handle(Stream& from, const protocol::Pingreq&) {
    ++pings;
    send(from, protocol::Pingresp{});
  }
  template <class Other>
  void handle(Stream&, const Other&) {
    ADD_FAILURE() << "the client sent a packet the server does not expect";
  }

  void forward(const protocol::Publish& publish) {
    const int copies = script.copies_of(arrivals.size() - 1);
    auto swapped = std::exchange(swapped_, {});
    for (Stream& to : streams_) {
      for (const std::string& filter : to.filters) {
        if (!protocol::matches(filter, publish.topic)) continue;
        if (copies == -1) swapped_.emplace_back(&to, encoded(to, as_qos_0(publish)));
        for (int i = 0; i < copies; ++i) send(to, as_qos_0(publish));
        break;
      }
    }
    for (auto& [to, bytes] : swapped) send_bytes(*to, bytes);
  }

  static protocol::Publish as_qos_0(const protocol::Publish& publish) {
    return {false, {}, false, publish.topic, 0, publish.properties, publish.payload};
  }

  static std::string encoded(const Stream& to, const protocol::Packet& packet) {
    OutputQueue queue;
    EXPECT_TRUE(protocol::encode(packet, to.version, queue).has_value());
    std::string bytes;
    while (!queue.empty()) {
      const ByteView view = queue.views().front();
      bytes.append(as_text(view));
      queue.consume(view.size());
    }
    return bytes;
  }

  void send(Stream& to, const protocol::Packet& packet) { send_bytes(to, encoded(to, packet)); }
  void send_bytes(Stream& to, const std::string& bytes) {
    const auto [pending, is_first] = to.inbox.try_emplace(now_ + script.latency);
    pending->second += bytes;
    if (!is_first) return;  // what comes at one instant is read at once
    on_stream(to, pending->first, [this, &to] {
      const auto read = to.inbox.extract(now_);
      if (to.state != State::open) return;
      to.endpoint.on_bytes(as_bytes(read.mapped()), now_);
      to.is_dirty = true;
    });
  }

  Instant now_{};
  uint64_t order_ = 0;  // things of one instant happen in the order they were asked for
  std::map<std::pair<Instant, uint64_t>, std::function<void()>> events_;
  std::deque<Stream> streams_;
  std::vector<std::pair<Stream*, protocol::Puback>> withheld_;
  std::vector<std::pair<Stream*, std::string>> swapped_;
};

}  // namespace mqtt_sim::load
