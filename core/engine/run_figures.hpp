// What a run tells people who look at its broker's pages: a few figures, put up about once a second by the run and read
// by the broker's thread whenever somebody asks. RunBoard may be used from any thread; locked, never on the message
// path.
#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "core/engine/conductor.hpp"
#include "core/engine/progress.hpp"
#include "core/engine/report.hpp"
#include "core/load/plan.hpp"
#include "core/metrics/recorder.hpp"
#include "core/metrics/result.hpp"

namespace mqtt_sim::engine {

struct RunFigures {
  std::string name;   // of the scenario
  std::string phase;  // as in snapshots
  double elapsed_s = 0;
  double sent_per_s = 0;
  double received_per_s = 0;
  metrics::MetricSummary latency = {};          // of the whole run so far; at the end as the report has it
  metrics::Counters counters = {};              // likewise
  std::optional<uint64_t> lost = std::nullopt;  // once it has been counted, at the end
};

// While it goes on, and at its end.
RunFigures figures_of(const load::Plan&, Phase, const Conductor&, const Progress::View&);
RunFigures figures_of(const ReportInput&);

class RunBoard {
 public:
  void put(RunFigures figures) {
    const std::lock_guard lock(mutex_);
    figures_ = std::move(figures);
  }
  // Nothing: no run has told anything.
  std::optional<RunFigures> get() const {
    const std::lock_guard lock(mutex_);
    return figures_;
  }

 private:
  mutable std::mutex mutex_;
  std::optional<RunFigures> figures_;
};

}  // namespace mqtt_sim::engine
