// The JSON object that configures a broker: what each key does, and what is refused.
#include "core/engine/broker_config.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>

namespace mqtt_sim::engine {
namespace {

using broker::BrokerOptions;
using nlohmann::json;
using std::chrono::nanoseconds;

BrokerOptions options_of(const std::string& text) {
  const auto config = parse_broker_config(text);
  EXPECT_TRUE(config) << text;
  return config ? config->options : BrokerOptions();
}

// Compiles only while it names every member: one that is new has to be made configurable, and to be in the test below.
constexpr size_t kMembers = 43;
void name_all_members(const BrokerOptions& options) {
  [[maybe_unused]] const auto& [a1, a2, a3, a4, a5, a6, b1, b2, b3, b4, b5, b6, b7, b8, c1, c2, c3, c4, c5, d1, d2, d3,
                                d4, d5, d6, d7, d8, d9, d10, d11, d12, e1, e2, f1, f2, f3, f4, f5, f6, g1, g2, g3, g4] =
      options;
}

TEST(BrokerConfig, SetsEachOption) {
  RecordProperty("req", "X-39");
  name_all_members({});
  struct Case {
    const char* key;
    json value;
    bool (*is_set)(const BrokerOptions&);
  };
  using O = const BrokerOptions&;
  const std::vector<Case> cases = {
      {"max_connections", 7, [](O o) { return o.max_connections == 7; }},
      {"max_half_open", 7, [](O o) { return o.max_half_open == 7; }},
      {"connect_timeout_ns", 7, [](O o) { return o.connect_timeout == nanoseconds(7); }},
      {"close_timeout_ns", 7, [](O o) { return o.close_timeout == nanoseconds(7); }},
      {"allow_anonymous", false, [](O o) { return !o.allow_anonymous; }},
      {"max_keep_alive_s", 7, [](O o) { return o.max_keep_alive_s == 7; }},
      {"max_packet_size", 7, [](O o) { return o.max_packet_size == 7; }},
      {"receive_maximum", 7, [](O o) { return o.receive_maximum == 7; }},
      {"topic_alias_maximum", 7, [](O o) { return o.topic_alias_maximum == 7; }},
      {"max_topic_length", 7, [](O o) { return o.max_topic_length == 7; }},
      {"max_topic_levels", 7, [](O o) { return o.max_topic_levels == 7; }},
      {"max_user_properties", 7, [](O o) { return o.max_user_properties == 7; }},
      {"max_client_id_length", 7, [](O o) { return o.max_client_id_length == 7; }},
      {"max_client_id_length_v3_1", 7, [](O o) { return o.max_client_id_length_v3_1 == 7; }},
      {"max_qos", 1, [](O o) { return o.max_qos == protocol::QoS::at_least_once; }},
      {"retain_available", false, [](O o) { return !o.retain_available; }},
      {"wildcard_available", false, [](O o) { return !o.wildcard_available; }},
      {"shared_available", false, [](O o) { return !o.shared_available; }},
      {"subscription_identifiers_available", false, [](O o) { return !o.subscription_identifiers_available; }},
      {"max_sessions", 7, [](O o) { return o.max_sessions == 7; }},
      {"max_session_expiry_s", 7, [](O o) { return o.max_session_expiry_s == 7; }},
      {"max_subscriptions_per_client", 7, [](O o) { return o.max_subscriptions_per_client == 7; }},
      {"max_inflight", 7, [](O o) { return o.max_inflight == 7; }},
      {"max_inflight_below_v5", 7, [](O o) { return o.max_inflight_below_v5 == 7; }},
      {"max_queued", 7, [](O o) { return o.max_queued == 7; }},
      {"max_queued_bytes", 7, [](O o) { return o.max_queued_bytes == 7; }},
      {"drop_policy", "disconnect", [](O o) { return o.drop_policy == broker::DropPolicy::disconnect; }},
      {"queue_qos0", true, [](O o) { return o.queue_qos0; }},
      {"upgrade_outgoing_qos", true, [](O o) { return o.upgrade_outgoing_qos; }},
      {"drain_timeout_ns", 7, [](O o) { return o.drain_timeout == nanoseconds(7); }},
      {"output_limit", 7, [](O o) { return o.output_limit == 7; }},
      {"max_retained", 7, [](O o) { return o.max_retained == 7; }},
      {"max_retained_bytes", 7, [](O o) { return o.max_retained_bytes == 7; }},
      {"sys_interval_ns", 7, [](O o) { return o.sys_interval == nanoseconds(7); }},
      {"profile", "mosca", [](O o) { return o.profile == broker::Profile::mosca; }},
      {"on_qos2_publish", "disconnect", [](O o) { return o.on_qos2_publish == broker::OnQos2Publish::disconnect; }},
  };
  std::set<std::string> keys;
  for (const Case& c : cases) {
    EXPECT_FALSE(c.is_set(BrokerOptions())) << c.key << " is its default";
    EXPECT_TRUE(c.is_set(options_of(json{{c.key, c.value}}.dump()))) << c.key;
    keys.insert(c.key);
  }
  // gate_timeout, max_forwards, max_forward_bytes, rules, authenticators, witness, gate
  constexpr size_t kNotOptions = 7;
  EXPECT_EQ(keys.size(), kMembers - kNotOptions);
  std::set<std::string> told;
  const json defaults = json::parse(default_broker_options());
  for (const auto& [key, value] : defaults.items()) told.insert(key);
  EXPECT_EQ(told, keys);
}

TEST(BrokerConfig, TakesItsOwnDefaultsBack) {
  const std::string defaults = default_broker_options();
  const json document = json::parse(defaults);
  EXPECT_EQ(document["max_queued"], 100'000);
  EXPECT_EQ(document["drop_policy"], "newest");
  EXPECT_EQ(document["on_qos2_publish"], "drop_to_qos1");
  EXPECT_EQ(document["max_qos"], 2);
  EXPECT_EQ(document["sys_interval_ns"], 0);
  EXPECT_TRUE(parse_broker_config(defaults));
}

struct Wrong {
  const char* text;
  const char* path;
  const char* value;
  const char* message;
};

TEST(BrokerConfig, NamesWhatIsWrong) {
  const std::string anything = R"({"max_queued": 1})";
  const Wrong cases[] = {
      {"[]", "", "[]", "a JSON object"},
      {"{", "", "{", "a JSON object"},
      {R"({"max_quued": 1})", "max_quued", "1", "a known option"},
      {R"({"max_queued": -1})", "max_queued", "-1", "a whole number from 0 to 4294967295"},
      {R"({"max_queued": 1.5})", "max_queued", "1.5", "a whole number from 0 to 4294967295"},
      {R"({"max_queued": 4294967296})", "max_queued", "4294967296", "a whole number from 0 to 4294967295"},
      {R"({"port": 65536})", "port", "65536", "a whole number from 0 to 65535"},
      {R"({"host": 1})", "host", "1", "text"},
      {R"({"allow_anonymous": 1})", "allow_anonymous", "1", "true or false"},
      {R"({"max_qos": 3})", "max_qos", "3", "0, 1 or 2"},
      {R"({"drop_policy": "random"})", "drop_policy", R"("random")", "one of newest oldest disconnect"},
      {R"({"profile": 1})", "profile", "1", "one of standard diffusion mosca"},
      {R"({"on_qos2_publish": ""})", "on_qos2_publish", R"("")", "one of ignore noack drop_to_qos1 disconnect"},
      {R"({"sys_interval_ns": -1})", "sys_interval_ns", "-1", "nanoseconds, not negative"},
      {R"({"receive_maximum": 0})", "receive_maximum", "0", "at least 1"},
      {R"({"max_inflight": 0})", "max_inflight", "0", "at least 1"},
      {R"({"max_inflight_below_v5": 0})", "max_inflight_below_v5", "0", "at least 1"},
      {R"({"max_packet_size": 0})", "max_packet_size", "0", "at least 1"},
      {R"({"credentials": {"luke": 1}})", "credentials", "what is not shown", "an object whose values are text"},
      {R"({"credentials": ["force"]})", "credentials", "what is not shown", "an object of user names and passwords"},
      {R"({"listeners": []})", "listeners", "[]", "a list of at least one listener"},
      {R"({"listeners": {}})", "listeners", "{}", "a list of at least one listener"},
      {R"({"listeners": [1]})", "listeners[0]", "1", "an object"},
      {R"({"listeners": [{}, {"prt": 1}]})", "listeners[1].prt", "1", "a known option"},
      {R"({"listeners": [{"port": -1}]})", "listeners[0].port", "-1", "a whole number from 0 to 65535"},
      {R"({"listeners": [{}], "port": 1})", "port", "1", "left out beside listeners"},
      {R"({"listeners": [{"protocol_versions": []}]})", "listeners[0].protocol_versions", "[]",
       R"(a list of at least one of "3.1", "3.1.1" and "5.0")"},
      {R"({"listeners": [{"protocol_versions": ["4"]}]})", "listeners[0].protocol_versions", R"(["4"])",
       R"(a list of at least one of "3.1", "3.1.1" and "5.0")"},
  };
  for (const Wrong& wrong : cases) {
    const auto config = parse_broker_config(wrong.text);
    ASSERT_FALSE(config) << wrong.text;
    EXPECT_EQ(config.error().path, wrong.path);
    EXPECT_EQ(config.error().value, wrong.value);
    EXPECT_EQ(config.error().message, wrong.message);
  }
}

TEST(BrokerConfig, HasOneListenerUnlessItNamesSeveral) {
  const auto none = parse_broker_config("{}");
  ASSERT_EQ(none->listeners.size(), 1u);
  EXPECT_EQ(none->listeners[0].at.address, (Address{"127.0.0.1", 0}));
  const auto one = parse_broker_config(R"({"host": "::1", "port": 7})");
  ASSERT_EQ(one->listeners.size(), 1u);
  EXPECT_EQ(one->listeners[0].at.address, (Address{"::1", 7}));
  const auto several = parse_broker_config(R"({
    "listeners": [
      {},
      {"name": "old", "port": 9, "protocol_versions": ["3.1", "3.1.1"]},
      {"name": "new", "host": "127.0.0.3", "protocol_versions": ["5.0"], "max_connections": 5, "allow_anonymous": false}
    ],
    "host": "127.0.0.2"})");
  ASSERT_TRUE(several);
  ASSERT_EQ(several->listeners.size(), 3u);
  const auto& [plain, old, modern] = std::tie(several->listeners[0], several->listeners[1], several->listeners[2]);
  EXPECT_EQ(plain.at.address, (Address{"127.0.0.2", 0})) << "the host of all, whichever comes first in the text";
  EXPECT_EQ(plain.options.name, "listener-1");
  EXPECT_TRUE(plain.options.accepts_v3_1 && plain.options.accepts_v3_1_1 && plain.options.accepts_v5_0);
  EXPECT_TRUE(plain.options.allow_anonymous);
  EXPECT_EQ(plain.options.max_connections, UINT32_MAX);
  EXPECT_EQ(old.at.address, (Address{"127.0.0.2", 9}));
  EXPECT_EQ(old.options.name, "old");
  EXPECT_TRUE(old.options.accepts_v3_1 && old.options.accepts_v3_1_1 && !old.options.accepts_v5_0);
  EXPECT_EQ(modern.at.address, (Address{"127.0.0.3", 0}));
  EXPECT_TRUE(!modern.options.accepts_v3_1 && !modern.options.accepts_v3_1_1 && modern.options.accepts_v5_0);
  EXPECT_EQ(modern.options.max_connections, 5u);
  EXPECT_FALSE(modern.options.allow_anonymous);
}

}  // namespace
}  // namespace mqtt_sim::engine
