// A plan, its one fleet and the scripted driver under it.
#pragma once

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "core/load/dialogue.hpp"
#include "core/load/fleet.hpp"
#include "tests/cpp/load/print.hpp"
#include "tests/cpp/load/sample_plan.hpp"
#include "tests/cpp/load/scripted_driver.hpp"

namespace mqtt_sim::load {

class FleetRun {
 public:
  static constexpr uint32_t kRunId = 77;

  explicit FleetRun(Plan given)
      : plan(std::move(given)), topology_(*Topology::make(plan)), rendered_(render_rows(plan.corpus)) {
    driver.run_until(Instant(std::chrono::seconds(1)));  // so that nothing depends on an epoch of zero
  }

  void board() { fleet.board(driver, std::vector<Target>(plan.groups.size())); }
  void connect() {
    board();
    fleet.connect_all(driver.now());
    run_for(std::chrono::seconds(1));
  }
  void start() {
    connect();
    zero = driver.now();
    fleet.start(zero);
  }
  // From start to end, and then until all that was under way has had its time.
  void play() {
    start();
    run_for(plan.duration);
    fleet.stop_sending(driver.now());
    run_for(plan.drain);
  }
  void run_for(Duration duration) { driver.run_until(driver.now() + duration); }

  FleetStatus status() const { return fleet.status(); }
  uint64_t count(metrics::Counter counter) { return fleet.recorder().count(counter); }
  const metrics::Histogram& histogram(metrics::Metric metric) { return fleet.recorder().histogram(metric); }
  std::vector<GroupTally> audit() const {
    std::vector<uint32_t> sent(plan.stream_count());
    fleet.report_sent(sent);
    return fleet.audit(sent);
  }
  std::vector<Duration> arrival_times() const {
    std::vector<Duration> times;
    for (const Arrival& arrival : driver.arrivals) times.push_back(arrival.at - zero);
    return times;
  }

  Plan plan;
  Instant zero{};

 private:
  Topology topology_;
  std::vector<std::string> rendered_;

 public:
  RunContext context{plan, topology_, rendered_, kRunId, {}};
  Fleet fleet{context, 0,
              [](uint32_t, std::vector<Credit>) { ADD_FAILURE() << "one shard has nobody to hand over to"; }};
  ScriptedDriver driver;  // goes first: its streams refer to the fleet's actors
};

}  // namespace mqtt_sim::load
