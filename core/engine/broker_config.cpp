#include "core/engine/broker_config.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>

#include "core/engine/option_value.hpp"

namespace mqtt_sim::engine {
namespace {

using broker::BrokerOptions;
using load::PlanError;
using nlohmann::json;
using nlohmann::ordered_json;

// The one list of what can be configured: `visit(key, member)`.
template <class Options, class Visit>
void visit_options(Options& o, Visit visit) {
  visit("max_connections", o.max_connections);
  visit("max_half_open", o.max_half_open);
  visit("connect_timeout_ns", o.connect_timeout);
  visit("close_timeout_ns", o.close_timeout);
  visit("allow_anonymous", o.allow_anonymous);
  visit("max_keep_alive_s", o.max_keep_alive_s);
  visit("max_packet_size", o.max_packet_size);
  visit("receive_maximum", o.receive_maximum);
  visit("topic_alias_maximum", o.topic_alias_maximum);
  visit("max_topic_length", o.max_topic_length);
  visit("max_topic_levels", o.max_topic_levels);
  visit("max_user_properties", o.max_user_properties);
  visit("max_client_id_length", o.max_client_id_length);
  visit("max_client_id_length_v3_1", o.max_client_id_length_v3_1);
  visit("max_qos", o.max_qos);
  visit("retain_available", o.retain_available);
  visit("wildcard_available", o.wildcard_available);
  visit("shared_available", o.shared_available);
  visit("subscription_identifiers_available", o.subscription_identifiers_available);
  visit("max_sessions", o.max_sessions);
  visit("max_session_expiry_s", o.max_session_expiry_s);
  visit("max_subscriptions_per_client", o.max_subscriptions_per_client);
  visit("max_inflight", o.max_inflight);
  visit("max_inflight_below_v5", o.max_inflight_below_v5);
  visit("max_queued", o.max_queued);
  visit("max_queued_bytes", o.max_queued_bytes);
  visit("drop_policy", o.drop_policy);
  visit("queue_qos0", o.queue_qos0);
  visit("upgrade_outgoing_qos", o.upgrade_outgoing_qos);
  visit("drain_timeout_ns", o.drain_timeout);
  visit("output_limit", o.output_limit);
  visit("max_retained", o.max_retained);
  visit("max_retained_bytes", o.max_retained_bytes);
  visit("sys_interval_ns", o.sys_interval);
  visit("profile", o.profile);
  visit("on_qos2_publish", o.on_qos2_publish);
}

ordered_json write(Duration value) { return value.count(); }
ordered_json write(protocol::QoS value) { return static_cast<int>(value); }
template <class Value>
ordered_json write(const Value& value) {
  if constexpr (requires { Words<Value>::list; }) {
    return Words<Value>::list[static_cast<size_t>(value)];
  } else {
    return value;
  }
}

Remedy read_credentials(const json& value, AccessSources& to) {
  if (!value.is_object()) return "an object of user names and passwords";
  for (const auto& [name, password] : value.items()) {
    if (!password.is_string()) return "an object whose values are text";
    to.credentials.emplace_back(name, password.get<std::string>());
  }
  return {};
}

// What the broker has beside its ways in.
Remedy read_option(const std::string& key, const json& value, BrokerConfig& config) {
  if (key == "users_file") return read(value, config.access.users_file);
  if (key == "acl_file") return read(value, config.access.acl_file);
  if (key == "credentials") return read_credentials(value, config.access);
  if (key == "seed") return read(value, config.seed.emplace());
  if (key == "web_files") return read(value, config.web_files);
  Remedy remedy = kUnknownOption;
  visit_options(config.options, [&](const char* name, auto& member) {
    if (key == name) remedy = read(value, member);
  });
  const bool needs_one =
      key == "receive_maximum" || key == "max_inflight" || key == "max_inflight_below_v5" || key == "max_packet_size";
  return remedy.empty() && needs_one && value == 0 ? "at least 1" : remedy;
}

// What describes the one listener of a broker that has no list of them.
bool is_of_listener(const std::string& key) {
  constexpr std::string_view keys[] = {"host",
                                       "port",
                                       "unix",
                                       "protocols",
                                       "tls",
                                       "plain_beside_tls",
                                       "websocket",
                                       "http",
                                       "certificate_name_as_user",
                                       "proxy_protocol",
                                       "trusted_proxies",
                                       "handshake_timeout_ns"};
  return std::ranges::find(keys, key) != std::end(keys);
}

std::optional<PlanError> read_single_listener(const json& document, ListenerConfig& listener) {
  for (const auto& [key, value] : document.items()) {
    if (!is_of_listener(key)) continue;
    if (auto error = read_listener_key(key, value, listener)) return error;
  }
  if (!document.contains("plain_beside_tls")) listener.at.plain_beside_tls = listener.generates_certificate;
  return check_listener(document, listener);
}

std::optional<PlanError> read_listeners(const json& document, const Duration& connect_timeout,
                                        std::vector<ListenerConfig>& listeners) {
  const json& list = document["listeners"];
  if (!list.is_array() || list.empty()) return PlanError{"listeners", list.dump(), "a list of at least one listener"};
  ListenerConfig base{Address{"127.0.0.1", 0}};
  base.at.handshake_limit = connect_timeout;
  for (const auto& [key, value] : document.items()) {
    if (!is_of_listener(key)) continue;
    if (key != "host")
      return PlanError{key, key == "tls" ? "what is not shown" : value.dump(), "left out beside listeners"};
    if (auto error = read_listener_key(key, value, base)) return error;
  }
  listeners.clear();
  for (const json& item : list) {
    const std::string path = "listeners[" + std::to_string(listeners.size()) + "]";
    if (!item.is_object()) return PlanError{path, item.dump(), "an object"};
    ListenerConfig& listener = listeners.emplace_back(base);
    listener.options.name = "listener-" + std::to_string(listeners.size());
    std::optional<PlanError> error;
    for (const auto& [key, value] : item.items()) {
      if (!error) error = read_listener_key(key, value, listener);
    }
    if (!error) error = check_listener(item, listener);
    if (error) return PlanError{path + "." + error->path, error->value, error->message};
  }
  return std::nullopt;
}

}  // namespace

boost::system::result<BrokerConfig, PlanError> parse_broker_config(const std::string& text) {
  const auto document = json::parse(text, nullptr, false);
  if (!document.is_object()) return PlanError{"", text, "a JSON object"};
  BrokerConfig config;
  for (const auto& [key, value] : document.items()) {
    if (key == "listeners" || is_of_listener(key)) continue;  // they build on the rest
    const Remedy remedy = read_option(key, value, config);
    if (!remedy.empty()) return PlanError{key, key == "credentials" ? "what is not shown" : value.dump(), remedy};
  }
  const Duration& patience = config.options.connect_timeout;
  config.listeners = {make_open_listener()};
  config.listeners.front().at.handshake_limit = patience;
  auto error = document.contains("listeners") ? read_listeners(document, patience, config.listeners)
                                              : read_single_listener(document, config.listeners.front());
  if (error) return std::move(*error);
  for (ListenerConfig& listener : config.listeners) listener.at.handshakes_limit = config.options.max_half_open;
  return config;
}

std::string default_broker_options() {
  ordered_json document;
  const BrokerOptions defaults;
  visit_options(defaults, [&](const char* name, const auto& member) { document[name] = write(member); });
  return document.dump();
}

}  // namespace mqtt_sim::engine
