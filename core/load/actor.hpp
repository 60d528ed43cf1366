// A simulated device: an MQTT client with a timetable, something to say and a ledger of what it hears. Itself an
// Endpoint: it lets the client see every event of its stream, then acts on what the client tells. Owned by a Fleet, on
// one shard.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "core/base/driver.hpp"
#include "core/base/endpoint.hpp"
#include "core/client/client.hpp"
#include "core/load/boarder.hpp"
#include "core/load/content.hpp"
#include "core/load/ledger.hpp"
#include "core/load/plan.hpp"
#include "core/load/schedule.hpp"
#include "core/load/stamp.hpp"

namespace mqtt_sim::load {

class Fleet;

class Actor final : public Endpoint, public Boarder {
 public:
  Actor(Fleet&, uint32_t group, uint32_t index);

  void board(Driver&, const Target&);
  void connect_at(Instant at) override;
  void connect() override;
  void start(Instant now);
  void stop_sending();
  void finish(Instant now);
  // `copies` more of this producer's messages have arrived; whether it was waiting for that.
  bool credit(uint32_t copies);
  void go_on(Instant now);
  // What somebody outside composed for this producer's next messages; shelve() takes it without going on.
  void take_contents(std::vector<ComposedContent>&&, Instant now);
  void shelve(std::vector<ComposedContent>&&);

  bool is_publishing() const { return publishing_ != nullptr; }
  uint32_t stream() const { return publishing_->stream; }
  uint32_t sent() const { return publishing_->sent; }
  uint32_t group() const { return group_; }
  const Ledger* ledger() const { return ledger_.get(); }

  void on_open(Waker&, const Opening&, Instant now) override;
  void on_bytes(ByteView, Instant now) override;
  void on_deadline(Instant now) override;
  void on_closed(CloseReason, Instant now) override;
  std::span<const ByteView> output() const override { return client_.output(); }
  void output_sent(size_t n, Instant now) override;
  std::optional<Instant> deadline() const override;
  StreamWish wish() const override { return client_.wish(); }

 private:
  // The side of a device that speaks.
  struct Publishing {
    uint32_t stream = 0;
    Schedule schedule;
    uint64_t planned = 0;        // messages the timetable holds; the limit where unpaced
    uint64_t offered = 0;        // noticed as due
    uint64_t given_up = 0;       // offered, but the server does not take such messages
    uint32_t sent = 0;           // handed to the client: the next sequence number
    uint64_t arrived = 0;        // copies that receivers of the plan got
    uint64_t stream_bytes = 0;   // bytes that left on the current stream
    std::vector<uint64_t> ends;  // where on the stream each message not yet written ends
    size_t first_end = 0;
    Instant last_progress{};  // of an unpaced producer: when something last arrived or left
    bool is_waiting = false;  // for its window to open
    bool is_listed = false;   // among the fleet's unblocked producers
    // Where messages are composed outside:
    std::unique_ptr<ContentShelf> shelf;
    uint64_t copies = 0;         // of all that was sent, where topics are composed
    bool has_contents = false;   // the first one came
    bool lacks_content = false;  // the next message is due, and not composed
  };

  const GroupPlan& plan() const;
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
  void handle(const client::ExchangeAdvanced&, Instant) {}  // its sessions are its client's

  void note_end(const client::Disconnected&, Instant now);
  void note_words(std::string_view packet, const protocol::PropertyList&, protocol::ReasonCode, Instant now);
  void settle_connect();
  void subscribe(Instant now);
  void give_up_subscribing(Instant now);
  void become_ready();
  void plan_messages();
  void notice_due(Instant now);
  void pump(Instant now);
  bool has_more_to_send(Instant now);
  bool publish_next(Instant now);
  void plan_next_deadline(Instant now);
  void write_off_stalled_window(Instant now);
  uint64_t in_flight_end_to_end() const;
  std::optional<bool> hear(const Stamp&);  // whether it is new; nothing: it is not for us
  // actor_contents.cpp
  bool is_composed(uint64_t turn, Instant now);
  void ask_for_contents(Instant now);
  void note_uncomposed(Instant now);
  uint32_t take_copies();          // of the message that has just been handed to the client
  void drop_content(Instant now);  // it is spent

  Fleet& fleet_;
  client::Client client_;
  Waker* waker_ = nullptr;
  std::unique_ptr<Publishing> publishing_;
  std::unique_ptr<Ledger> ledger_;
  Instant next_due_ = kNever;    // of connecting, of the timetable, or of looking after a stalled window
  Instant request_sent_{};       // when SUBSCRIBE left
  Instant suback_due_ = kNever;  // when to give up waiting for its answer
  uint32_t group_;
  uint32_t index_;
  uint32_t unexpected_acks_ = 0;  // counted so far
  bool has_been_ready_ = false;
  bool is_up_ = false;
  bool has_failed_ = false;
  bool is_finishing_ = false;
  bool is_waiting_to_connect_ = false;  // for the instant of connect_at()
  bool is_connecting_ = false;          // counted by the fleet until CONNACK or the end of the attempt
};

}  // namespace mqtt_sim::load
