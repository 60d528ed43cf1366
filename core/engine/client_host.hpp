// Clients for scripts of this process: one thread with one driver carries all that were made here, whatever thread
// commands them. What happens to them waits in one batch until the script fetches it; a file descriptor is readable
// while there is one, so an event loop can sleep on it. The engine's thread never waits for the script: who reads too
// slowly has input left in the socket or messages dropped, as its rule says. All functions may be called from any
// thread.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/base/target.hpp"
#include "core/engine/scripted_clients.hpp"
#include "core/load/scripted_client.hpp"
#include "core/net/driver.hpp"

namespace mqtt_sim::engine {

class ClientHost final : public ScriptedClients,
                         public std::enable_shared_from_this<ClientHost>,
                         private load::ScriptOwner {
 public:
  // With its thread running. Error: no descriptor or thread is left.
  static Expected<std::shared_ptr<ClientHost>> make();

  // Drops every stream and ends the thread; later calls do nothing. False: after `patience` it still waits for
  // something outside (a name server), and will end by itself.
  bool stop(Duration patience);

  // A client that leads to the first target; after a failed attempt to the next one. Never fails; what is wrong with a
  // target shows when it is tried.
  uint64_t add(load::ScriptedOptions, std::vector<Target> targets, Inbox);
  void command(uint64_t client, Work work) override;
  void order(uint64_t client, load::Order) override;
  void lead_to(uint64_t client, std::vector<Target> targets);  // from the next attempt on
  void remove(uint64_t client);                                // drops its stream; its notes are forgotten

  int descriptor() const override { return batch_.descriptor(); }
  std::vector<Delivery> fetch() override { return batch_.fetch(); }

 private:
  struct Hosted {
    std::unique_ptr<load::ScriptedClient> client;
    std::vector<Target> targets;
    Waker* waker = nullptr;
    size_t target = 0;
    Inbox inbox;
  };
  struct Command {
    uint64_t client;
    std::unique_ptr<load::Order> order;  // or
    Work work;                           // or
    std::function<void()> own;           // of the host itself
  };

  explicit ClientHost(Doorbell bell);
  void post(Command);
  void post_work(std::function<void()>);
  void serve();
  void run_commands();
  void lead_on(uint64_t client);

  void take(load::ScriptedClient&, std::vector<load::Note>&) override;
  void on_attempt_failed(load::ScriptedClient&) override;
  std::string_view close_detail() const override { return driver_ ? driver_->close_detail() : std::string_view(); }

  std::atomic<uint64_t> last_id_ = 0;

  // Of the thread.
  std::unordered_map<uint64_t, Hosted> clients_;
  std::unique_ptr<net::NetDriver> driver_;

  std::mutex commands_mutex_;
  std::vector<Command> commands_;
  std::vector<Command> running_;  // of the thread
  bool is_woken_ = false;         // the thread will look at commands_
  bool is_over_ = false;          // the thread has let go of everything
  std::condition_variable over_;
  std::atomic<bool> is_stopping_ = false;

  NoteBatch batch_;
};

}  // namespace mqtt_sim::engine
