#include "core/engine/note_batch.hpp"

#include <utility>

namespace mqtt_sim::engine {

using load::DroppedNote;
using load::MessageNote;
using load::Note;

void NoteBatch::put(uint64_t client, std::vector<Note>& notes, const Inbox& inbox, bool is_quiet) {
  {
    const std::lock_guard lock(mutex_);
    const auto [place, is_new] = places_.try_emplace(client, deliveries_.size());
    if (is_new) deliveries_.push_back({.client = client, .notes = {}});
    Delivery& delivery = deliveries_[place->second];
    for (Note& note : notes) put_one(delivery, std::move(note), inbox);
  }
  notes.clear();
  if (!is_quiet) wake();
}

void NoteBatch::wake() {
  if (!has_news_.exchange(true, std::memory_order_acq_rel)) bell_.ring();
}

bool NoteBatch::has_notes() const {
  const std::lock_guard lock(mutex_);
  return !deliveries_.empty();
}

// Whoever puts something after the flag has been lowered writes again: at worst one empty batch is fetched.
std::vector<NoteBatch::Delivery> NoteBatch::fetch() {
  bell_.silence();
  has_news_.store(false, std::memory_order_release);
  const std::lock_guard lock(mutex_);
  places_.clear();
  return std::exchange(deliveries_, {});
}

void NoteBatch::put_one(Delivery& delivery, Note&& note, const Inbox& inbox) {
  if (std::holds_alternative<load::TraceNote>(note) && delivery.notes.size() >= kTraceLimit) return;
  if (std::holds_alternative<MessageNote>(note)) {
    if (inbox.rule != InboxRule::wait && delivery.messages >= inbox.messages_limit) {
      ++delivery.dropped;
      if (inbox.rule == InboxRule::drop_newest) return;
      while (!std::holds_alternative<MessageNote>(delivery.notes[delivery.oldest])) ++delivery.oldest;
      delivery.notes[delivery.oldest] = DroppedNote();
      --delivery.messages;
      if (delivery.oldest > delivery.notes.size() / 2) {
        std::erase_if(delivery.notes, [](const Note& one) { return std::holds_alternative<DroppedNote>(one); });
        delivery.oldest = 0;
      }
    }
    ++delivery.messages;
  }
  delivery.notes.push_back(std::move(note));
}

}  // namespace mqtt_sim::engine
