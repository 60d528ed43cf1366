// What one receiver got of each stream it listens to, by sequence number: exact counts of lost, duplicated and
// reordered messages in bounded memory. One owner, the receiving actor.
//
//   number == next            in order
//   number >  next            opens a gap: the numbers between are missing, so far
//   number <  next, missing   reordered: it closes part of a gap
//   number <  next, seen      duplicated
//
// A stream with more than kGapLimit gaps at once gives up its oldest gap: those numbers count as lost even if they come
// later, and coming later they count as reordered.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

namespace mqtt_sim::load {

struct LedgerCounts {
  uint64_t expected = 0;
  uint64_t delivered = 0;  // different messages
  uint64_t lost = 0;
  uint64_t duplicated = 0;
  uint64_t reordered = 0;

  LedgerCounts& operator+=(const LedgerCounts&);
  friend bool operator==(const LedgerCounts&, const LedgerCounts&) = default;
};

class StreamLedger {
 public:
  static constexpr size_t kGapLimit = 4096;

  // Whether the message is one not seen before.
  bool receive(uint32_t sequence);

  LedgerCounts counts(uint32_t sent) const;  // of a stream that sent `sent` messages
  uint32_t unique() const { return next_ - missing_; }

 private:
  struct Gap {
    uint32_t first;
    uint32_t end;  // past the last
  };
  bool close_gap(uint32_t sequence);
  void open_gap(uint32_t first, uint32_t end);
  void keep_to_limit();

  uint32_t next_ = 0;
  uint32_t missing_ = 0;
  uint32_t duplicated_ = 0;
  uint32_t reordered_ = 0;
  uint32_t given_up_end_ = 0;               // numbers below this may belong to a gap that was given up
  std::unique_ptr<std::vector<Gap>> gaps_;  // in order; absent while nothing is missing
};

class ShareLedger;
class SparseLedger;

// The ledgers of one receiver, for the streams its filters match.
class Ledger {
 public:
  explicit Ledger(std::vector<uint32_t> streams);  // ascending
  ~Ledger();

  // The ledger of `stream`, or nullptr when this receiver does not expect it.
  StreamLedger* find(uint32_t stream);
  std::span<const uint32_t> streams() const { return streams_; }
  const StreamLedger& at(size_t i) const { return ledgers_[i]; }

  // Of the shares that this receiver is a member of, in place of those of streams heard by itself.
  void join(ShareLedger& share) { shares_.push_back(&share); }
  // Takes a message into the ledger it is for, sparse ones excepted: whether it is new; nothing: it is not expected.
  std::optional<bool> receive(uint32_t stream, uint32_t sequence);

  // Of streams whose messages have topics of their own, made when the first one comes.
  SparseLedger& sparse(uint32_t stream);
  LedgerCounts sparse_counts() const;  // all of them together; what is missing is not known here

 private:
  std::vector<uint32_t> streams_;
  std::vector<StreamLedger> ledgers_;
  size_t last_ = 0;  // where the stream asked for last was found
  std::vector<ShareLedger*> shares_;
  std::unique_ptr<std::unordered_map<uint32_t, SparseLedger>> sparse_;
};

}  // namespace mqtt_sim::load
