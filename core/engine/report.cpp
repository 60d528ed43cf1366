#include "core/engine/report.hpp"

#include <cmath>
#include <nlohmann/json.hpp>

#include "core/engine/broker_stats.hpp"

namespace mqtt_sim::engine {
namespace {

using metrics::Counter;
using nlohmann::ordered_json;

double seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }

const char* role_of(const load::GroupPlan& group) {
  if (group.is_scripted) return "script";
  if (group.publish && !group.subscribe.empty()) return "device";
  return group.publish ? "producer" : "consumer";
}

void add_audit(metrics::Recorder& recorder, const std::vector<load::GroupTally>& tallies) {
  load::LedgerCounts all;
  for (const load::GroupTally& tally : tallies) all += tally.ledger;
  recorder.add(Counter::expected, all.expected);
  recorder.add(Counter::lost, all.lost);
  recorder.add(Counter::duplicated, all.duplicated);
  recorder.add(Counter::reordered, all.reordered);
}

ordered_json groups_to_json(const load::Plan& plan, const std::vector<load::GroupTally>& tallies) {
  ordered_json groups = ordered_json::array();
  for (size_t i = 0; i < plan.groups.size(); ++i) {
    const load::GroupTally& tally = tallies[i];
    groups.push_back({{"name", plan.groups[i].name},
                      {"role", role_of(plan.groups[i])},
                      {"clients", plan.groups[i].count},
                      {"counts",
                       {{"offered", tally.offered},
                        {"written", tally.written},
                        {"acknowledged", tally.acknowledged},
                        {"received", tally.received},
                        {"expected", tally.ledger.expected},
                        {"lost", tally.ledger.lost},
                        {"duplicated", tally.ledger.duplicated},
                        {"reordered", tally.ledger.reordered}}}});
    if (plan.groups[i].publish && plan.groups[i].publish->is_composed())
      groups.back()["counts"]["content_late"] = tally.content_late;
  }
  return groups;
}

ordered_json failure_to_json(const std::optional<load::Failure>& failure) {
  if (!failure) return nullptr;
  return {{"kind", failure->kind},
          {"text", failure->text},
          {"reason_code", failure->reason == 0 ? ordered_json() : ordered_json(failure->reason)},
          {"clients", failure->clients},
          {"group", failure->group.empty() ? ordered_json() : ordered_json(failure->group)}};
}

ordered_json intervals_to_json(const std::vector<metrics::Interval>& intervals, Instant start) {
  ordered_json list = ordered_json::array();
  for (const metrics::Interval& interval : intervals) {
    const bool has_latency = interval.latency_count > 0;
    const auto or_null = [&](int64_t ns) { return has_latency ? ordered_json(ns) : ordered_json(); };
    list.push_back({{"t_s", seconds(interval.end - start)},
                    {"seconds", interval.seconds},
                    {"sent", interval.sent},
                    {"received", interval.received},
                    {"clients", interval.clients_up},
                    {"p50", or_null(interval.latency_p50)},
                    {"p99", or_null(interval.latency_p99)},
                    {"max", or_null(interval.latency_max)}});
  }
  return list;
}

// Standard deviation over mean of the messages sent in each whole 100 ms of the time that messages were sent.
ordered_json variation_of(const std::vector<uint32_t>& bins, Duration sending) {
  const size_t whole = std::min(bins.size(), static_cast<size_t>(sending / load::Fleet::kSendBin));
  if (whole < 2) return nullptr;
  double sum = 0;
  double squares = 0;
  for (size_t i = 0; i < whole; ++i) {
    sum += bins[i];
    squares += static_cast<double>(bins[i]) * bins[i];
  }
  if (sum == 0) return nullptr;
  const double mean = sum / static_cast<double>(whole);
  return std::sqrt(std::max(0.0, squares / static_cast<double>(whole) - mean * mean)) / mean;
}

ordered_json generator_to_json(const ReportInput& in, Duration sending) {
  const load::FleetStatus total = in.conductor.total();
  ordered_json json;
  const double span = seconds(sending);
  const uint64_t in_time = total.offered - total.offered_late;
  const bool is_paced = total.planned > 0;
  json["rate_planned_per_s"] =
      is_paced && span > 0 ? ordered_json(static_cast<double>(total.planned) / span) : ordered_json();
  json["rate_offered_per_s"] = span > 0 ? ordered_json(static_cast<double>(in_time) / span) : ordered_json();
  json["rate_shortfall"] =
      is_paced ? ordered_json(1.0 - std::min(1.0, static_cast<double>(in_time) / static_cast<double>(total.planned)))
               : ordered_json();
  json["backlog"] = total.backlog;
  json["bins_variation"] = variation_of(in.send_bins, sending);
  ordered_json shards = ordered_json::array();
  for (const Duration cpu : in.shard_cpu_times)
    shards.push_back({{"cpu_s", seconds(cpu)}, {"cpu_share", span > 0 ? seconds(cpu) / span : 0.0}});
  json["shards"] = std::move(shards);
  return json;
}

ordered_json wire_to_json(const ReportInput& in) {
  if (!in.wire) return nullptr;
  return {{"bytes_in", in.wire->bytes_in},
          {"bytes_out", in.wire->bytes_out},
          {"tls_handshakes", in.wire->tls_handshakes},
          {"tls_resumed", in.wire->tls_resumed}};
}

ordered_json broker_to_json(const ReportInput& in) {
  if (!in.broker) return nullptr;
  ordered_json json;
  if (in.broker_cpu_time) json["cpu_s"] = seconds(*in.broker_cpu_time);
  json["stats"] = ordered_json::parse(to_json(*in.broker));
  return json;
}

}  // namespace

std::string make_report(ReportInput in) {
  const Instant start = in.conductor.start();
  const load::FleetStatus total = in.conductor.total();
  const bool has_run = start != kNever;
  const Duration sending =
      has_run && in.conductor.sending_ended() > start ? in.conductor.sending_ended() - start : Duration(0);
  add_audit(in.recorder, in.tallies);
  in.recorder.add(Counter::planned, total.planned);
  in.recorder.add(Counter::unsent, total.backlog);

  ordered_json json;
  json["driver"] = in.plan.is_virtual ? "sim" : "net";
  json["seed"] = in.plan.seed;
  json["interrupted"] = in.conductor.was_interrupted();
  json["elapsed_s"] = seconds(sending);
  json["failure"] = failure_to_json(in.conductor.failure());
  json["clients"] = {{"planned", in.plan.client_count()},
                     {"connected", in.recorder.count(Counter::connected)},
                     {"failed", total.failed},
                     {"disconnected", in.recorder.count(Counter::disconnected)},
                     {"reconnected", in.recorder.count(Counter::reconnected)}};
  json.update(metrics::to_json(in.recorder, has_run ? start : in.conductor.begin()));
  json["groups"] = groups_to_json(in.plan, in.tallies);
  json["intervals"] = intervals_to_json(in.intervals, has_run ? start : Instant{});
  json["generator"] = generator_to_json(in, sending);
  json["wire"] = wire_to_json(in);
  json["broker"] = broker_to_json(in);
  json["corpus_warnings"] = in.plan.corpus.warnings;
  return json.dump();
}

}  // namespace mqtt_sim::engine
