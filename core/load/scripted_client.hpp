// A client whose script lives elsewhere: its orders come from outside at any time and wait here until the connection
// takes them; what happens goes out as notes. It resubscribes after a lost session, sends once more what such a loss
// left open, ends gracefully, and leaves input unread while the script is behind. A machine like any other: real or
// virtual time, one thread, no lock. What crosses threads is its owner's business (ScriptOwner,
// engine/client_host.hpp).
//
// An order waits while there is no connection, while the window or the output is full, and behind older ones, so that
// the order of publishes is kept. [MQTT-4.6.0-6]
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/base/endpoint.hpp"
#include "core/client/client.hpp"
#include "core/load/script_note.hpp"
#include "core/protocol/framer.hpp"

namespace mqtt_sim::load {

class ScriptedClient;

class ScriptOwner {
 public:
  // Takes what happened; `notes` is empty afterwards. Called last in a call on the client.
  virtual void take(ScriptedClient&, std::vector<Note>& notes) = 0;
  // The attempt failed: another one of several targets may be tried before the next. Called inside a call on the
  // client.
  virtual void on_attempt_failed(ScriptedClient&) = 0;
  // A publish that the script wanted to leave at `wanted` is on the stream; or it waits, for a connection or behind
  // others, which is nobody's lateness. Called inside a call on the client.
  virtual void on_left(Instant /*wanted*/, Instant /*now*/) {}
  // What the driver knows of the close being reported.
  virtual std::string_view close_detail() const = 0;

 protected:
  ~ScriptOwner() = default;
};

enum class RetryRefused : uint8_t {
  by_reason,  // again unless it said that who or what we are will never be let in
  never,
  always,
};

struct ScriptedOptions {
  client::ClientOptions client;
  std::string client_id;
  uint64_t seed = 0;
  bool resubscribes = true;  // after a connection whose session did not last
  bool queues_qos0 = true;   // also while not connected
  RetryRefused retry_refused = RetryRefused::by_reason;
  uint32_t subscribe_batch = 0;  // most filters in one SUBSCRIBE; 0: any number
  // Input is left unread while the script has this much before it. 0: never.
  uint32_t unread_messages_limit = 0;
  uint64_t unread_bytes_limit = 0;
};

class ScriptedClient final : public Endpoint {
 public:
  ScriptedClient(ScriptedOptions, ScriptOwner&, uint64_t id);

  uint64_t id() const { return id_; }
  client::State state() const { return client_.state(); }
  const ScriptedOptions& options() const { return options_; }

  void connect(Instant now);
  void add(Order, Instant now);
  // With `patience` what was ordered is sent and acknowledged first, as far as that takes no longer.
  void end(Instant now, Duration patience, protocol::ReasonCode reason, Bytes properties);
  void kill(Instant now);
  void acknowledge(uint64_t token, protocol::ReasonCode reason, Instant now);
  void authenticate(std::string_view data, Instant now);
  void reauthenticate(std::string_view data, Instant now);
  // Of a session that the script keeps (ClientOptions::session_of_owner). restore(): before the first connect().
  void restore(std::vector<KeptPublish> publishes, const std::vector<protocol::PacketId>& received);
  void continue_exchange(protocol::PacketType received, protocol::PacketId, Instant now);
  // A publish is not sent, or not sent again; it is settled as lost.
  void forget(uint64_t cookie, Instant now);
  void note_read(uint64_t messages, uint64_t bytes);  // the script has seen so much more
  void trace(bool is_on);                             // from the next stream on

  void on_open(Waker&, const Opening&, Instant now) override;
  void on_bytes(ByteView, Instant now) override;
  void on_deadline(Instant now) override;
  void on_closed(CloseReason, Instant now) override;
  std::span<const ByteView> output() const override { return client_.output(); }
  void output_sent(size_t n, Instant now) override;
  std::optional<Instant> deadline() const override;
  StreamWish wish() const override { return client_.wish(); }
  bool takes_input() const override;

 private:
  struct Subscription {
    std::string filter;
    protocol::SubscriptionOptions options;
    Bytes properties;
  };
  struct Ending {  // what to say when everything ordered is through, or when `due`
    Instant due = kNever;
    protocol::ReasonCode reason{};
    Bytes properties{};
  };
  struct Unwritten {
    uint64_t end;  // where on the stream
    uint64_t cookie;
    Instant wanted;
    bool is_settled_by_that;  // QoS 0
  };
  struct Trace {
    protocol::Framer sent;
    protocol::Framer received;
  };

  // scripted_client.cpp: orders
  void settle(Instant now);  // after every call: what follows from it
  void note_state();
  void pump(Instant now);
  void excuse_last(Instant now);
  bool give(PublishOrder&, Instant now);
  bool give(SubscribeOrder&, Instant now);
  bool give(UnsubscribeOrder&, Instant now);
  void keep_in_flight(PublishOrder);
  void finish_if_done(Instant now);
  void resubscribe(Instant now);
  void close_orders();
  void close_order(const Order&);
  void requeue();
  void trace_output(size_t n);
  void trace_packets(protocol::Framer&, ByteView, bool is_sent);

  // scripted_events.cpp: what the client machine tells
  void drain_events(Instant now);
  void handle(const client::Connected&, Instant now);
  void handle(const client::Refused&, Instant now);
  void handle(const client::Disconnected&, Instant now);
  void handle(const client::MessageReceived&, Instant now);
  void handle(const client::PublishCompleted&, Instant now);
  void handle(const client::PublishDropped&, Instant now);
  void handle(const client::Subscribed&, Instant now);
  void handle(const client::Unsubscribed&, Instant now);
  void handle(const client::AuthReceived&, Instant now);
  void handle(const client::ExchangeAdvanced&, Instant now);
  void keep_subscriptions(const SubscribeOrder&, ByteView codes);
  void forget_subscriptions(const UnsubscribeOrder&);
  void lose_unwritten();

  const ScriptedOptions options_;
  ScriptOwner& owner_;
  const uint64_t id_;
  client::Client client_;
  std::vector<Note> notes_;
  std::deque<Order> waiting_;
  std::vector<PublishOrder> again_;             // to be ordered once more, before all that waits
  std::map<uint64_t, PublishOrder> in_flight_;  // above QoS 0; the payload only while it may have to be ordered again
  std::map<uint64_t, Order> requests_;          // SUBSCRIBE and UNSUBSCRIBE without an answer
  std::deque<Unwritten> unwritten_;
  std::vector<Subscription> subscriptions_;
  std::optional<Ending> ending_;
  std::unique_ptr<Trace> trace_;  // of this stream
  uint64_t stream_bytes_ = 0;
  uint64_t unread_messages_ = 0;
  uint64_t unread_bytes_ = 0;
  uint64_t first_token_;  // what the client machine numbers from 1 on each connection is numbered after this, for good
  uint64_t last_token_;
  Instant retry_due_ = kNever;
  client::State told_state_ = client::State::idle;
  bool is_traced_ = false;  // from the next stream on
  bool was_refused_ = false;
  bool needs_resubscribing_ = false;
  bool gives_up_ = false;  // the end that comes next is of our making and was told already
};

}  // namespace mqtt_sim::load
