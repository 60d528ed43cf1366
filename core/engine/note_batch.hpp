// What happened to scripted clients, gathered by client until their script fetches it; a file descriptor is readable
// while something waits, so an event loop can sleep on it. put() and fetch() may be called from any thread and never
// wait for each other's owner. Bounded by each client's rule for messages, by what it ordered for answers, and by
// kTraceLimit.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/engine/doorbell.hpp"
#include "core/load/script_note.hpp"

namespace mqtt_sim::engine {

// What becomes of messages that the script does not fetch in time.
enum class InboxRule : uint8_t {
  wait,         // they stay in the socket: see ScriptedOptions::unread_messages_limit
  drop_oldest,  // of those in the batch
  drop_newest,
};

struct Inbox {
  InboxRule rule = InboxRule::wait;
  size_t messages_limit = 0;  // in the batch, where messages are dropped
};

class NoteBatch {
 public:
  static constexpr size_t kTraceLimit = 65'536;  // notes of a client while it is traced

  struct Delivery {
    uint64_t client = 0;
    std::vector<load::Note> notes;
    uint64_t dropped = 0;  // messages
    size_t messages = 0;
    size_t oldest = 0;  // no message lies before this place
  };

  explicit NoteBatch(Doorbell bell) : bell_(std::move(bell)) {}

  // `notes` is empty afterwards. Quiet ones wait for the next fetch() without being news.
  void put(uint64_t client, std::vector<load::Note>& notes, const Inbox&, bool is_quiet = false);
  void wake();  // as if something had been put
  bool has_news() const { return has_news_.load(std::memory_order_acquire); }
  bool has_notes() const;         // quiet ones too
  std::vector<Delivery> fetch();  // empty when nothing waits

  int descriptor() const { return bell_.descriptor(); }

 private:
  static void put_one(Delivery&, load::Note&&, const Inbox&);

  const Doorbell bell_;
  std::atomic<bool> has_news_ = false;
  mutable std::mutex mutex_;
  std::vector<Delivery> deliveries_;
  std::unordered_map<uint64_t, size_t> places_;  // in deliveries_, by client
};

}  // namespace mqtt_sim::engine
