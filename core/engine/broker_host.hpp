// The embedded broker on a thread and a driver of its own, so that its CPU time is not the generator's. Used by runs in
// real time and by `mqtt-sim broker`.
#pragma once

#include <atomic>
#include <string>
#include <thread>

#include "core/base/driver.hpp"
#include "core/broker/broker.hpp"
#include "core/net/driver.hpp"
#include "core/storage/memory_store.hpp"

namespace mqtt_sim::engine {

struct BrokerConfig {
  Address at;
  broker::BrokerOptions options;
};

// From a JSON object with `host`, `port` and any member of BrokerOptions by its name (durations as <name>_ns). Error:
// which key is wrong and what would be right.
Expected<BrokerConfig> parse_broker_config(const std::string& json);
// Broker statistics as a JSON object, in the order of the struct.
std::string to_json(const broker::Stats&);

class BrokerHost {
 public:
  BrokerHost(const broker::BrokerOptions&, uint64_t seed);
  ~BrokerHost();

  // Listens, then serves on its own thread until stop(). Error: the address cannot be had.
  Expected<Address> start(const Address& at);
  void stop();            // orderly: clients are told, at most 2 s
  broker::Stats stats();  // from any thread; the last ones once stopped
  Duration cpu_time();    // of its thread so far; likewise

 private:
  void serve();

  storage::MemoryStore store_;
  broker::Broker broker_;
  net::NetDriver driver_;
  std::thread thread_;
  std::atomic<bool> is_stopping_ = false;
  Duration last_cpu_time_{};
};

}  // namespace mqtt_sim::engine
