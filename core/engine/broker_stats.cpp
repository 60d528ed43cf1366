#include "core/engine/broker_stats.hpp"

#include <nlohmann/json.hpp>
#include <utility>

namespace mqtt_sim::engine {
namespace {

using broker::Stats;

constexpr std::pair<const char*, uint64_t Stats::*> kCounts[] = {
    {"connections", &Stats::connections},
    {"half_open", &Stats::half_open},
    {"clients", &Stats::clients},
    {"sessions", &Stats::sessions},
    {"subscriptions", &Stats::subscriptions},
    {"shared_subscriptions", &Stats::shared_subscriptions},
    {"retained", &Stats::retained},
    {"retained_bytes", &Stats::retained_bytes},
    {"connections_total", &Stats::connections_total},
    {"clients_total", &Stats::clients_total},
    {"clients_maximum", &Stats::clients_maximum},
    {"packets_in", &Stats::packets_in},
    {"packets_out", &Stats::packets_out},
    {"bytes_in", &Stats::bytes_in},
    {"bytes_out", &Stats::bytes_out},
    {"messages_in", &Stats::messages_in},
    {"messages_out", &Stats::messages_out},
    {"messages_resent", &Stats::messages_resent},
    {"payload_bytes_in", &Stats::payload_bytes_in},
    {"payload_bytes_out", &Stats::payload_bytes_out},
    {"wills", &Stats::wills},
    {"queued", &Stats::queued},
    {"retained_expired", &Stats::retained_expired},
    {"sessions_expired", &Stats::sessions_expired},
    {"dropped_slow", &Stats::dropped_slow},
    {"dropped_queue_full", &Stats::dropped_queue_full},
    {"dropped_absent", &Stats::dropped_absent},
    {"dropped_expired", &Stats::dropped_expired},
    {"dropped_too_large", &Stats::dropped_too_large},
    {"dropped_by_rule", &Stats::dropped_by_rule},
    {"dropped_session_end", &Stats::dropped_session_end},
    {"refused_connections", &Stats::refused_connections},
    {"refused_half_open", &Stats::refused_half_open},
    {"refused_levels", &Stats::refused_levels},
    {"refused_sessions", &Stats::refused_sessions},
    {"refused_client_ids", &Stats::refused_client_ids},
    {"refused_user_properties", &Stats::refused_user_properties},
    {"refused_topic_lengths", &Stats::refused_topic_lengths},
    {"refused_topic_levels", &Stats::refused_topic_levels},
    {"refused_features", &Stats::refused_features},
    {"refused_subscription_count", &Stats::refused_subscription_count},
    {"refused_retained", &Stats::refused_retained},
    {"connect_timeouts", &Stats::connect_timeouts},
    {"handshakes_failed", &Stats::handshakes_failed},
    {"keep_alive_timeouts", &Stats::keep_alive_timeouts},
    {"close_timeouts", &Stats::close_timeouts},
    {"drain_timeouts", &Stats::drain_timeouts},
    {"slow_closed", &Stats::slow_closed},
    {"queue_full_ended", &Stats::queue_full_ended},
    {"gate_timeouts", &Stats::gate_timeouts},
    {"taken_over", &Stats::taken_over},
    {"refused_connects", &Stats::refused_connects},
    {"refused_publishes", &Stats::refused_publishes},
    {"refused_subscriptions", &Stats::refused_subscriptions},
};
static_assert(sizeof(Stats) == sizeof(uint64_t) * std::size(kCounts) + sizeof(Stats::errors), "a member is missing");

}  // namespace

std::span<const std::pair<const char*, uint64_t Stats::*>> broker_counts() { return kCounts; }

nlohmann::ordered_json to_document(const Stats& stats) {
  nlohmann::ordered_json json;
  for (const auto& [name, count] : kCounts) json[name] = stats.*count;
  nlohmann::ordered_json errors = nlohmann::ordered_json::object();
  for (size_t reason = 0; reason < stats.errors.size(); ++reason) {
    if (stats.errors[reason] == 0) continue;
    errors[std::string(protocol::to_string(static_cast<protocol::ReasonCode>(reason)))] = stats.errors[reason];
  }
  json["errors"] = std::move(errors);
  return json;
}

std::string to_json(const Stats& stats) { return to_document(stats).dump(); }

}  // namespace mqtt_sim::engine
