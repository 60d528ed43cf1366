// What a broker and a run count, in the text format of Prometheus, version 0.0.4: for every family # HELP, # TYPE and
// its samples. A pure function.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/broker/stats.hpp"
#include "core/engine/run_figures.hpp"

namespace mqtt_sim::engine {

inline constexpr std::string_view kMetricsType = "text/plain; version=0.0.4; charset=utf-8";

// Names begin with mqtt_sim_broker_ and, when there is a run, mqtt_sim_run_.
std::string metrics_page(const broker::Stats& stats, const std::optional<RunFigures>& run);

}  // namespace mqtt_sim::engine
