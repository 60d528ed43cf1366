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
  uint32_t index = 0;   // of the client in its group
  std::string topic;    // empty: each message has its own
  uint32_t copies = 0;  // clients of the plan that should receive each message; 0 where each has its own topic
};

// A shared subscription: each message of its streams goes to one of the clients whose filter this is.
struct Share {
  std::string filter;             // `$share/name/filter`, placeholders replaced
  uint32_t group = 0;             // of its first member
  std::vector<uint32_t> streams;  // ascending
};

class Topology {
 public:
  static constexpr uint64_t kPairLimit = 50'000'000;  // receiver and stream pairs: 32 bytes each

  static boost::system::result<Topology, PlanError> make(const Plan&);

  const std::vector<Stream>& streams() const { return streams_; }
  // The stream that client `index` of `group` publishes; the group must publish.
  uint32_t stream_of(uint32_t group, uint32_t index) const { return first_stream_[group] + index; }
  bool has_own_topics(uint32_t stream) const { return streams_[stream].topic.empty(); }
  // Streams that client `index` of `group` should hear by itself, ascending; not those whose messages have topics of
  // their own.
  std::vector<uint32_t> heard_by(uint32_t group, uint32_t index) const;
  const std::vector<Share>& shares() const { return shares_; }
  // Those that client `index` of `group` is a member of, ascending. No stream is in two of them, or heard besides.
  std::vector<uint32_t> shares_of(uint32_t group, uint32_t index) const;

  // The groups whose clients should hear a message on `topic`, with how many of them. For streams with topics of their
  // own.
  struct Audience {
    uint32_t group = 0;
    uint32_t clients = 0;
  };
  std::vector<Audience> audience_of(const std::string& topic) const;

 private:
  explicit Topology(const Plan& plan) : plan_(&plan) {}
  boost::system::result<void, PlanError> add_streams(uint32_t group);
  boost::system::result<void, PlanError> count_copies();
  // Result: how many pairs of a share and a stream are new.
  boost::system::result<uint64_t, PlanError> add_shares(uint32_t group, const std::vector<std::string>& filters);
  // Whether client `index` hears no stream in two ways, which its messages could not be told apart by.
  bool is_unambiguous(uint32_t group, uint32_t index) const;
  template <class Visit>
  void visit_streams(const std::string& filter, Visit visit) const;
  void note_subscriber(uint32_t group, const std::vector<std::string>& filters);

  const Plan* plan_;
  std::vector<Stream> streams_;
  std::vector<uint32_t> first_stream_;                               // by group
  std::unordered_map<std::string, std::vector<uint32_t>> by_topic_;  // streams of each topic, ascending

  std::vector<Share> shares_;
  std::unordered_map<std::string, uint32_t> share_by_filter_;

  // Of all subscribers, and kept only where some stream has topics of its own.
  bool needs_subscribers_ = false;
  std::vector<uint32_t> group_of_subscriber_;
  std::unordered_map<std::string, std::vector<uint32_t>> by_filter_;   // subscribers of each filter without a wildcard
  std::unordered_map<std::string, std::vector<uint32_t>> by_pattern_;  // and of those with one
};

// The identifier of client `index` of a group, and the names a placeholder may ask for.
std::string client_id_of(const GroupPlan&, uint32_t index);
// The topic that client `index` of a publishing group speaks on.
std::string topic_of(const Plan&, const GroupPlan&, uint32_t index);
// The filters of client `index`.
std::vector<std::string> filters_of(const GroupPlan&, uint32_t index);

}  // namespace mqtt_sim::load
