#include "core/engine/broker_host.hpp"

#include <pthread.h>
#include <time.h>

#include <future>
#include <limits>
#include <nlohmann/json.hpp>
#include <utility>

namespace mqtt_sim::engine {
namespace {

constexpr Duration kShutdownPatience = std::chrono::seconds(2);

template <class Integer>
bool read_integer(const nlohmann::json& value, Integer& to) {
  if (!value.is_number_unsigned() || value.get<uint64_t>() > std::numeric_limits<Integer>::max()) return false;
  to = value.get<Integer>();
  return true;
}

bool read_duration(const nlohmann::json& value, Duration& to) {
  int64_t ns = 0;
  if (!read_integer(value, ns)) return false;
  to = Duration(ns);
  return true;
}

bool read_boolean(const nlohmann::json& value, bool& to) {
  if (!value.is_boolean()) return false;
  to = value.get<bool>();
  return true;
}

bool read_text(const nlohmann::json& value, std::string& to) {
  if (!value.is_string()) return false;
  to = value.get<std::string>();
  return true;
}

// Whether `key` is known and `value` fits it.
bool read_option(const std::string& key, const nlohmann::json& value, BrokerConfig& config) {
  broker::BrokerOptions& o = config.options;
  if (key == "host") return read_text(value, config.at.host);
  if (key == "port") return read_integer(value, config.at.port);
  if (key == "max_connections") return read_integer(value, o.max_connections);
  if (key == "connect_timeout_ns") return read_duration(value, o.connect_timeout);
  if (key == "allow_anonymous") return read_boolean(value, o.allow_anonymous);
  if (key == "max_keep_alive_s") return read_integer(value, o.max_keep_alive_s);
  if (key == "max_packet_size") return read_integer(value, o.max_packet_size);
  if (key == "receive_maximum") return read_integer(value, o.receive_maximum) && o.receive_maximum > 0;
  if (key == "topic_alias_maximum") return read_integer(value, o.topic_alias_maximum);
  if (key == "max_topic_length") return read_integer(value, o.max_topic_length);
  if (key == "max_topic_levels") return read_integer(value, o.max_topic_levels);
  if (key == "max_sessions") return read_integer(value, o.max_sessions);
  if (key == "max_session_expiry_s") return read_integer(value, o.max_session_expiry_s);
  if (key == "max_subscriptions_per_client") return read_integer(value, o.max_subscriptions_per_client);
  if (key == "max_inflight") return read_integer(value, o.max_inflight) && o.max_inflight > 0;
  if (key == "max_inflight_below_v5")
    return read_integer(value, o.max_inflight_below_v5) && o.max_inflight_below_v5 > 0;
  if (key == "max_queued") return read_integer(value, o.max_queued);
  if (key == "max_queued_bytes") return read_integer(value, o.max_queued_bytes);
  if (key == "output_limit") return read_integer(value, o.output_limit);
  if (key == "max_retained") return read_integer(value, o.max_retained);
  if (key == "max_retained_bytes") return read_integer(value, o.max_retained_bytes);
  return false;
}

}  // namespace

Expected<BrokerConfig> parse_broker_config(const std::string& json) {
  const auto document = nlohmann::json::parse(json, nullptr, false);
  if (!document.is_object()) return make_error(0x83, "broker options are not a JSON object");
  BrokerConfig config;
  config.at.port = 0;
  for (const auto& [key, value] : document.items())
    if (!read_option(key, value, config))
      return make_error(0x83, "broker option " + key + ": unknown, or " + value.dump() + " does not fit it");
  return config;
}

std::string to_json(const broker::Stats& stats) {
  nlohmann::ordered_json json{
      {"connections", stats.connections},
      {"clients", stats.clients},
      {"sessions", stats.sessions},
      {"subscriptions", stats.subscriptions},
      {"retained", stats.retained},
      {"retained_bytes", stats.retained_bytes},
      {"connections_total", stats.connections_total},
      {"clients_total", stats.clients_total},
      {"packets_in", stats.packets_in},
      {"bytes_in", stats.bytes_in},
      {"bytes_out", stats.bytes_out},
      {"messages_in", stats.messages_in},
      {"messages_out", stats.messages_out},
      {"messages_resent", stats.messages_resent},
      {"wills", stats.wills},
      {"dropped_slow", stats.dropped_slow},
      {"dropped_queue_full", stats.dropped_queue_full},
      {"dropped_absent", stats.dropped_absent},
      {"dropped_expired", stats.dropped_expired},
      {"dropped_too_large", stats.dropped_too_large},
      {"dropped_session_end", stats.dropped_session_end},
      {"refused_connections", stats.refused_connections},
      {"refused_connects", stats.refused_connects},
      {"refused_publishes", stats.refused_publishes},
      {"refused_subscriptions", stats.refused_subscriptions},
      {"connect_timeouts", stats.connect_timeouts},
      {"keep_alive_timeouts", stats.keep_alive_timeouts},
      {"taken_over", stats.taken_over},
  };
  nlohmann::ordered_json errors = nlohmann::ordered_json::object();
  for (size_t reason = 0; reason < stats.errors.size(); ++reason)
    if (stats.errors[reason] != 0)
      errors[std::string(protocol::to_string(static_cast<protocol::ReasonCode>(reason)))] = stats.errors[reason];
  json["errors"] = std::move(errors);
  return json.dump();
}

BrokerHost::BrokerHost(const broker::BrokerOptions& options, uint64_t seed)
    : broker_(options, store_, seed), driver_(net::NetOptions{}) {}

BrokerHost::~BrokerHost() { stop(); }

Expected<Address> BrokerHost::start(const Address& at) {
  auto bound = driver_.listen(broker_, at);
  if (bound) thread_ = std::thread([this] { serve(); });
  return bound;
}

void BrokerHost::serve() {
  while (!is_stopping_) driver_.run_until(driver_.now() + std::chrono::seconds(1));
  broker_.shutdown(driver_.now());
  const Instant patience_ends = driver_.now() + kShutdownPatience;
  while (broker_.stats().connections > 0 && driver_.now() < patience_ends)
    driver_.run_until(driver_.now() + std::chrono::milliseconds(10));
  last_cpu_time_ = net::NetDriver::thread_cpu_time();
}

void BrokerHost::stop() {
  if (!thread_.joinable()) return;
  is_stopping_ = true;
  driver_.stop();
  thread_.join();
}

broker::Stats BrokerHost::stats() {
  if (!thread_.joinable()) return broker_.stats();
  std::promise<broker::Stats> promise;
  driver_.post([&] { promise.set_value(broker_.stats()); });
  return promise.get_future().get();
}

Duration BrokerHost::cpu_time() {
  clockid_t clock{};
  timespec time{};
  if (!thread_.joinable() || pthread_getcpuclockid(thread_.native_handle(), &clock) != 0) return last_cpu_time_;
  if (clock_gettime(clock, &time) != 0) return last_cpu_time_;
  return std::chrono::seconds(time.tv_sec) + Duration(time.tv_nsec);
}

}  // namespace mqtt_sim::engine
