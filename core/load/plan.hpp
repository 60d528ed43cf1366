// The Plan: a scenario after every default has been filled in and every choice made. Immutable; parsed once, before the
// clock starts, from the one JSON document that crosses into C++. Shared read-only by all shards.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/base/target.hpp"
#include "core/base/time.hpp"
#include "core/client/options.hpp"
#include "core/load/corpus.hpp"

namespace mqtt_sim::load {

enum class PayloadKind : uint8_t { dialogue, size, text_template, composed };
enum class DialogueOrder : uint8_t { file, shuffle, by_speaker };
enum class DialoguePlace : uint8_t {
  own,    // each producer starts at its own place, spread evenly over the corpus
  start,  // every producer starts at the first row
  split,  // producer i of n speaks rows i, i + n, i + 2n, ...
};
enum class StampKind : uint8_t {
  none,
  json,
  trailer,
  property,
  by_content,  // json for a payload that is a JSON object, else trailer
};

struct PayloadPlan {
  PayloadKind kind = PayloadKind::size;
  uint32_t size = 100;   // bytes, stamp included, for PayloadKind::size
  std::string text{};    // for PayloadKind::text_template
  bool is_json = false;  // the template becomes a JSON object
  DialogueOrder order = DialogueOrder::file;
  DialoguePlace place = DialoguePlace::own;
  bool loop = true;     // false: a producer falls silent after its last row
  uint32_t offset = 0;  // rows skipped at the start of the corpus
  uint32_t limit = 0;   // rows used from there; 0: all

  bool speaks_corpus() const;  // a dialogue, or a template with {character} or {text}
};

struct PublishPlan {
  std::string topic;                // with placeholders
  bool has_composed_topic = false;  // by message, from outside; `topic` is empty then
  protocol::QoS qos{};
  bool retain = false;
  double rate_per_s = 0;             // of each client; 0: as fast as window and back-pressure allow
  std::optional<uint64_t> messages;  // most messages of each client
  uint32_t in_flight = 100;          // window of each client
  PayloadPlan payload;
  StampKind stamp = StampKind::trailer;
  protocol::PropertyWriter properties{};  // of every message; 5.0 only
  std::string response_topic{};           // with placeholders; 5.0 only

  bool is_unpaced() const { return rate_per_s == 0; }
  // Whether something of each message comes from outside: see content.hpp.
  bool is_composed() const { return has_composed_topic || payload.kind == PayloadKind::composed; }
};

struct SubscribePlan {
  std::string filter;  // with placeholders
  protocol::SubscriptionOptions options{};
};

struct GroupPlan {
  std::string name;
  uint32_t count = 1;
  std::string client_id;  // with placeholders
  Target target;          // without its address when the broker is the embedded one
  client::ClientOptions client;
  std::optional<PublishPlan> publish;
  std::vector<SubscribePlan> subscribe;
  uint32_t subscription_identifier = 0;  // of all of them; 0: none
  bool is_scripted = false;              // what they do is ordered from outside
};

struct Plan {
  std::string name;
  uint64_t seed = 0;
  bool is_virtual = false;  // driver "sim"
  Duration duration{};
  Duration warmup{};  // messages intended before this are not measured
  Duration drain{};   // longest wait for messages still under way at the end
  uint32_t shards = 1;
  double connect_rate_per_s = 0;  // 0: unpaced
  uint32_t connects_in_progress = 64;
  Duration connect_timeout = std::chrono::seconds(10);
  std::vector<std::string> source_addresses;
  Duration link_latency{};
  Duration link_jitter{};
  std::optional<Address> target;  // of the outside broker; absent: the embedded broker
  std::string broker;             // JSON object of the embedded broker's options; empty with a target
  Corpus corpus;                  // empty when no group speaks dialogues
  std::vector<GroupPlan> groups;

  uint32_t client_count() const;
  uint32_t stream_count() const;  // clients that publish
  uint32_t device_count() const;  // clients that are scripted
  bool is_composed() const;       // some group's messages are
};

// What is wrong with a plan: the path inside the JSON document, the value there, what would be right.
struct PlanError {
  std::string path;
  std::string value;
  std::string message;
};

// Parses and checks. Loads the corpus when a group needs it; a corpus error comes as PlanError with path "corpus.path".
boost::system::result<Plan, PlanError> parse_plan(const std::string& json);

[[noreturn]] void throw_exception_from_error(const PlanError&, const boost::source_location&);

}  // namespace mqtt_sim::load
