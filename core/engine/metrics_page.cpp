#include "core/engine/metrics_page.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <vector>

#include "core/engine/broker_stats.hpp"

namespace mqtt_sim::engine {
namespace {

using metrics::Counter;

// What can fall as well as rise.
constexpr std::array<std::string_view, 9> kGauges = {"connections", "half_open",      "clients",
                                                     "sessions",    "subscriptions",  "shared_subscriptions",
                                                     "retained",    "retained_bytes", "clients_maximum"};

std::string number(double value) {
  std::array<char, 32> digits;
  return {digits.data(), std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr};
}
std::string number(uint64_t value) { return std::to_string(value); }

std::string in_seconds(int64_t ns) { return number(static_cast<double>(ns) / 1e9); }

std::string label(std::string_view name, std::string_view value) {
  std::string text = std::string(name) + "=\"";
  for (const char c : value) {
    if (c == '\n') {
      text += "\\n";
      continue;
    }
    if (c == '\\' || c == '"') text += '\\';
    text += c;
  }
  return text + '"';
}

class Page {
 public:
  // A new family; its samples follow.
  void begin(std::string name, std::string_view type, std::string_view help) {
    name_ = std::move(name);
    text_ += "# HELP " + name_ + " " + std::string(help) + "\n# TYPE " + name_ + " " + std::string(type) + "\n";
  }
  void sample(std::string_view suffix, const std::string& labels, const std::string& value) {
    text_ += name_ + std::string(suffix) + (labels.empty() ? "" : "{" + labels + "}") + " " + value + "\n";
  }
  void sample(const std::string& value) { sample("", "", value); }
  std::string take() { return std::move(text_); }

 private:
  std::string name_;
  std::string text_;
};

std::string counter_name(std::string_view prefix, std::string_view name) {
  if (name.ends_with("_total")) name.remove_suffix(6);
  return std::string(prefix) + std::string(name) + "_total";
}

// Those that begin alike become one family, told apart by the rest.
void add_causes(Page& page, const broker::Stats& stats, std::string_view prefix, std::string_view label_name,
                std::string_view help) {
  page.begin(counter_name("mqtt_sim_broker_", prefix.substr(0, prefix.size() - 1)), "counter", help);
  for (const auto& [name, count] : broker_counts()) {
    if (std::string_view(name).starts_with(prefix))
      page.sample("", label(label_name, std::string_view(name).substr(prefix.size())), number(stats.*count));
  }
}

void add_broker(Page& page, const broker::Stats& stats) {
  for (const auto& [text, count] : broker_counts()) {
    const std::string_view name = text;
    if (name.starts_with("dropped_") || name.starts_with("refused_")) continue;
    const bool is_gauge = std::ranges::find(kGauges, name) != kGauges.end();
    const std::string help = "The broker's " + std::string(name) + (is_gauge ? "." : ", since it began.");
    page.begin(is_gauge ? "mqtt_sim_broker_" + std::string(name) : counter_name("mqtt_sim_broker_", name),
               is_gauge ? "gauge" : "counter", help);
    page.sample(number(stats.*count));
  }
  add_causes(page, stats, "dropped_", "reason", "Messages that a subscriber missed, by cause.");
  add_causes(page, stats, "refused_", "what", "What was refused, by kind or limit; one event may be in two.");
  page.begin("mqtt_sim_broker_errors_total", "counter", "Streams ended because of the peer, by reason code.");
  for (size_t reason = 0; reason < stats.errors.size(); ++reason) {
    if (stats.errors[reason] == 0) continue;
    page.sample("", label("reason", protocol::to_string(static_cast<protocol::ReasonCode>(reason))),
                number(stats.errors[reason]));
  }
}

void add_run(Page& page, const RunFigures& run) {
  page.begin("mqtt_sim_run_info", "gauge", "The run in progress, or the last one.");
  page.sample("", label("name", run.name) + "," + label("phase", run.phase), "1");
  page.begin("mqtt_sim_run_elapsed_seconds", "gauge", "Since it began to send.");
  page.sample(number(run.elapsed_s));
  for (size_t i = 0; i < run.counters.size(); ++i) {
    const std::string name(metrics::to_string(static_cast<Counter>(i)));
    page.begin(counter_name("mqtt_sim_run_", name), "counter", "The run's count " + name + ", as in its report.");
    page.sample(number(run.counters[i]));
  }
  const metrics::MetricSummary& latency = run.latency;
  page.begin("mqtt_sim_run_latency_seconds", "summary", "From the intended time of sending to arrival, the whole run.");
  const std::array quantiles = {std::pair("0.5", latency.p50), std::pair("0.9", latency.p90),
                                std::pair("0.99", latency.p99), std::pair("0.999", latency.p99_9),
                                std::pair("1", latency.max)};
  for (const auto& [quantile, value] : quantiles)
    page.sample("", label("quantile", quantile), latency.count == 0 ? "NaN" : in_seconds(value));
  page.sample("_sum", "", number(static_cast<double>(latency.mean) / 1e9 * static_cast<double>(latency.count)));
  page.sample("_count", "", number(latency.count));
}

}  // namespace

std::string metrics_page(const broker::Stats& stats, const std::optional<RunFigures>& run) {
  Page page;
  add_broker(page, stats);
  if (run) add_run(page, *run);
  return page.take();
}

}  // namespace mqtt_sim::engine
