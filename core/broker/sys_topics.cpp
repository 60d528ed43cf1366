#include "core/broker/sys_topics.hpp"

#include <cmath>
#include <cstdio>
#include <utility>

namespace mqtt_sim::broker {
namespace {

constexpr std::string_view kPrefix = "$SYS/broker/";
constexpr const char* kVersion = "mqtt-sim version " MQTT_SIM_VERSION;

struct Count {
  const char* name;
  uint64_t (*of)(const Stats&, const Waiting&);
};

uint64_t dropped(const Stats& s) {
  return s.dropped_slow + s.dropped_queue_full + s.dropped_absent + s.dropped_expired + s.dropped_too_large +
         s.dropped_by_rule + s.dropped_session_end;
}

constexpr Count kCounts[] = {
    {"clients/connected", [](const Stats& s, const Waiting&) { return s.clients; }},
    {"clients/disconnected", [](const Stats& s, const Waiting&) { return s.sessions - s.clients; }},
    {"clients/total", [](const Stats& s, const Waiting&) { return s.sessions; }},
    {"clients/maximum", [](const Stats& s, const Waiting&) { return s.clients_maximum; }},
    {"clients/expired", [](const Stats& s, const Waiting&) { return s.sessions_expired; }},
    {"messages/received", [](const Stats& s, const Waiting&) { return s.packets_in; }},
    {"messages/sent", [](const Stats& s, const Waiting&) { return s.packets_out; }},
    {"bytes/received", [](const Stats& s, const Waiting&) { return s.bytes_in; }},
    {"bytes/sent", [](const Stats& s, const Waiting&) { return s.bytes_out; }},
    {"publish/messages/received", [](const Stats& s, const Waiting&) { return s.messages_in; }},
    {"publish/messages/sent", [](const Stats& s, const Waiting&) { return s.messages_out; }},
    {"publish/messages/dropped", [](const Stats& s, const Waiting&) { return dropped(s); }},
    {"publish/bytes/received", [](const Stats& s, const Waiting&) { return s.payload_bytes_in; }},
    {"publish/bytes/sent", [](const Stats& s, const Waiting&) { return s.payload_bytes_out; }},
    {"subscriptions/count", [](const Stats& s, const Waiting&) { return s.subscriptions - s.shared_subscriptions; }},
    {"shared_subscriptions/count", [](const Stats& s, const Waiting&) { return s.shared_subscriptions; }},
    {"retained messages/count", [](const Stats& s, const Waiting&) { return s.retained; }},
    {"store/messages/count", [](const Stats& s, const Waiting& w) { return s.retained + w.messages; }},
    {"store/messages/bytes", [](const Stats& s, const Waiting& w) { return s.retained_bytes + w.bytes; }},
};

struct Rate {
  const char* name;
  uint64_t (*of)(const Stats&);
};

constexpr Rate kRates[] = {
    {"connections", [](const Stats& s) { return s.clients_total; }},
    {"sockets", [](const Stats& s) { return s.connections_total; }},
    {"messages/received", [](const Stats& s) { return s.packets_in; }},
    {"messages/sent", [](const Stats& s) { return s.packets_out; }},
    {"publish/received", [](const Stats& s) { return s.messages_in; }},
    {"publish/sent", [](const Stats& s) { return s.messages_out; }},
    {"publish/dropped", &dropped},
    {"bytes/received", [](const Stats& s) { return s.bytes_in; }},
    {"bytes/sent", [](const Stats& s) { return s.bytes_out; }},
};

constexpr std::array<std::pair<const char*, double>, 3> kWindows = {{{"1min", 1}, {"5min", 5}, {"15min", 15}}};

double minutes(Duration duration) { return std::chrono::duration<double, std::ratio<60>>(duration).count(); }

std::string two_digits(double value) {
  char text[64];
  std::snprintf(text, sizeof text, "%.2f", value);
  return text;
}

}  // namespace

bool is_sys_topic(std::string_view topic) { return topic == "$SYS" || topic.starts_with("$SYS/"); }

SysTopics::SysTopics(Duration interval) : interval_(interval), due_(interval == Duration{} ? kNever : Instant{}) {
  if (due_ == kNever) return;
  const auto add = [this](const std::string& name) { topics_.push_back({std::string(kPrefix) + name, {}}); };
  add("version");
  add("uptime");
  for (const Count& count : kCounts) add(count.name);
  for (const Rate& rate : kRates) {
    for (const auto& window : kWindows) add("load/" + std::string(rate.name) + "/" + window.first);
  }
  loads_.resize(std::size(kRates));
}

void SysTopics::update(const Stats& stats, const Waiting& waiting, Instant now, const Publish& publish) {
  if (!std::exchange(is_started_, true)) started_ = updated_ = now;
  next_ = 0;
  tell(kVersion, publish);
  const auto uptime = std::chrono::duration_cast<std::chrono::seconds>(now - started_);
  tell(std::to_string(uptime.count()) + " seconds", publish);
  for (const Count& count : kCounts) tell(std::to_string(count.of(stats, waiting)), publish);
  tell_loads(stats, now - updated_, publish);
  updated_ = now;
  due_ = now + interval_;
}

// In the order in which the constructor named them.
void SysTopics::tell(std::string text, const Publish& publish) {
  Topic& topic = topics_[next_++];
  if (text == topic.text) return;
  topic.text = std::move(text);
  publish(topic.name, topic.text);
}

// What the rate was lately, weighed by how much of the window the time since the last update is.
void SysTopics::tell_loads(const Stats& stats, Duration elapsed, const Publish& publish) {
  const double span = minutes(elapsed);
  for (size_t i = 0; i < std::size(kRates); ++i) {
    Load& load = loads_[i];
    const uint64_t counted = kRates[i].of(stats);
    const double rate = span > 0 ? static_cast<double>(counted - load.counted) / span : 0;
    if (span > 0) load.counted = counted;
    for (size_t w = 0; w < kWindows.size(); ++w) {
      double& average = load.per_minute[w];
      average += (rate - average) * (1 - std::exp(-span / kWindows[w].second));
      tell(two_digits(average), publish);
    }
  }
}

}  // namespace mqtt_sim::broker
