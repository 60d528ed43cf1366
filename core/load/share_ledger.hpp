// What the members of one shared subscription got together (section 4.8.2): of each stream every message once, by
// whichever of them. Lost and duplicated messages are counted exactly, by remembering every number; order is not looked
// at, since the standard promises none among members. [MQTT-4.6.0-6]
//
// One for each share and shard, written by the members there; those of all shards are added up after the run.
#pragma once

#include <bitset>
#include <cstdint>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include "core/load/ledger.hpp"

namespace mqtt_sim::load {

// A set of sequence numbers: about a bit for each where they lie close together.
class NumberSet {
 public:
  bool insert(uint32_t number);       // false: it is in already
  uint32_t add(const NumberSet& by);  // how many of them were in already
  uint32_t size() const { return size_; }

 private:
  static constexpr uint32_t kPart = 512;

  std::unordered_map<uint32_t, std::bitset<kPart>> parts_;  // by number / kPart
  uint32_t size_ = 0;
};

class ShareLedger {
 public:
  explicit ShareLedger(std::span<const uint32_t> streams);  // ascending; they must outlive it

  // Whether the message is one that no member here has had; nothing when it is not for this share.
  std::optional<bool> receive(uint32_t stream, uint32_t sequence);

  void add(const ShareLedger& of_another_shard);
  LedgerCounts counts(std::span<const uint32_t> sent) const;  // `sent` by stream

 private:
  std::span<const uint32_t> streams_;
  std::vector<NumberSet> received_;
  uint64_t duplicated_ = 0;
};

}  // namespace mqtt_sim::load
