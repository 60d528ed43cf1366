// The simulated devices of one shard, and what they share: the recorder, the payload writers, the totals that tell when
// the run may go on or end. Everything here happens on the shard's thread; the engine reads status() between turns of
// the driver.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/base/driver.hpp"
#include "core/load/actor.hpp"
#include "core/load/boarder.hpp"
#include "core/load/content.hpp"
#include "core/load/device.hpp"
#include "core/load/ledger.hpp"
#include "core/load/payload.hpp"
#include "core/load/plan.hpp"
#include "core/load/share_ledger.hpp"
#include "core/load/topology.hpp"
#include "core/metrics/recorder.hpp"

namespace mqtt_sim::load {

// What every shard of a run reads and none writes.
struct RunContext {
  const Plan& plan;
  const Topology& topology;
  const std::vector<std::string>& rendered;  // render_rows() of the corpus
  uint32_t run_id = 0;                       // in every stamp
  Duration epoch_offset{};                   // wall clock minus driver time
  ScriptSink* scripts = nullptr;             // of the scripted groups
  ContentSource* contents = nullptr;         // of the groups whose messages are composed outside
};

// Copies of a stream's messages that arrived on another shard than its producer's.
struct Credit {
  uint32_t stream = 0;
  uint32_t copies = 0;
};

// Why a client could not be brought up, or was lost.
struct Failure {
  // unreachable, refused, broker_lost, connect_timeout, subscribe_timeout, descriptors, no_ports, tls, upgrade,
  // protocol
  std::string kind;
  std::string text;
  uint8_t reason = 0;  // MQTT reason code; 0 when there was none
  uint32_t clients = 0;
  std::string group = {};  // of the first of them
};

struct FleetStatus {
  uint32_t clients = 0;
  uint32_t ready = 0;         // have been connected and subscribed
  uint32_t up = 0;            // connected now
  uint32_t left = 0;          // ended by their script
  uint32_t failed = 0;        // could not be brought up
  uint32_t finished = 0;      // closed after finish()
  uint64_t planned = 0;       // messages the timetable still means to send or has sent; 0 where unpaced
  uint64_t unsaid = 0;        // messages to come: of the timetable, or up to the limit where unpaced
  uint64_t offered = 0;       // messages whose time has come
  uint64_t offered_late = 0;  // of these, noticed only after the end of the run
  uint64_t backlog = 0;       // offered, not yet handed to a client
  uint64_t unwritten = 0;     // handed to a client, not yet on the stream
  uint64_t unacknowledged = 0;
  uint64_t expected = 0;    // copies that should have arrived of what was sent here, anywhere
  uint64_t received = 0;    // different copies that arrived here, sent from anywhere
  uint32_t uncomposed = 0;  // streams whose first content has not come from outside
};

struct GroupTally {
  uint64_t offered = 0;
  uint64_t written = 0;
  uint64_t acknowledged = 0;
  uint64_t received = 0;
  uint64_t content_late = 0;       // messages that were due before somebody outside had composed them
  uint64_t expected_by_topic = 0;  // of messages with topics of their own, from all groups, by this one
  uint64_t unique_by_topic = 0;    // filled by audit(), with the ledger
  LedgerCounts ledger;

  GroupTally& operator+=(const GroupTally&);
  void settle_by_topic();  // once all shards' are in it: what did not arrive is lost
};

class Fleet {
 public:
  static constexpr Duration kSendBin = std::chrono::milliseconds(100);
  static constexpr size_t kSendBinLimit = 1'000'000;
  static constexpr size_t kAudienceLimit = 65'536;  // topics whose audience is remembered

  using HandOver = std::function<void(uint32_t shard, std::vector<Credit>)>;

  // `hand_over` carries credits to the shard that owns the stream; it is never called with a single shard.
  Fleet(const RunContext&, uint32_t shard, HandOver hand_over);

  // Makes the clients and gives them to the driver; `targets` by group.
  void board(Driver&, std::span<const Target> targets);
  void connect_all(Instant now);
  void start(Instant at);          // the run's time zero; all clients of the run are ready
  void stop_sending(Instant now);  // nothing more falls due
  void finish(Instant now);        // orderly DISCONNECT of all
  void take_credits(const std::vector<Credit>&, Instant now);
  void take_contents(std::vector<ComposedContents>, Instant now);

  FleetStatus status() const { return status_; }
  const std::optional<Failure>& failure() const { return failure_; }
  metrics::Recorder& recorder() { return recorder_; }
  const std::vector<uint32_t>& send_bins() const { return send_bins_; }

  // After the run: what each stream of this shard sent, into `sent` (by stream); then, with all shards' numbers in it,
  // what this shard's receivers made of it, by group.
  void report_sent(std::vector<uint32_t>& sent) const;
  std::vector<GroupTally> audit(const std::vector<uint32_t>& sent) const;
  // Of each of the topology's shares, what its members on this shard got.
  const std::vector<ShareLedger>& shares() const { return shares_; }

 private:
  friend class Actor;
  friend class Device;

  // At most the plan's connects_in_progress clients of this shard are between their wish and CONNACK: a listener's
  // backlog that overflows costs its clients a second each, which would look like a slow broker.
  void ask_to_connect(Boarder&);
  void connect_settled();
  void connect_waiting();

  uint32_t shard_of(uint32_t stream) const;
  void fail(const GroupPlan& group, std::string kind, std::string text, uint8_t reason, Instant now);
  void note_arrival(uint32_t stream);                // one more copy of a stream arrived here
  uint32_t expect_copies(const std::string& topic);  // of a message with a topic of its own: how many, noted by group
  void await_contents();                             // in virtual time
  void note_stamped(const Stamp&, Instant now);      // a stamped message that is in no ledger has arrived
  void settle(Instant now);                          // lets producers whose window opened go on
  void note_send(Instant now);

  const RunContext& context_;
  const Driver* driver_ = nullptr;  // since board()
  uint32_t shard_;
  HandOver hand_over_;
  metrics::Recorder recorder_;
  std::vector<std::optional<PayloadWriter>> writers_;  // by group
  std::deque<Actor> actors_;
  std::deque<Device> devices_;     // of the scripted groups
  std::vector<Actor*> producers_;  // by stream; null where another shard has it
  std::vector<ShareLedger> shares_;
  std::vector<Actor*> unblocked_;  // producers to let go on in settle()
  std::deque<Boarder*> waiting_to_connect_;
  uint32_t connecting_ = 0;
  std::vector<std::vector<Credit>> outgoing_;  // by shard
  std::vector<uint32_t> send_bins_;            // messages handed to clients, per kSendBin from the start
  std::vector<GroupTally> tallies_;            // by group
  std::unordered_map<std::string, std::vector<Topology::Audience>> audiences_;  // by topic
  std::optional<Failure> failure_;
  FleetStatus status_;
  Instant start_ = kNever;
  Instant end_ = kNever;
  Instant warm_ = kNever;  // messages meant before this are not measured
};

}  // namespace mqtt_sim::load
