#include "core/load/share_ledger.hpp"

#include <algorithm>

namespace mqtt_sim::load {

bool NumberSet::insert(uint32_t number) {
  auto bit = parts_[number / kPart][number % kPart];
  if (bit) return false;
  bit = true;
  ++size_;
  return true;
}

uint32_t NumberSet::add(const NumberSet& by) {
  uint32_t repeated = 0;
  for (const auto& [place, bits] : by.parts_) {
    std::bitset<kPart>& part = parts_[place];
    repeated += static_cast<uint32_t>((part & bits).count());
    part |= bits;
  }
  size_ += by.size_ - repeated;
  return repeated;
}

ShareLedger::ShareLedger(std::span<const uint32_t> streams) : streams_(streams), received_(streams.size()) {}

std::optional<bool> ShareLedger::receive(uint32_t stream, uint32_t sequence) {
  const auto at = std::ranges::lower_bound(streams_, stream);
  if (at == streams_.end() || *at != stream) return std::nullopt;
  const bool is_new = received_[static_cast<size_t>(at - streams_.begin())].insert(sequence);
  if (!is_new) ++duplicated_;
  return is_new;
}

void ShareLedger::add(const ShareLedger& of_another_shard) {
  duplicated_ += of_another_shard.duplicated_;
  for (size_t i = 0; i < received_.size(); ++i) duplicated_ += received_[i].add(of_another_shard.received_[i]);
}

LedgerCounts ShareLedger::counts(std::span<const uint32_t> sent) const {
  LedgerCounts counts;
  for (size_t i = 0; i < streams_.size(); ++i) {
    const uint32_t of_stream = sent[streams_[i]];
    const uint32_t unique = std::min(received_[i].size(), of_stream);
    counts += {.expected = of_stream, .delivered = unique, .lost = of_stream - unique};
  }
  counts.duplicated = duplicated_;
  return counts;
}

}  // namespace mqtt_sim::load
