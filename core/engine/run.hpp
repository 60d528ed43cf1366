// A run from a Plan to a Result: makes the drivers and the broker, starts a thread for each shard, tells progress, and
// puts the result together. The only place that knows every other room of core. Any one thread may drive it;
// interrupt() and abort() may come from any other.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "core/engine/broker_host.hpp"
#include "core/engine/conductor.hpp"
#include "core/engine/content_port.hpp"
#include "core/engine/progress.hpp"
#include "core/engine/script_port.hpp"
#include "core/engine/shard.hpp"
#include "core/load/fleet.hpp"
#include "core/sim/driver.hpp"

namespace mqtt_sim::engine {

// Why a run could not begin.
struct RunError {
  std::string kind;  // port_taken, invalid_broker_option
  std::string text;
};

class Run {
 public:
  static boost::system::result<std::unique_ptr<Run>, load::PlanError> make(const std::string& plan_json);
  ~Run();

  const load::Plan& plan() const { return *plan_; }

  std::optional<RunError> start();
  // Waits at most `patience` for news: a snapshot as JSON, or an empty text.
  std::string poll(std::chrono::nanoseconds patience);
  bool is_done() const { return conductor_.phase() == Phase::done; }
  void interrupt() { conductor_.interrupt(); }
  void abort() { conductor_.abort(); }
  // Waits for the end. The result as JSON; the same text at every call.
  std::string result();

  // Of the scripted groups; none without one.
  const std::shared_ptr<ScriptPort>& scripts() const { return scripts_; }
  void set_scripts_running(uint32_t scripts) { conductor_.set_scripts_running(scripts); }
  // In virtual time with scripted groups nothing happens but in here: runs until `until`, until there is news for the
  // scripts, or until the run is over. The time then. From one thread at a time.
  Instant advance(Instant until);
  Instant now() const { return drivers_.front()->now(); }

  // Of the groups whose messages are composed outside; none without one. Served from before start() on.
  const std::shared_ptr<ContentPort>& contents() const { return contents_; }

  // Where the embedded broker listens, by listener; empty without one and in virtual time.
  const std::vector<Address>& addresses() const { return addresses_; }
  // Before result(): the embedded broker and its pages outlast the run, until stop_broker() or the end of this object.
  void keep_broker() { keeps_broker_ = true; }
  void stop_broker();

 private:
  Run(std::unique_ptr<load::Plan>, load::Topology);

  std::optional<RunError> start_virtual();
  std::optional<RunError> start_real();
  void start_shards(CpuClock);
  void run_shard(Shard&);
  void enter(Phase, Instant start);  // from the first shard's thread
  void join();
  std::string make_snapshot();
  std::string make_result();
  void add_shares(std::vector<load::GroupTally>& tallies, const std::vector<uint32_t>& sent) const;

  std::unique_ptr<load::Plan> plan_;  // at one place for good: topology and fleets point to it
  load::Topology topology_;
  std::vector<std::string> rendered_;
  std::shared_ptr<ScriptPort> scripts_;
  std::shared_ptr<ContentPort> contents_;
  load::RunContext context_;
  Conductor conductor_;
  Progress progress_;

  std::unique_ptr<storage::MemoryStore> virtual_store_;  // with virtual_broker_, in virtual time only
  std::unique_ptr<BrokerAccess> virtual_access_;
  std::unique_ptr<broker::Broker> virtual_broker_;
  std::unique_ptr<BrokerHost> broker_host_;       // in real time with the embedded broker only
  std::vector<std::unique_ptr<Driver>> drivers_;  // one a shard
  std::vector<const net::NetDriver*> sockets_;    // the same in real time, none in virtual time
  std::vector<std::unique_ptr<Shard>> shards_;
  std::vector<std::thread> threads_;
  std::vector<Target> targets_;  // by group
  std::vector<Address> addresses_;
  bool keeps_broker_ = false;
  Duration broker_cpu_start_{};  // of the time that is measured
  Duration broker_cpu_end_{};
  size_t intervals_seen_ = 0;
  Phase phase_seen_ = Phase::done;
  std::chrono::steady_clock::time_point last_snapshot_{};
  std::string result_;
};

}  // namespace mqtt_sim::engine
