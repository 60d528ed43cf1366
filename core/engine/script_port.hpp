// Where the scripts of a run meet its shards: orders for devices go to the shard that carries each, what happens to
// them comes out in one batch for all, and so does the news that the run has entered another phase. In real time the
// shards' threads never wait for the script; in virtual time news stop the driver, so that the script sees them at
// their instant.
//
// Made before the shards and alive as long as anybody holds it; after close() orders go nowhere.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <optional>
#include <vector>

#include "core/base/driver.hpp"
#include "core/engine/conductor.hpp"
#include "core/engine/scripted_clients.hpp"
#include "core/load/device.hpp"

namespace mqtt_sim::engine {

class ScriptPort final : public ScriptedClients, public load::ScriptSink {
 public:
  // No device is known before its shard has boarded it.
  ScriptPort(const load::Plan&, Doorbell bell);

  void carry(uint32_t shard, Driver&);  // before the shards start
  void close();                         // the drivers are about to go

  // Of devices by number. Work that comes before the shard has begun waits for it.
  void command(uint64_t device, Work work) override;
  void order(uint64_t device, load::Order) override;
  int descriptor() const override { return batch_.descriptor(); }
  std::vector<Delivery> fetch() override { return batch_.fetch(); }
  bool has_news() const { return batch_.has_news(); }
  bool has_notes() const {
    return batch_.has_news() || batch_.has_notes();
  }  // news, or what comes with the next fetch()

  // Nobody is woken for the news that a message at QoS 0 has been written: it comes with the next fetch(). Unless the
  // script of this device has said that it waits for such news; then fetch() after this call gives what came before.
  void await_written(uint64_t device);

  // From the script's thread: whether what this device publishes from now on is stamped, with the time of order().
  void set_stamping(uint64_t device, bool is_on);

  // Where the script measures how late it is. go_on(): it has woken the device's script, which should have gone on at
  // `due`: that is when what this device publishes meanwhile was meant to leave. Else it is the time of the order.
  void go_on(uint64_t device, Instant due);
  // The end of a turn of the script's loop: its orders go to the shards together, unless they are many.
  void end_turn();

  void enter(Phase, Instant start);  // from the first shard's thread; `start`: the run's time zero
  struct Stage {
    Phase phase = Phase::connecting;
    Instant start = kNever;
  };
  Stage stage() const;

  // load::ScriptSink, on the devices' threads.
  void board(load::Device&) override;
  void take(load::Device&, std::vector<load::Note>&) override;

 private:
  struct Command {
    uint64_t device = 0;
    std::optional<load::Order> order;  // or
    Work work;
  };
  struct Line {  // to one shard
    std::mutex mutex;
    Driver* driver = nullptr;
    std::vector<Command> commands;
    bool is_woken = false;         // the shard will look at commands; else they wait for the end of the turn
    std::vector<Command> running;  // of the shard's thread
  };

  void post(uint64_t device, Command);
  void wake(Line&);
  void run_commands(Line&);
  void tell();  // there is news
  Instant now() const;

  const bool is_virtual_;
  std::vector<uint32_t> shard_of_;  // by device, from 1 on
  std::vector<load::Device*> devices_;
  std::vector<std::atomic<bool>> awaits_written_;  // by device
  std::vector<bool> is_stamping_;                  // by device; of the script's thread
  std::vector<Line> lines_;                        // by shard
  // Of the script's thread.
  uint64_t going_on_ = 0;  // a device; since `due_`, if it is not late
  Instant due_ = kNever;
  Instant held_since_ = kNever;  // the first order of this turn that no shard knows of

  NoteBatch batch_;
  mutable std::mutex stage_mutex_;
  Stage stage_;
};

}  // namespace mqtt_sim::engine
