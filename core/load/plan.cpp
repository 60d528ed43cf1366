#include "core/load/plan.hpp"

#include <nlohmann/json.hpp>

#include "core/base/assert.hpp"
#include "core/load/placeholder.hpp"
#include "core/load/stamp.hpp"

namespace mqtt_sim::load {
namespace {

using Json = nlohmann::json;

// A place inside the document: reads members with their type and range checked, and remembers the first thing wrong.
class Reader {
 public:
  Reader(const Json& json, std::string path, std::optional<PlanError>& error)
      : json_(json), path_(std::move(path)), error_(error) {}

  const Json& json() const { return json_; }
  const std::string& path() const { return path_; }
  bool is_null(const char* key) const { return !json_.contains(key) || json_[key].is_null(); }

  Reader at(const char* key) const { return Reader(member(key), join(key), error_); }
  std::vector<Reader> items(const char* key) const {
    std::vector<Reader> readers;
    const Json& list = member(key);
    if (!list.is_array()) return fail(key, "a list"), readers;
    for (size_t i = 0; i < list.size(); ++i) readers.emplace_back(list[i], join(key) + "." + std::to_string(i), error_);
    return readers;
  }

  bool boolean(const char* key) const {
    const Json& value = member(key);
    if (!value.is_boolean()) return fail(key, "true or false"), false;
    return value.get<bool>();
  }
  std::string text(const char* key) const {
    const Json& value = member(key);
    if (!value.is_string()) return fail(key, "a text"), std::string();
    return value.get<std::string>();
  }
  std::optional<std::string> optional_text(const char* key) const {
    if (is_null(key)) return std::nullopt;
    return text(key);
  }
  template <class Integer>
  Integer integer(const char* key, uint64_t least, uint64_t most) const {
    const Json& value = member(key);
    const bool is_in_range =
        value.is_number_unsigned() && value.get<uint64_t>() >= least && value.get<uint64_t>() <= most;
    const bool is_signed_in_range =
        value.is_number_integer() && !value.is_number_unsigned() && value.get<int64_t>() >= 0;
    if (!is_in_range && !is_signed_in_range) {
      fail(key, "a whole number from " + std::to_string(least) + " to " + std::to_string(most));
      return static_cast<Integer>(least);
    }
    return static_cast<Integer>(value.get<uint64_t>());
  }
  double number(const char* key, double least, double most) const {
    const Json& value = member(key);
    if (!value.is_number() || !(value.get<double>() >= least) || !(value.get<double>() <= most))
      return fail(key, "a number from " + std::to_string(least) + " to " + std::to_string(most)), least;
    return value.get<double>();
  }
  Duration duration(const char* key) const {
    constexpr uint64_t kLongest = uint64_t{366} * 86'400 * 1'000'000'000;  // a year
    return Duration(integer<int64_t>(key, 0, kLongest));
  }
  protocol::QoS qos() const { return static_cast<protocol::QoS>(integer<uint8_t>("qos", 0, 2)); }
  template <class Enum>
  Enum choice(const char* key, std::initializer_list<std::pair<const char*, Enum>> choices) const {
    const std::string value = text(key);
    std::string names;
    for (const auto& [name, meaning] : choices) {
      if (value == name) return meaning;
      names += (names.empty() ? "" : ", ") + std::string(name);
    }
    fail(key, "one of " + names);
    return choices.begin()->second;
  }

  void fail(const char* key, std::string message) const {
    if (error_) return;
    error_ = PlanError{join(key), json_.contains(key) ? json_[key].dump() : "nothing", std::move(message)};
  }

 private:
  const Json& member(const char* key) const {
    static const Json kNothing;
    return json_.is_object() && json_.contains(key) ? json_[key] : kNothing;
  }
  std::string join(const char* key) const { return path_.empty() ? key : path_ + "." + key; }

  const Json& json_;
  std::string path_;
  std::optional<PlanError>& error_;
};

client::ClientOptions read_client(const Reader& in, Duration connect_timeout) {
  client::ClientOptions client;
  client.version = static_cast<protocol::ProtocolVersion>(in.integer<uint8_t>("protocol_version", 3, 5));
  client.clean_start = in.boolean("clean_start");
  client.session_expiry_interval_s = in.integer<uint32_t>("session_expiry_interval_s", 0, UINT32_MAX);
  client.keep_alive_s = in.integer<uint16_t>("keep_alive_s", 0, UINT16_MAX);
  client.connect_timeout = connect_timeout;
  client.reconnect_period = in.duration("reconnect_period_ns");
  client.receive_maximum = in.integer<uint16_t>("receive_maximum", 1, UINT16_MAX);
  client.user_name = in.optional_text("user_name");
  client.password = in.optional_text("password");
  if (!in.is_null("will")) {
    const Reader will = in.at("will");
    client.will = client::WillOptions{will.text("topic"), will.text("payload"), will.qos(), will.boolean("retain")};
  }
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
  payload.kind = in.choice<PayloadKind>(
      "kind",
      {{"dialogue", PayloadKind::dialogue}, {"size", PayloadKind::size}, {"template", PayloadKind::text_template}});
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
  const bool has_object = payload.kind == PayloadKind::dialogue || payload.is_json;
  if (stamp == StampKind::json && !has_object) in.fail("stamp", "\"json\" only for a payload that is a JSON object");
  return stamp;
}

PublishPlan read_publish(const Reader& in, protocol::ProtocolVersion version) {
  PublishPlan publish;
  publish.topic = in.text("topic");
  publish.qos = in.qos();
  publish.retain = in.boolean("retain");
  if (!in.json().contains("rate_per_s") || in.json()["rate_per_s"] != "max")
    publish.rate_per_s = in.number("rate_per_s", 1e-6, 1e6);
  if (!in.is_null("messages")) publish.messages = in.integer<uint64_t>("messages", 1, UINT32_MAX - 1);
  publish.in_flight = in.integer<uint32_t>("in_flight", 1, UINT16_MAX);
  publish.payload = read_payload(in.at("payload"));
  publish.stamp = read_stamp(in, publish.payload, version);
  const bool is_too_small = publish.payload.kind == PayloadKind::size && publish.payload.size < kStampSize;
  if (publish.stamp == StampKind::trailer && is_too_small)
    in.at("payload").fail("size", "at least 32 bytes, which the stamp needs, or stamp \"none\"");
  return publish;
}

GroupPlan read_group(const Reader& in, Duration connect_timeout) {
  GroupPlan group;
  group.name = in.text("name");
  group.count = in.integer<uint32_t>("count", 1, 10'000'000);
  group.client = read_client(in.at("client"), connect_timeout);
  group.client_id = in.at("client").text("client_id");
  if (!in.is_null("publish")) {
    group.publish = read_publish(in.at("publish"), group.client.version);
    group.client.in_flight_maximum = static_cast<uint16_t>(group.publish->in_flight);
  }
  for (const Reader& subscribe : in.items("subscribe"))
    group.subscribe.push_back({subscribe.text("filter"), subscribe.qos()});
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
  if (!in.is_null("target"))
    plan.target = Address{in.at("target").text("host"), in.at("target").integer<uint16_t>("port", 1, UINT16_MAX)};
  if (!in.is_null("broker")) plan.broker = in.json()["broker"].dump();
  if (!plan.broker.empty() && !in.json()["broker"].is_object())
    in.fail("broker", "an object of broker options, or null");
  if (plan.target.has_value() == !plan.broker.empty()) in.fail("target", "either target or broker, not both");
  if (plan.is_virtual && plan.target) in.fail("target", "null: virtual time has no outside broker");
  const Duration connect_timeout = in.at("connect").duration("timeout_ns");
  for (const Reader& group : in.items("groups")) plan.groups.push_back(read_group(group, connect_timeout));
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
