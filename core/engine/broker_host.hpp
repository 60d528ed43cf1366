// The embedded broker on a thread and a driver of its own, so that its CPU time is not the generator's. Used by runs in
// real time and by `mqtt-sim broker`. All functions may be called from any thread.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "core/base/driver.hpp"
#include "core/broker/broker.hpp"
#include "core/engine/broker_access.hpp"
#include "core/engine/broker_config.hpp"
#include "core/net/driver.hpp"
#include "core/storage/memory_store.hpp"

namespace mqtt_sim::engine {

// Opens every listener for `broker`. Result: the addresses really bound, in their order; or why one cannot be had.
Expected<std::vector<Address>> listen_all(Driver& driver, broker::Broker& broker,
                                          const std::vector<ListenerConfig>& listeners);

class BrokerHost {
 public:
  explicit BrokerHost(const BrokerConfig&);  // its access sources are read by the first reload()
  ~BrokerHost();

  // Listens, then serves on its own thread until stop(); once. Result: as listen_all(); on an error nothing listens.
  Expected<std::vector<Address>> start();
  // Reads users_file and acl_file again. Error: file, line, and what would be right; what held before holds on. Those
  // who are connected stay, and are asked about under the new rules. Before start() as well.
  std::optional<Error> reload();
  // Tells every client that the server shuts down, writes out what waits for it and ends; then the ports are free.
  // Takes less than 2 s: who has not taken leave by then is cut off. Sessions and their messages are kept.
  void stop();
  broker::Stats stats();  // the last ones once stopped
  Duration cpu_time();    // of its thread so far; likewise

 private:
  void serve();
  void close_all();
  void on_thread(const std::function<void()>& work);  // and waits for it

  const std::vector<ListenerConfig> listeners_;
  std::unique_ptr<BrokerAccess> access_;  // none: everything is open
  storage::MemoryStore store_;
  broker::Broker broker_;
  std::unique_ptr<net::NetDriver> driver_;  // none once stopped
  std::mutex mutex_;                        // held by whoever starts, stops or asks
  std::thread thread_;
  std::atomic<bool> is_stopping_ = false;
  Duration last_cpu_time_{};
};

}  // namespace mqtt_sim::engine
