// Who speaks and who should hear whom, worked out from a Plan before the clock starts: one stream per publishing
// client, and for every subscribing client the streams its filters match. Immutable, shared by all shards.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/load/plan.hpp"

namespace mqtt_sim::load {

struct Stream {
  uint32_t group = 0;
  uint32_t index = 0;  // of the client in its group
  std::string topic;
  uint32_t copies = 0;  // clients of the plan that should receive each message
};

class Topology {
 public:
  static constexpr uint64_t kPairLimit = 50'000'000;  // receiver and stream pairs: 32 bytes each

  static boost::system::result<Topology, PlanError> make(const Plan&);

  const std::vector<Stream>& streams() const { return streams_; }
  // The stream that client `index` of `group` publishes; the group must publish.
  uint32_t stream_of(uint32_t group, uint32_t index) const { return first_stream_[group] + index; }
  // Streams that client `index` of `group` should hear, ascending.
  std::vector<uint32_t> heard_by(uint32_t group, uint32_t index) const;

 private:
  explicit Topology(const Plan& plan) : plan_(&plan) {}
  boost::system::result<void, PlanError> add_streams(uint32_t group);
  boost::system::result<void, PlanError> count_copies();

  const Plan* plan_;
  std::vector<Stream> streams_;
  std::vector<uint32_t> first_stream_;                               // by group
  std::unordered_map<std::string, std::vector<uint32_t>> by_topic_;  // streams of each topic, ascending
};

// The identifier of client `index` of a group, and the names a placeholder may ask for.
std::string client_id_of(const GroupPlan&, uint32_t index);
// The topic that client `index` of a publishing group speaks on.
std::string topic_of(const Plan&, const GroupPlan&, uint32_t index);
// The filters of client `index`.
std::vector<std::string> filters_of(const GroupPlan&, uint32_t index);

}  // namespace mqtt_sim::load
