#include "core/load/fleet.hpp"

#include <algorithm>
#include <utility>

namespace mqtt_sim::load {

GroupTally& GroupTally::operator+=(const GroupTally& other) {
  offered += other.offered;
  written += other.written;
  acknowledged += other.acknowledged;
  received += other.received;
  content_late += other.content_late;
  expected_by_topic += other.expected_by_topic;
  unique_by_topic += other.unique_by_topic;
  ledger += other.ledger;
  return *this;
}

void GroupTally::settle_by_topic() {
  const uint64_t missing = expected_by_topic - std::min(expected_by_topic, unique_by_topic);
  ledger.expected += missing;
  ledger.lost += missing;
}

Fleet::Fleet(const RunContext& context, uint32_t shard, HandOver hand_over)
    : context_(context),
      shard_(shard),
      hand_over_(std::move(hand_over)),
      producers_(context.topology.streams().size()),
      outgoing_(context.plan.shards),
      tallies_(context.plan.groups.size()) {
  for (const Share& share : context.topology.shares()) shares_.emplace_back(share.streams);
  for (const GroupPlan& group : context.plan.groups) {
    writers_.emplace_back();
    if (group.publish) writers_.back().emplace(context.plan, group, context.rendered, context.epoch_offset);
  }
}

void Fleet::board(Driver& driver, std::span<const Target> targets) {
  driver_ = &driver;
  const Plan& plan = context_.plan;
  uint64_t devices_before = 0;
  for (uint32_t group = 0; group < plan.groups.size(); ++group) {
    const bool is_scripted = plan.groups[group].is_scripted;
    for (uint32_t index = shard_; index < plan.groups[group].count; index += plan.shards) {
      if (is_scripted) {
        devices_.emplace_back(*this, group, index, devices_before + index + 1).board(driver, targets[group]);
        continue;
      }
      Actor& actor = actors_.emplace_back(*this, group, index);
      if (actor.is_publishing()) producers_[actor.stream()] = &actor;
      actor.board(driver, targets[group]);
    }
    if (is_scripted) devices_before += plan.groups[group].count;
  }
  status_.clients = static_cast<uint32_t>(actors_.size() + devices_.size());
}

void Fleet::connect_all(Instant now) {
  const double rate = context_.plan.connect_rate_per_s;
  uint64_t k = shard_;
  const auto give_time = [&](Boarder& client) {
    client.connect_at(rate == 0 ? now : now + Duration(static_cast<int64_t>(static_cast<double>(k) * 1e9 / rate)));
    k += context_.plan.shards;
  };
  for (Actor& actor : actors_) give_time(actor);
  for (Device& device : devices_) give_time(device);
}

void Fleet::start(Instant at) {
  start_ = at;
  end_ = at + context_.plan.duration;
  warm_ = at + context_.plan.warmup;
  for (Actor& actor : actors_) actor.start(at);
}

void Fleet::stop_sending(Instant now) {
  end_ = std::min(end_, now);
  for (Actor& actor : actors_) actor.stop_sending();
}

void Fleet::finish(Instant now) {
  waiting_to_connect_.clear();
  for (Actor& actor : actors_) actor.finish(now);
  for (Device& device : devices_) device.finish();
}

void Fleet::take_credits(const std::vector<Credit>& credits, Instant now) {
  for (const Credit& credit : credits) {
    Actor* producer = producers_[credit.stream];
    if (producer->credit(credit.copies)) unblocked_.push_back(producer);
  }
  settle(now);
}

void Fleet::report_sent(std::vector<uint32_t>& sent) const {
  for (const Actor& actor : actors_)
    if (actor.is_publishing()) sent[actor.stream()] = actor.sent();
}

void Fleet::take_contents(std::vector<ComposedContents> ready, Instant now) {
  for (ComposedContents& one : ready) producers_[one.stream]->take_contents(std::move(one.contents), now);
}

void Fleet::note_stamped(const Stamp& stamp, Instant now) {
  if (stamp.stream >= producers_.size()) recorder_.add(metrics::Counter::device_delivered);
  if (stamp.intended < warm_) return;
  recorder_.record(metrics::Metric::latency, now - stamp.intended);
  recorder_.record(metrics::Metric::latency_uncorrected, now - stamp.sent);
}

void Fleet::await_contents() {
  if (!context_.contents || !context_.plan.is_virtual) return;
  for (ComposedContents& one : context_.contents->await()) producers_[one.stream]->shelve(std::move(one.contents));
}

uint32_t Fleet::expect_copies(const std::string& topic) {
  if (audiences_.size() >= kAudienceLimit) audiences_.clear();
  const auto [at, is_new] = audiences_.try_emplace(topic);
  if (is_new) at->second = context_.topology.audience_of(topic);
  uint32_t copies = 0;
  for (const Topology::Audience& audience : at->second) {
    tallies_[audience.group].expected_by_topic += audience.clients;
    copies += audience.clients;
  }
  return copies;
}

std::vector<GroupTally> Fleet::audit(const std::vector<uint32_t>& sent) const {
  std::vector<GroupTally> tallies = tallies_;
  for (const Actor& actor : actors_) {
    const Ledger* ledger = actor.ledger();
    for (size_t i = 0; ledger && i < ledger->streams().size(); ++i)
      tallies[actor.group()].ledger += ledger->at(i).counts(sent[ledger->streams()[i]]);
    if (!ledger) continue;
    const LedgerCounts by_topic = ledger->sparse_counts();
    tallies[actor.group()].ledger += by_topic;
    tallies[actor.group()].unique_by_topic += by_topic.delivered;
  }
  return tallies;
}

void Fleet::ask_to_connect(Boarder& client) {
  waiting_to_connect_.push_back(&client);
  connect_waiting();
}

void Fleet::connect_settled() {
  --connecting_;
  connect_waiting();
}

void Fleet::connect_waiting() {
  const uint32_t limit = std::max(1u, context_.plan.connects_in_progress / context_.plan.shards);
  while (connecting_ < limit && !waiting_to_connect_.empty()) {
    ++connecting_;
    waiting_to_connect_.front()->connect();
    waiting_to_connect_.pop_front();
  }
}

uint32_t Fleet::shard_of(uint32_t stream) const {
  return context_.topology.streams()[stream].index % context_.plan.shards;
}

void Fleet::fail(const GroupPlan& group, std::string kind, std::string text, uint8_t reason, Instant now) {
  recorder_.error(text, now, reason);
  if (!failure_) failure_ = Failure{std::move(kind), std::move(text), reason, 0, group.name};
  ++failure_->clients;
}

void Fleet::note_arrival(uint32_t stream) {
  const Stream& of = context_.topology.streams()[stream];
  if (!context_.plan.groups[of.group].publish->is_unpaced()) return;
  if (Actor* producer = producers_[stream]) {
    if (producer->credit(1)) unblocked_.push_back(producer);
    return;
  }
  std::vector<Credit>& credits = outgoing_[shard_of(stream)];
  if (!credits.empty() && credits.back().stream == stream) {
    ++credits.back().copies;
  } else {
    credits.push_back({stream, 1});
  }
}

void Fleet::settle(Instant now) {
  for (Actor* producer : unblocked_) producer->go_on(now);
  unblocked_.clear();
  for (uint32_t shard = 0; shard < outgoing_.size(); ++shard)
    if (!outgoing_[shard].empty()) hand_over_(shard, std::exchange(outgoing_[shard], {}));
}

void Fleet::note_send(Instant now) {
  if (now < start_) return;
  const size_t bin = static_cast<size_t>((now - start_) / kSendBin);
  if (bin >= kSendBinLimit) return;
  if (bin >= send_bins_.size()) send_bins_.resize(bin + 1);
  ++send_bins_[bin];
}

}  // namespace mqtt_sim::load
