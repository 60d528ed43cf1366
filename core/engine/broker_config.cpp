#include "core/engine/broker_config.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>

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

// The words for an enumeration, in its order.
template <class Enum>
struct Words;
template <>
struct Words<broker::DropPolicy> {
  static constexpr std::array<std::string_view, 3> list = {"newest", "oldest", "disconnect"};
};
template <>
struct Words<broker::Profile> {
  static constexpr std::array<std::string_view, 3> list = {"standard", "diffusion", "mosca"};
};
template <>
struct Words<broker::OnQos2Publish> {
  static constexpr std::array<std::string_view, 4> list = {"ignore", "noack", "drop_to_qos1", "disconnect"};
};

// read() takes a value of the member's type; its answer says what would be right, and is empty when `value` is.
using Remedy = std::string;

Remedy read(const json& value, bool& to) {
  if (!value.is_boolean()) return "true or false";
  to = value.get<bool>();
  return {};
}

Remedy read(const json& value, std::string& to) {
  if (!value.is_string()) return "text";
  to = value.get<std::string>();
  return {};
}

template <std::unsigned_integral Integer>
Remedy read(const json& value, Integer& to) {
  constexpr Integer most = std::numeric_limits<Integer>::max();
  if (!value.is_number_unsigned() || value.get<uint64_t>() > most) {
    return "a whole number from 0 to " + std::to_string(most);
  }
  to = value.get<Integer>();
  return {};
}

Remedy read(const json& value, Duration& to) {
  if (!value.is_number_unsigned() || value.get<uint64_t>() > uint64_t{INT64_MAX}) return "nanoseconds, not negative";
  to = Duration(value.get<int64_t>());
  return {};
}

Remedy read(const json& value, protocol::QoS& to) {
  if (!value.is_number_unsigned() || value.get<uint64_t>() > 2) return "0, 1 or 2";
  to = static_cast<protocol::QoS>(value.get<uint8_t>());
  return {};
}

template <class Enum>
  requires requires { Words<Enum>::list; }
Remedy read(const json& value, Enum& to) {
  const auto& words = Words<Enum>::list;
  const auto found = value.is_string() ? std::ranges::find(words, value.get<std::string>()) : words.end();
  if (found != words.end()) {
    to = static_cast<Enum>(found - words.begin());
    return {};
  }
  std::string remedy = "one of";
  for (const std::string_view word : words) remedy += " " + std::string(word);
  return remedy;
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

Remedy read_protocol_versions(const json& value, broker::ListenerOptions& to) {
  to.accepts_v3_1 = to.accepts_v3_1_1 = to.accepts_v5_0 = false;
  const auto take = [&](const json& word) {
    if (word == "3.1") return to.accepts_v3_1 = true;
    if (word == "3.1.1") return to.accepts_v3_1_1 = true;
    return word == "5.0" && (to.accepts_v5_0 = true);
  };
  if (value.is_array() && !value.empty() && std::ranges::all_of(value, take)) return {};
  return R"(a list of at least one of "3.1", "3.1.1" and "5.0")";
}

constexpr const char* kUnknown = "a known option";

Remedy read_listener_option(const std::string& key, const json& value, ListenerConfig& listener) {
  if (key == "name") return read(value, listener.options.name);
  if (key == "host") return read(value, listener.at.address.host);
  if (key == "port") return read(value, listener.at.address.port);
  if (key == "protocol_versions") return read_protocol_versions(value, listener.options);
  if (key == "max_connections") return read(value, listener.options.max_connections);
  if (key == "allow_anonymous") return read(value, listener.options.allow_anonymous);
  return kUnknown;
}

// What is not a list of listeners.
Remedy read_option(const std::string& key, const json& value, BrokerConfig& config) {
  if (key == "host") return read(value, config.listeners.front().at.address.host);
  if (key == "port") return read(value, config.listeners.front().at.address.port);
  if (key == "users_file") return read(value, config.access.users_file);
  if (key == "acl_file") return read(value, config.access.acl_file);
  if (key == "credentials") return read_credentials(value, config.access);
  if (key == "seed") return read(value, config.seed.emplace());
  Remedy remedy = kUnknown;
  visit_options(config.options, [&](const char* name, auto& member) {
    if (key == name) remedy = read(value, member);
  });
  const bool needs_one =
      key == "receive_maximum" || key == "max_inflight" || key == "max_inflight_below_v5" || key == "max_packet_size";
  return remedy.empty() && needs_one && value == 0 ? "at least 1" : remedy;
}

// `base` is the listener that host and port of the broker describe.
std::optional<PlanError> read_listeners(const json& document, std::vector<ListenerConfig>& listeners) {
  const json& list = document["listeners"];
  if (!list.is_array() || list.empty()) return PlanError{"listeners", list.dump(), "a list of at least one listener"};
  if (document.contains("port")) return PlanError{"port", document["port"].dump(), "left out beside listeners"};
  const ListenerConfig base = listeners.front();
  listeners.clear();
  for (const json& item : list) {
    const std::string path = "listeners[" + std::to_string(listeners.size()) + "]";
    if (!item.is_object()) return PlanError{path, item.dump(), "an object"};
    ListenerConfig& listener = listeners.emplace_back(base);
    listener.options.name = "listener-" + std::to_string(listeners.size());
    for (const auto& [key, value] : item.items()) {
      const Remedy remedy = read_listener_option(key, value, listener);
      if (!remedy.empty()) return PlanError{path + "." + key, value.dump(), remedy};
    }
  }
  return std::nullopt;
}

}  // namespace

boost::system::result<BrokerConfig, PlanError> parse_broker_config(const std::string& text) {
  const auto document = json::parse(text, nullptr, false);
  if (!document.is_object()) return PlanError{"", text, "a JSON object"};
  BrokerConfig config;
  for (const auto& [key, value] : document.items()) {
    if (key == "listeners") continue;  // they build on the rest
    const Remedy remedy = read_option(key, value, config);
    if (!remedy.empty()) return PlanError{key, key == "credentials" ? "what is not shown" : value.dump(), remedy};
  }
  if (document.contains("listeners")) {
    if (auto error = read_listeners(document, config.listeners)) return std::move(*error);
  }
  return config;
}

std::string default_broker_options() {
  ordered_json document;
  const BrokerOptions defaults;
  visit_options(defaults, [&](const char* name, const auto& member) { document[name] = write(member); });
  return document.dump();
}

}  // namespace mqtt_sim::engine
