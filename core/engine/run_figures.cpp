#include "core/engine/run_figures.hpp"

namespace mqtt_sim::engine {
namespace {

double seconds_between(Instant begin, Instant end) {
  if (begin == kNever || end == kNever || end < begin) return 0;
  return std::chrono::duration<double>(end - begin).count();
}

}  // namespace

RunFigures figures_of(const load::Plan& plan, Phase phase, const Conductor& conductor, const Progress::View& view) {
  const double span = view.last.seconds > 0 ? view.last.seconds : 1;
  return {.name = plan.name,
          .phase = to_string(phase),
          .elapsed_s = seconds_between(conductor.start(), view.last.end),
          .sent_per_s = static_cast<double>(view.last.sent) / span,
          .received_per_s = static_cast<double>(view.last.received) / span,
          .latency = metrics::summarise(view.latency),
          .counters = view.counters};
}

RunFigures figures_of(const ReportInput& in) {
  load::LedgerCounts ledger;
  for (const load::GroupTally& tally : in.tallies) ledger += tally.ledger;
  RunFigures figures{.name = in.plan.name,
                     .phase = to_string(Phase::done),
                     .elapsed_s = seconds_between(in.conductor.start(), in.conductor.sending_ended()),
                     .latency = metrics::summarise(in.recorder.histogram(metrics::Metric::latency)),
                     .counters = in.recorder.counters(),
                     .lost = ledger.lost};
  figures.counters[static_cast<size_t>(metrics::Counter::expected)] = ledger.expected;
  figures.counters[static_cast<size_t>(metrics::Counter::lost)] = ledger.lost;
  return figures;
}

}  // namespace mqtt_sim::engine
