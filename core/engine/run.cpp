#include "core/engine/run.hpp"

#include <arpa/inet.h>

#include <nlohmann/json.hpp>
#include <utility>

#include "core/base/assert.hpp"
#include "core/base/random.hpp"
#include "core/engine/report.hpp"
#include "core/engine/targets.hpp"
#include "core/load/dialogue.hpp"
#include "core/net/driver.hpp"

namespace mqtt_sim::engine {
namespace {

using metrics::Counter;

constexpr uint64_t kBrokerPurpose = 0xB0u;
constexpr uint64_t kRunPurpose = 0x1Du;
constexpr uint16_t kVirtualPort = 1883;                                // where any free one will do
constexpr Duration kVirtualEpoch = std::chrono::seconds(946'684'800);  // 2000-01-01: wall clock at virtual time 0
constexpr auto kSnapshotPeriod = std::chrono::milliseconds(500);       // while there are no intervals

bool is_ip_address(const std::string& text) {
  in6_addr ignored;
  return ::inet_pton(AF_INET, text.c_str(), &ignored) == 1 || ::inet_pton(AF_INET6, text.c_str(), &ignored) == 1;
}

Duration no_cpu_time() { return Duration(0); }

// In virtual time the scripts' loop drives the run and sleeps on nothing.
std::shared_ptr<ScriptPort> make_scripts(const load::Plan& plan) {
  if (plan.device_count() == 0) return nullptr;
  auto bell = plan.is_virtual ? Expected<Doorbell>(Doorbell()) : Doorbell::make();
  return std::make_shared<ScriptPort>(plan, bell ? std::move(*bell) : Doorbell());
}

std::shared_ptr<ContentPort> make_contents(const load::Plan& plan, const load::Topology& topology) {
  return plan.is_composed() ? std::make_shared<ContentPort>(plan, topology) : nullptr;
}

Duration wall_clock_offset() {
  const auto wall = std::chrono::system_clock::now().time_since_epoch();
  const auto monotonic = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration_cast<Duration>(wall) - std::chrono::duration_cast<Duration>(monotonic);
}

// Real runs differ even with one seed, so that a stray message of an earlier one is known as foreign.
uint32_t make_run_id(const load::Plan& plan) {
  uint64_t purpose = kRunPurpose;
  if (!plan.is_virtual) purpose ^= static_cast<uint64_t>(std::chrono::system_clock::now().time_since_epoch().count());
  return static_cast<uint32_t>(Random(plan.seed).fork(purpose).next());
}

void add(net::NetStats& to, const net::NetStats& from) {
  to.bytes_in += from.bytes_in;
  to.bytes_out += from.bytes_out;
  to.tls_handshakes += from.tls_handshakes;
  to.tls_resumed += from.tls_resumed;
}

}  // namespace

boost::system::result<std::unique_ptr<Run>, load::PlanError> Run::make(const std::string& plan_json) {
  auto plan = load::parse_plan(plan_json);
  if (!plan) return plan.error();
  std::vector<ListenerConfig> listeners;
  if (!plan->broker.empty()) {
    auto config = parse_broker_config(plan->broker);
    if (!config) return load::PlanError{"broker." + config.error().path, config.error().value, config.error().message};
    listeners = std::move(config->listeners);
  }
  if (auto error = check_targets(*plan, listeners)) return std::move(*error);
  for (const std::string& address : plan->source_addresses)
    if (!is_ip_address(address))
      return load::PlanError{"connect.source_addresses", address, "an IP address of this machine"};
  std::unique_ptr<load::Plan> kept = std::make_unique<load::Plan>(std::move(*plan));
  auto topology = load::Topology::make(*kept);
  if (!topology) return topology.error();
  return std::unique_ptr<Run>(new Run(std::move(kept), std::move(*topology)));
}

Run::Run(std::unique_ptr<load::Plan> plan, load::Topology topology)
    : plan_(std::move(plan)),
      topology_(std::move(topology)),
      rendered_(load::render_rows(plan_->corpus)),
      scripts_(make_scripts(*plan_)),
      contents_(make_contents(*plan_, topology_)),
      context_{*plan_,
               topology_,
               rendered_,
               make_run_id(*plan_),
               plan_->is_virtual ? kVirtualEpoch : wall_clock_offset(),
               scripts_.get(),
               contents_.get()},
      conductor_(*plan_),
      progress_(plan_->is_virtual ? 1 : plan_->shards) {}

Run::~Run() {
  abort();
  if (contents_) contents_->close();
  join();
  if (scripts_) scripts_->close();
  drivers_.clear();  // before the endpoints they carry
}

std::optional<RunError> Run::start() {
  MQTT_SIM_ASSERT(threads_.empty());
  if (scripts_ && !plan_->is_virtual && scripts_->descriptor() < 0)
    return RunError{"descriptors", "no file descriptor left"};
  return plan_->is_virtual ? start_virtual() : start_real();
}

std::optional<RunError> Run::start_virtual() {
  sim::SimOptions options;
  options.seed = plan_->seed;
  options.link.latency = plan_->link_latency;
  options.link.jitter = plan_->link_jitter;
  auto driver = std::make_unique<sim::SimDriver>(options);
  auto config = parse_broker_config(plan_->broker);
  virtual_store_ = std::make_unique<storage::MemoryStore>();
  broker::BrokerOptions broker_options = config->options;
  if (!config->access.empty()) {
    virtual_access_ = std::make_unique<BrokerAccess>(config->access, std::to_string(plan_->seed));
    auto tables = virtual_access_->read();
    if (!tables) return RunError{"broker", tables.error().text};
    virtual_access_->replace(std::move(*tables));
    broker_options = virtual_access_->add_to(std::move(broker_options));
  }
  virtual_broker_ = std::make_unique<broker::Broker>(std::move(broker_options), *virtual_store_,
                                                     Random(plan_->seed).fork(kBrokerPurpose).next());
  uint16_t& port = config->listeners.front().at.address.port;
  if (port == 0) port = kVirtualPort;
  const auto bound = listen_all(*driver, *virtual_broker_, config->listeners);
  if (!bound) return RunError{"port_taken", bound.error().text};
  targets_ = make_targets(*plan_, config->listeners, *bound, "");
  drivers_.push_back(std::move(driver));
  start_shards(no_cpu_time);
  return std::nullopt;
}

std::optional<RunError> Run::start_real() {
  if (plan_->target) {
    targets_ = make_targets(*plan_, {}, {}, "");
  } else {
    auto config = parse_broker_config(plan_->broker);
    if (!config->seed) config->seed = Random(plan_->seed).fork(kBrokerPurpose).next();
    broker_host_ = std::make_unique<BrokerHost>(*config);
    if (const auto error = broker_host_->reload()) return RunError{"broker", error->text};
    const auto bound = broker_host_->start();
    if (!bound) return RunError{"port_taken", bound.error().text};
    targets_ = make_targets(*plan_, config->listeners, *bound, broker_host_->ca_pem());
    addresses_ = *bound;
    broker_host_->publish_run_figures({.name = plan_->name, .phase = to_string(Phase::connecting)});
  }
  net::NetOptions options;
  options.connects_in_progress_limit = plan_->connects_in_progress;
  options.source_addresses = plan_->source_addresses;
  options.handshake_limit = plan_->connect_timeout;
  for (uint32_t i = 0; i < plan_->shards; ++i) {
    auto driver = std::make_unique<net::NetDriver>(options);
    sockets_.push_back(driver.get());
    drivers_.push_back(std::move(driver));
  }
  start_shards(net::NetDriver::thread_cpu_time);
  return std::nullopt;
}

void Run::start_shards(CpuClock cpu_clock) {
  std::vector<Shard*> peers;
  for (uint32_t i = 0; i < drivers_.size(); ++i) {
    shards_.push_back(std::make_unique<Shard>(context_, i, *drivers_[i], conductor_, progress_, cpu_clock));
    peers.push_back(shards_.back().get());
  }
  for (Shard* shard : peers) shard->set_peers(peers);
  peers.front()->set_on_phase([this](Phase phase, Instant start) { enter(phase, start); });
  for (uint32_t i = 0; scripts_ && i < drivers_.size(); ++i) scripts_->carry(i, *drivers_[i]);
  for (uint32_t i = 0; contents_ && i < drivers_.size(); ++i)
    contents_->carry(i, *drivers_[i], [fleet = &shards_[i]->fleet()](auto ready, Instant now) {
      fleet->take_contents(std::move(ready), now);
    });
  if (scripts_ && plan_->is_virtual) return shards_.front()->begin(targets_);
  for (Shard* shard : peers) threads_.emplace_back([this, shard] { run_shard(*shard); });
}

void Run::enter(Phase phase, Instant start) {
  if (scripts_) scripts_->enter(phase, start);
  if (!broker_host_ || start == kNever) return;
  if (phase == Phase::running) broker_cpu_start_ = broker_host_->cpu_time();
  if (phase == Phase::finishing) broker_cpu_end_ = broker_host_->cpu_time();
}

Instant Run::advance(Instant until) {
  MQTT_SIM_ASSERT(scripts_ && plan_->is_virtual && !shards_.empty());
  assert_context().seed = plan_->seed;
  Shard& shard = *shards_.front();
  scripts_->end_turn();
  while (!shard.is_done() && now() < until && !scripts_->has_news()) shard.step(until);
  if (shard.is_done()) progress_.finish();
  return now();
}

void Run::run_shard(Shard& shard) {
  assert_context().seed = plan_->seed;
  shard.run(targets_);
  if (conductor_.phase() == Phase::done) progress_.finish();
}

void Run::join() {
  for (std::thread& thread : threads_)
    if (thread.joinable()) thread.join();
}

std::string Run::poll(std::chrono::nanoseconds patience) {
  const size_t completed = progress_.wait(intervals_seen_, patience);
  const Phase phase = conductor_.phase();
  const auto wall = std::chrono::steady_clock::now();
  const bool is_due = phase != Phase::running && wall >= last_snapshot_ + kSnapshotPeriod;
  if (completed == intervals_seen_ && phase == phase_seen_ && !is_due) return "";
  intervals_seen_ = completed;
  phase_seen_ = phase;
  last_snapshot_ = wall;
  return make_snapshot();
}

void Run::stop_broker() {
  if (broker_host_) broker_host_->stop();
}

std::string Run::make_snapshot() {
  const Progress::View view = progress_.view();
  if (broker_host_) broker_host_->publish_run_figures(figures_of(*plan_, phase_seen_, conductor_, view));
  const load::FleetStatus total = conductor_.total();
  const double span = view.last.seconds > 0 ? view.last.seconds : 1;
  nlohmann::ordered_json json;
  json["phase"] = to_string(phase_seen_);
  json["elapsed_s"] = conductor_.start() == kNever || view.last.end == Instant{}
                          ? 0.0
                          : std::chrono::duration<double>(view.last.end - conductor_.start()).count();
  json["duration_s"] = std::chrono::duration<double>(plan_->duration).count();
  json["clients"] = {
      {"planned", plan_->client_count()}, {"up", total.up}, {"ready", total.ready}, {"failed", total.failed}};
  json["sent_per_s"] = static_cast<double>(view.last.sent) / span;
  json["received_per_s"] = static_cast<double>(view.last.received) / span;
  json["interval"] = {{"count", view.last.latency_count},
                      {"p50", view.last.latency_p50},
                      {"p99", view.last.latency_p99},
                      {"max", view.last.latency_max}};
  nlohmann::ordered_json counts;
  for (size_t i = 0; i < metrics::kCounterCount; ++i)
    counts[std::string(metrics::to_string(static_cast<Counter>(i)))] = view.counters[i];
  counts["offered"] = total.offered;
  counts["expected"] = total.expected;
  json["counts"] = std::move(counts);
  json["metrics"]["latency"] = metrics::to_json(view.latency);
  json["metrics"]["lateness"] = {{"unit", "ns"},
                                 {"count", view.lateness.count},
                                 {"p50", view.lateness.p50},
                                 {"p99", view.lateness.p99},
                                 {"max", view.lateness.max}};
  json["generator"] = {{"cpu_share", view.cpu_shares}, {"backlog", total.backlog}};
  return json.dump();
}

std::string Run::result() {
  join();
  if (result_.empty()) result_ = make_result();
  return result_;
}

// What the members of a share got, on whatever shards, counts with the group of its first one.
void Run::add_shares(std::vector<load::GroupTally>& tallies, const std::vector<uint32_t>& sent) const {
  for (size_t i = 0; i < topology_.shares().size(); ++i) {
    const load::Share& share = topology_.shares()[i];
    load::ShareLedger all(share.streams);
    for (const auto& shard : shards_) all.add(shard->fleet().shares()[i]);
    tallies[share.group].ledger += all.counts(sent);
  }
}

std::string Run::make_result() {
  ReportInput in{*plan_, conductor_, {}, std::vector<load::GroupTally>(plan_->groups.size()), {}, {}, {}, {}, {}, {}};
  std::vector<uint32_t> sent(topology_.streams().size());
  for (const auto& shard : shards_) shard->fleet().report_sent(sent);
  for (const auto& shard : shards_) {
    in.recorder.merge(shard->fleet().recorder());
    const auto tallies = shard->fleet().audit(sent);
    for (size_t i = 0; i < tallies.size(); ++i) in.tallies[i] += tallies[i];
    const std::vector<uint32_t>& bins = shard->fleet().send_bins();
    if (bins.size() > in.send_bins.size()) in.send_bins.resize(bins.size());
    for (size_t i = 0; i < bins.size(); ++i) in.send_bins[i] += bins[i];
    if (!plan_->is_virtual) in.shard_cpu_times.push_back(shard->cpu_time());
  }
  for (load::GroupTally& tally : in.tallies) tally.settle_by_topic();
  add_shares(in.tallies, sent);
  for (const net::NetDriver* driver : sockets_) add(in.wire ? *in.wire : in.wire.emplace(), driver->stats());
  in.intervals = progress_.intervals();
  if (virtual_broker_) in.broker = virtual_broker_->stats();
  if (broker_host_) {
    broker_host_->publish_run_figures(figures_of(in));
    if (!keeps_broker_) broker_host_->stop();
    in.broker = broker_host_->stats();
    in.broker_cpu_time = broker_cpu_end_ - broker_cpu_start_;
  }
  return make_report(std::move(in));
}

}  // namespace mqtt_sim::engine
