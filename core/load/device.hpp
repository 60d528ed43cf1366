// A simulated device whose behaviour is a script outside: a client of a run like an Actor, connected by its fleet and
// counted by it, that says what it is ordered to say and tells what happens to whoever runs the script. Its messages
// are in no ledger, and carry a stamp only if they are ordered so. Owned by a Fleet, on one shard.
#pragma once

#include <cstdint>
#include <vector>

#include "core/base/driver.hpp"
#include "core/base/endpoint.hpp"
#include "core/load/boarder.hpp"
#include "core/load/scripted_client.hpp"

namespace mqtt_sim::load {

class Device;
class Fleet;
struct GroupPlan;

// Whoever runs the scripts of a run. Called on the thread of the device's shard.
class ScriptSink {
 public:
  virtual void board(Device&) = 0;                           // before anything else of this device
  virtual void take(Device&, std::vector<Note>& notes) = 0;  // `notes` is empty afterwards

 protected:
  ~ScriptSink() = default;
};

class Device final : public Endpoint, public Boarder, private ScriptOwner {
 public:
  // `number`: from 1 on, through all scripted groups of the plan in their order.
  Device(Fleet&, uint32_t group, uint32_t index, uint64_t number);

  uint64_t number() const { return client_.id(); }

  void board(Driver&, const Target&);
  void connect_at(Instant at) override;
  void connect() override;
  // The run is over. The script ends the client; until it does, nothing happens.
  void finish();

  // What the script says. wake() afterwards.
  void order(Order, Instant now);
  ScriptedClient& client() { return client_; }
  void wake() { waker_->wake(); }

  void on_open(Waker&, const Opening&, Instant now) override;
  void on_bytes(ByteView, Instant now) override;
  void on_deadline(Instant now) override;
  void on_closed(CloseReason reason, Instant now) override { client_.on_closed(reason, now); }
  std::span<const ByteView> output() const override { return client_.output(); }
  void output_sent(size_t n, Instant now) override;
  std::optional<Instant> deadline() const override;
  StreamWish wish() const override { return client_.wish(); }
  bool takes_input() const override { return client_.takes_input(); }

 private:
  void take(ScriptedClient&, std::vector<Note>& notes) override;
  void on_attempt_failed(ScriptedClient&) override {}
  void on_left(Instant wanted, Instant now) override;
  std::string_view close_detail() const override;

  const GroupPlan& plan() const;
  // device_stamp.cpp
  void stamp(PublishOrder&, Instant now);
  void read_stamp(MessageNote&);

  void note(const ConnectedNote&);
  void note(const RefusedNote&);
  void note(const EndedNote&);
  void note(const SettledNote&);
  void note(const MessageNote&);
  template <class Other>
  void note(const Other&) {}
  void fail(const char* kind, std::string text, protocol::ReasonCode);
  void settle_connect();
  void count_as_finished();

  Fleet& fleet_;
  ScriptedClient client_;
  Waker* waker_ = nullptr;
  Instant connect_due_ = kNever;
  uint32_t group_;
  uint32_t stamped_ = 0;  // messages: the next sequence number
  bool has_been_ready_ = false;
  bool is_up_ = false;
  bool has_left_ = false;  // ended by its script, before the end of the run
  bool has_failed_ = false;
  bool is_finishing_ = false;
  bool has_finished_ = false;
  bool is_connecting_ = false;  // counted by the fleet until CONNACK or the end of the attempt
};

}  // namespace mqtt_sim::load
