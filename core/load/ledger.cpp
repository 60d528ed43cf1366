#include "core/load/ledger.hpp"

#include <algorithm>
#include <utility>

#include "core/load/share_ledger.hpp"
#include "core/load/sparse_ledger.hpp"

namespace mqtt_sim::load {

LedgerCounts& LedgerCounts::operator+=(const LedgerCounts& other) {
  expected += other.expected;
  delivered += other.delivered;
  lost += other.lost;
  duplicated += other.duplicated;
  reordered += other.reordered;
  return *this;
}

bool StreamLedger::receive(uint32_t sequence) {
  if (sequence == next_) {
    ++next_;
    return true;
  }
  if (sequence > next_) {
    open_gap(next_, sequence);
    next_ = sequence + 1;
    return true;
  }
  if (close_gap(sequence)) {
    ++reordered_;
    return true;
  }
  ++(sequence < given_up_end_ ? reordered_ : duplicated_);
  return false;
}

LedgerCounts StreamLedger::counts(uint32_t sent) const {
  return {sent, unique(), sent - std::min(sent, unique()), duplicated_, reordered_};
}

void StreamLedger::open_gap(uint32_t first, uint32_t end) {
  if (!gaps_) gaps_ = std::make_unique<std::vector<Gap>>();
  gaps_->push_back({first, end});
  missing_ += end - first;
  keep_to_limit();
}

// Filling a gap in its middle makes two of it, so this is for both ways to get one more.
void StreamLedger::keep_to_limit() {
  if (gaps_->size() <= kGapLimit) return;
  given_up_end_ = gaps_->front().end;
  gaps_->erase(gaps_->begin());
}

bool StreamLedger::close_gap(uint32_t sequence) {
  if (!gaps_) return false;
  const auto gap = std::ranges::upper_bound(*gaps_, sequence, {}, &Gap::end);
  if (gap == gaps_->end() || sequence < gap->first) return false;
  const Gap whole = *gap;
  --missing_;
  if (whole.first == sequence && whole.end == sequence + 1) {
    gaps_->erase(gap);
  } else if (whole.first == sequence) {
    gap->first = sequence + 1;
  } else if (whole.end == sequence + 1) {
    gap->end = sequence;
  } else {
    gap->end = sequence;
    gaps_->insert(gap + 1, {sequence + 1, whole.end});
    keep_to_limit();
  }
  if (gaps_->empty()) gaps_.reset();
  return true;
}

Ledger::Ledger(std::vector<uint32_t> streams) : streams_(std::move(streams)), ledgers_(streams_.size()) {}

Ledger::~Ledger() = default;

SparseLedger& Ledger::sparse(uint32_t stream) {
  if (!sparse_) sparse_ = std::make_unique<std::unordered_map<uint32_t, SparseLedger>>();
  return (*sparse_)[stream];
}

LedgerCounts Ledger::sparse_counts() const {
  LedgerCounts counts;
  if (sparse_)
    for (const auto& [stream, ledger] : *sparse_) counts += ledger.counts();
  return counts;
}

std::optional<bool> Ledger::receive(uint32_t stream, uint32_t sequence) {
  if (StreamLedger* own = find(stream)) return own->receive(sequence);
  for (ShareLedger* share : shares_)
    if (const auto is_new = share->receive(stream, sequence)) return is_new;
  return std::nullopt;
}

StreamLedger* Ledger::find(uint32_t stream) {
  if (last_ < streams_.size() && streams_[last_] == stream) return &ledgers_[last_];
  const auto at = std::ranges::lower_bound(streams_, stream);
  if (at == streams_.end() || *at != stream) return nullptr;
  last_ = static_cast<size_t>(at - streams_.begin());
  return &ledgers_[last_];
}

}  // namespace mqtt_sim::load
