// The Result of a run as one JSON document: merged measurements, the audit of every ledger, the health of the
// generator. What leaves the core; Python adds verdict, machine and versions. Pure; in virtual time equal runs give
// equal bytes.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/broker/stats.hpp"
#include "core/engine/conductor.hpp"
#include "core/load/fleet.hpp"
#include "core/metrics/recorder.hpp"
#include "core/metrics/result.hpp"
#include "core/net/stats.hpp"

namespace mqtt_sim::engine {

struct ReportInput {
  const load::Plan& plan;
  const Conductor& conductor;
  metrics::Recorder recorder;             // of all shards, ledger counts not yet in it
  std::vector<load::GroupTally> tallies;  // by group
  std::vector<metrics::Interval> intervals;
  std::vector<uint32_t> send_bins;          // of all shards
  std::vector<Duration> shard_cpu_times;    // empty in virtual time
  std::optional<net::NetStats> wire;        // of all shards' sockets; absent in virtual time
  std::optional<broker::Stats> broker;      // the embedded one
  std::optional<Duration> broker_cpu_time;  // in the time that was measured; absent in virtual time
};

std::string make_report(ReportInput);

}  // namespace mqtt_sim::engine
