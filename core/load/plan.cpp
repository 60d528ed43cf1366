#include "core/load/plan.hpp"

#include <algorithm>

#include "core/base/assert.hpp"
#include "core/load/placeholder.hpp"
#include "core/load/plan_reader.hpp"
#include "core/load/stamp.hpp"
#include "core/load/target_reader.hpp"
#include "core/load/topology.hpp"
#include "core/protocol/topic.hpp"

namespace mqtt_sim::load {
namespace {

constexpr const char* kOnlyIn5 = "nothing below protocol_version 5.0";

// What may stand beside topic and payload of a message and of a will. The response topic of a message is not among
// them: it differs from client to client.
protocol::PropertyWriter read_message_properties(const Reader& in, const char* key, uint32_t place,
                                                 protocol::ProtocolVersion version) {
  using protocol::PropertyId;
  protocol::PropertyWriter writer;
  if (in.is_null(key)) return writer;
  const Reader from = in.at(key);
  if (!from.is_null("payload_format") && from.choice<bool>("payload_format", {{"bytes", false}, {"text", true}}))
    writer.number(PropertyId::payload_format_indicator, 1);
  if (!from.is_null("message_expiry_s"))
    writer.number(PropertyId::message_expiry_interval, from.integer<uint32_t>("message_expiry_s", 0, UINT32_MAX));
  if (!from.is_null("content_type")) writer.text(PropertyId::content_type, from.short_text("content_type"));
  if (place == protocol::kWillProperties && !from.is_null("response_topic"))
    writer.text(PropertyId::response_topic, from.short_text("response_topic"));
  for (const auto& [name, value] : from.user_properties("user_properties")) writer.user_property(name, value);
  if (auto checked = protocol::check_properties(writer.list().encoded(), place); !checked)
    in.fail(key, checked.error().text);
  if (!writer.empty() && version != protocol::ProtocolVersion::v5_0) in.fail(key, kOnlyIn5);
  return writer;
}

client::WillOptions read_will(const Reader& in, protocol::ProtocolVersion version) {
  client::WillOptions will{in.text("topic"), in.text("payload"), in.qos(), in.boolean("retain")};
  will.properties = read_message_properties(in, "properties", protocol::kWillProperties, version);
  const auto delay = in.integer_or<uint32_t>("delay_s", 0, UINT32_MAX, 0);
  if (delay > 0) will.properties.number(protocol::PropertyId::will_delay_interval, delay);
  if (delay > 0 && version != protocol::ProtocolVersion::v5_0) in.fail("delay_s", kOnlyIn5);
  return will;
}

// What only 5.0 has.
void read_client_of_5(const Reader& in, client::ClientOptions& client) {
  client.topic_alias_maximum = in.integer_or<uint16_t>("topic_alias_maximum", 0, UINT16_MAX, 0);
  client.topic_alias_mode = client::TopicAliasMode::off;
  if (!in.is_null("topic_alias"))
    client.topic_alias_mode = in.choice<client::TopicAliasMode>(
        "topic_alias", {{"off", client::TopicAliasMode::off}, {"auto", client::TopicAliasMode::automatic}});
  client.user_properties = in.user_properties("user_properties");
  protocol::PropertyWriter user_properties;
  for (const auto& [name, value] : client.user_properties) user_properties.user_property(name, value);
  const uint32_t place = protocol::place_of(protocol::PacketType::connect);
  if (auto checked = protocol::check_properties(user_properties.list().encoded(), place); !checked)
    in.fail("user_properties", checked.error().text);
  if (!in.is_null("authentication")) {
    const Reader from = in.at("authentication");
    client.authentication =
        client::AuthenticationOptions{from.short_text("method"), from.text("user_name"), from.text("password"), {}};
    if (!client.authentication->is_scram()) from.fail("method", "\"SCRAM-SHA-256\"");
  }
  if (client.version == protocol::ProtocolVersion::v5_0) return;
  if (client.topic_alias_maximum > 0) in.fail("topic_alias_maximum", kOnlyIn5);
  if (client.topic_alias_mode != client::TopicAliasMode::off) in.fail("topic_alias", kOnlyIn5);
  if (!client.user_properties.empty()) in.fail("user_properties", kOnlyIn5);
  if (client.authentication) in.fail("authentication", kOnlyIn5);
}

client::ClientOptions read_client(const Reader& in, Duration connect_timeout) {
  client::ClientOptions client;
  client.version = static_cast<protocol::ProtocolVersion>(in.integer<uint8_t>("protocol_version", 3, 5));
  client.clean_start = in.boolean("clean_start");
  client.session_expiry_interval_s = in.integer<uint32_t>("session_expiry_interval_s", 0, UINT32_MAX);
  client.keep_alive_s = in.integer<uint16_t>("keep_alive_s", 0, UINT16_MAX);
  client.connect_timeout = connect_timeout;
  client.reconnect_period = in.duration("reconnect_period_ns");
  if (!in.is_null("reconnect_jitter"))
    client.reconnect_jitter = in.choice<client::ReconnectJitter>(
        "reconnect_jitter", {{"none", client::ReconnectJitter::none}, {"full", client::ReconnectJitter::full}});
  client.receive_maximum = in.integer<uint16_t>("receive_maximum", 1, UINT16_MAX);
  client.maximum_packet_size =
      in.integer_or<uint32_t>("maximum_packet_size", 1, protocol::Framer::kLargestPacket, client.maximum_packet_size);
  client.adopts_session = in.boolean_or("adopt_session", false);
  client.user_name = in.optional_text("user_name");
  client.password = in.optional_text("password");
  if (!in.is_null("will")) client.will = read_will(in.at("will"), client.version);
  read_client_of_5(in, client);
  return client;
}

// Whether what the template becomes is a JSON object that ends with its closing brace: `{seq}` is not.
bool is_json_object(std::string_view text) {
  constexpr std::string_view kNameLetters = "abcdefghijklmnopqrstuvwxyz_";
  std::string sample;
  expand(text, sample, [&](std::string_view name, std::string& out) {
    if (name.empty() || name.find_first_not_of(kNameLetters) != name.npos) return false;
    out.push_back('1');  // stands for a number and for text inside quotes
    return true;
  });
  return sample.ends_with('}') && Json::parse(sample, nullptr, false).is_object();
}

PayloadPlan read_payload(const Reader& in) {
  PayloadPlan payload;
  payload.kind = in.choice<PayloadKind>("kind", {{"dialogue", PayloadKind::dialogue},
                                                 {"size", PayloadKind::size},
                                                 {"template", PayloadKind::text_template},
                                                 {"composed", PayloadKind::composed}});
  if (payload.kind == PayloadKind::size) payload.size = in.integer<uint32_t>("size", 0, 268'000'000);
  if (payload.kind == PayloadKind::text_template) {
    payload.text = in.text("template");
    payload.is_json = is_json_object(payload.text);
  }
  if (payload.kind != PayloadKind::dialogue) return payload;
  payload.order = in.choice<DialogueOrder>(
      "order",
      {{"file", DialogueOrder::file}, {"shuffle", DialogueOrder::shuffle}, {"by-speaker", DialogueOrder::by_speaker}});
  payload.place = in.choice<DialoguePlace>(
      "place", {{"own", DialoguePlace::own}, {"start", DialoguePlace::start}, {"split", DialoguePlace::split}});
  payload.loop = in.boolean("loop");
  payload.offset = in.integer<uint32_t>("offset", 0, UINT32_MAX);
  payload.limit = in.is_null("limit") ? 0 : in.integer<uint32_t>("limit", 1, UINT32_MAX);
  return payload;
}

// "auto": out of band where the protocol level allows it, else inside the payload so that JSON stays JSON.
StampKind choose_stamp(const PayloadPlan& payload, protocol::ProtocolVersion version) {
  if (version == protocol::ProtocolVersion::v5_0) return StampKind::property;
  if (payload.kind == PayloadKind::composed) return StampKind::by_content;
  return payload.kind == PayloadKind::dialogue || payload.is_json ? StampKind::json : StampKind::trailer;
}

StampKind read_stamp(const Reader& in, const PayloadPlan& payload, protocol::ProtocolVersion version) {
  if (in.text("stamp") == "auto") return choose_stamp(payload, version);
  const StampKind stamp = in.choice<StampKind>("stamp", {{"json", StampKind::json},
                                                         {"trailer", StampKind::trailer},
                                                         {"property", StampKind::property},
                                                         {"none", StampKind::none}});
  if (stamp == StampKind::property && version != protocol::ProtocolVersion::v5_0)
    in.fail("stamp", "\"property\" only with protocol_version 5.0; \"json\" or \"trailer\" below");
  const bool has_object =
      payload.kind == PayloadKind::dialogue || payload.kind == PayloadKind::composed || payload.is_json;
  if (stamp == StampKind::json && !has_object) in.fail("stamp", "\"json\" only for a payload that is a JSON object");
  if (stamp == StampKind::json && payload.kind == PayloadKind::composed) return StampKind::by_content;
  return stamp;
}

PublishPlan read_publish(const Reader& in, protocol::ProtocolVersion version) {
  PublishPlan publish;
  publish.has_composed_topic = in.boolean_or("topic_composed", false);
  if (!publish.has_composed_topic) publish.topic = in.text("topic");
  publish.qos = in.qos();
  publish.retain = in.boolean("retain");
  if (!in.json().contains("rate_per_s") || in.json()["rate_per_s"] != "max")
    publish.rate_per_s = in.number("rate_per_s", 1e-6, 1e6);
  if (!in.is_null("messages")) publish.messages = in.integer<uint64_t>("messages", 1, UINT32_MAX - 1);
  publish.in_flight = in.integer<uint32_t>("in_flight", 1, UINT16_MAX);
  publish.properties =
      read_message_properties(in, "properties", protocol::place_of(protocol::PacketType::publish), version);
  if (!in.is_null("properties") && !in.at("properties").is_null("response_topic"))
    publish.response_topic = in.at("properties").short_text("response_topic");
  if (!publish.response_topic.empty() && version != protocol::ProtocolVersion::v5_0) in.fail("properties", kOnlyIn5);
  publish.payload = read_payload(in.at("payload"));
  publish.stamp = read_stamp(in, publish.payload, version);
  const bool is_too_small = publish.payload.kind == PayloadKind::size && publish.payload.size < kStampSize;
  if (publish.stamp == StampKind::trailer && is_too_small)
    in.at("payload").fail("size", "at least 32 bytes, which the stamp needs, or stamp \"none\"");
  return publish;
}

SubscribePlan read_subscribe(const Reader& in, protocol::ProtocolVersion version) {
  using protocol::RetainHandling;
  SubscribePlan subscribe;
  subscribe.filter = in.text("filter");
  subscribe.options.qos = in.qos();
  subscribe.options.no_local = in.boolean_or("no_local", false);
  subscribe.options.retain_as_published = in.boolean_or("retain_as_published", false);
  if (!in.is_null("retain_handling"))
    subscribe.options.retain_handling =
        in.choice<RetainHandling>("retain_handling", {{"send", RetainHandling::send},
                                                      {"send_if_new", RetainHandling::send_if_new},
                                                      {"do_not_send", RetainHandling::do_not_send}});
  const protocol::SubscriptionOptions plain{.qos = subscribe.options.qos};
  if (subscribe.options != plain && version != protocol::ProtocolVersion::v5_0) in.fail("filter", kOnlyIn5);
  return subscribe;
}

// The response topic of each client has to be a topic name; the first one stands for all.
void check_response_topic(const Reader& in, const GroupPlan& group) {
  if (!group.publish || group.publish->response_topic.empty()) return;
  const std::string id = client_id_of(group, 0);
  const std::string topic = expand_names(group.publish->response_topic, {group.name, 0, id, ""});
  if (!protocol::is_valid_topic_name(topic)) in.at("publish").fail("properties", "a response topic without wildcards");
}

GroupPlan read_group(const Reader& in, const Plan& plan, TargetReader& targets, Duration connect_timeout) {
  GroupPlan group;
  group.name = in.text("name");
  group.count = in.integer<uint32_t>("count", 1, 10'000'000);
  group.client = read_client(in.at("client"), connect_timeout);
  group.client_id = in.at("client").text("client_id");
  group.target.address = plan.target.value_or(Address{});
  if (!in.is_null("target")) group.target = targets.read(in.at("target"), group.target.address);
  if (!in.is_null("publish")) {
    group.publish = read_publish(in.at("publish"), group.client.version);
    group.client.in_flight_maximum = static_cast<uint16_t>(group.publish->in_flight);
  }
  check_response_topic(in, group);
  for (const Reader& subscribe : in.items("subscribe"))
    group.subscribe.push_back(read_subscribe(subscribe, group.client.version));
  constexpr uint32_t kLargestIdentifier = 268'435'455;
  group.subscription_identifier = in.integer_or<uint32_t>("subscription_identifier", 1, kLargestIdentifier, 0);
  if (group.subscription_identifier > 0 && group.client.version != protocol::ProtocolVersion::v5_0)
    in.fail("subscription_identifier", kOnlyIn5);
  group.is_scripted = in.boolean_or("script", false);
  if (group.is_scripted && (group.publish || !group.subscribe.empty()))
    in.fail("script", "false for a group that publishes or subscribes by the plan");
  const auto is_deaf = [](const SubscribePlan& subscribe) { return subscribe.options.no_local; };
  if (group.publish && group.publish->has_composed_topic && std::ranges::any_of(group.subscribe, is_deaf))
    in.at("publish").fail("topic_composed", "false where the group subscribes with no_local");
  return group;
}

void read_corpus(const Reader& in, Plan& plan) {
  bool is_needed = false;
  for (const GroupPlan& group : plan.groups)
    is_needed = is_needed || (group.publish && group.publish->payload.speaks_corpus());
  if (!is_needed) return;
  CorpusOptions options;
  options.header_as_record = in.choice<bool>("header", {{"skip", false}, {"as-record", true}});
  options.tutorial_parser = in.choice<bool>("parser", {{"strict-unescape", false}, {"tutorial", true}});
  options.is_strict = in.boolean("strict");
  auto corpus = load_corpus(in.text("path"), options);
  if (!corpus) return in.fail("path", corpus.error().describe());
  plan.corpus = std::move(*corpus);
}

void read_connect(const Reader& in, Plan& plan) {
  plan.connect_rate_per_s = in.number("rate_per_s", 0, 1e6);
  plan.connects_in_progress = in.integer<uint32_t>("in_progress", 1, 100'000);
  if (!in.json().contains("source_addresses") || !in.json()["source_addresses"].is_array())
    return in.fail("source_addresses", "a list of addresses");
  for (const Json& address : in.json()["source_addresses"]) {
    if (!address.is_string()) return in.fail("source_addresses", "a list of addresses");
    plan.source_addresses.push_back(address.get<std::string>());
  }
}

Plan read_plan(const Reader& in) {
  Plan plan;
  in.integer<int>("version", 1, 1);
  plan.name = in.text("name");
  plan.seed = in.integer<uint64_t>("seed", 0, UINT64_MAX);
  plan.is_virtual = in.choice<bool>("driver", {{"net", false}, {"sim", true}});
  plan.duration = in.duration("duration_ns");
  plan.warmup = in.duration("warmup_ns");
  plan.drain = in.duration("drain_ns");
  plan.shards = plan.is_virtual ? 1 : in.integer<uint32_t>("shards", 1, 64);
  read_connect(in.at("connect"), plan);
  const Reader link = in.at("link");
  plan.link_latency = link.duration("latency_ns");
  plan.link_jitter = link.duration("jitter_ns");
  if (!in.is_null("target")) plan.target = read_address(in.at("target"));
  if (!in.is_null("broker")) plan.broker = in.json()["broker"].dump();
  if (!plan.broker.empty() && !in.json()["broker"].is_object())
    in.fail("broker", "an object of broker options, or null");
  if (plan.target.has_value() == !plan.broker.empty()) in.fail("target", "either target or broker, not both");
  if (plan.is_virtual && plan.target) in.fail("target", "null: virtual time has no outside broker");
  const Duration connect_timeout = in.at("connect").duration("timeout_ns");
  plan.connect_timeout = connect_timeout;
  TargetReader targets;
  for (const Reader& group : in.items("groups"))
    plan.groups.push_back(read_group(group, plan, targets, connect_timeout));
  if (plan.groups.empty()) in.fail("groups", "at least one group of clients");
  if (plan.warmup >= plan.duration && plan.duration > Duration(0)) in.fail("warmup_ns", "less than duration_ns");
  read_corpus(in.at("corpus"), plan);
  return plan;
}

}  // namespace

bool PayloadPlan::speaks_corpus() const {
  if (kind == PayloadKind::dialogue) return true;
  return kind == PayloadKind::text_template &&
         (text.find("{character}") != std::string::npos || text.find("{text}") != std::string::npos);
}

uint32_t Plan::client_count() const {
  uint32_t count = 0;
  for (const GroupPlan& group : groups) count += group.count;
  return count;
}

uint32_t Plan::stream_count() const {
  uint32_t count = 0;
  for (const GroupPlan& group : groups) count += group.publish ? group.count : 0;
  return count;
}

uint32_t Plan::device_count() const {
  uint32_t count = 0;
  for (const GroupPlan& group : groups) count += group.is_scripted ? group.count : 0;
  return count;
}

bool Plan::is_composed() const {
  return std::ranges::any_of(groups,
                             [](const GroupPlan& group) { return group.publish && group.publish->is_composed(); });
}

boost::system::result<Plan, PlanError> parse_plan(const std::string& json) {
  const Json document = Json::parse(json, nullptr, false);
  if (!document.is_object()) return PlanError{"", json.substr(0, 80), "a JSON object"};
  std::optional<PlanError> error;
  Plan plan = read_plan(Reader(document, "", error));
  if (error) return *error;
  return plan;
}

void throw_exception_from_error(const PlanError& error, const boost::source_location& where) {
  assertion_failed((error.path + ": " + error.message).c_str(), where.file_name(), static_cast<int>(where.line()));
}

}  // namespace mqtt_sim::load
