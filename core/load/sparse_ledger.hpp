// What one receiver got of a stream whose messages go to changing topics: numbers come with gaps that are no loss, so
// only what arrives is judged here, and how much should have is known from the senders (GroupTally).
//
//   number >  all before                    in order
//   number among the last kMemory           duplicated
//   number older than those                 duplicated: sent again long after
//   number between them                     reordered
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

#include "core/load/ledger.hpp"

namespace mqtt_sim::load {

class SparseLedger {
 public:
  static constexpr uint32_t kMemory = 16;  // numbers remembered

  // Whether the message is one not seen before.
  bool receive(uint32_t sequence) {
    const auto seen_end = seen_.begin() + std::min(unique_, kMemory);
    const bool is_next = unique_ == 0 || sequence > last_;
    const bool is_known = std::find(seen_.begin(), seen_end, sequence) != seen_end;
    const bool is_old = unique_ >= kMemory && sequence < *std::min_element(seen_.begin(), seen_end);
    if (!is_next && (is_known || is_old)) {
      ++duplicated_;
      return false;
    }
    if (!is_next) ++reordered_;
    last_ = is_next ? sequence : last_;
    seen_[unique_ % kMemory] = sequence;
    ++unique_;
    return true;
  }

  LedgerCounts counts() const { return {unique_, unique_, 0, duplicated_, reordered_}; }  // nothing is known to miss

 private:
  uint32_t last_ = 0;
  uint32_t unique_ = 0;
  uint32_t duplicated_ = 0;
  uint32_t reordered_ = 0;
  std::array<uint32_t, kMemory> seen_{};
};

}  // namespace mqtt_sim::load
