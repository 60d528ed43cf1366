#include "core/storage/memory_store.hpp"

#include <utility>

namespace mqtt_sim::storage {

void MemoryStore::put_retained(Message message) {
  Message& place = retained_.insert(message.topic());
  if (place) {
    retained_bytes_ -= place.size();
  } else {
    ++retained_count_;
  }
  retained_bytes_ += message.size();
  place = std::move(message);
}

bool MemoryStore::erase_retained(std::string_view topic) {
  const Message* found = retained_.find(topic);
  if (!found) return false;
  --retained_count_;
  retained_bytes_ -= found->size();
  // The caller's text may belong to the message that goes away here.
  const Message keep = *found;
  retained_.erase(keep.topic());
  return true;
}

std::optional<Message> MemoryStore::find_retained(std::string_view topic) const {
  const Message* found = retained_.find(topic);
  return found ? std::optional(*found) : std::nullopt;
}

void MemoryStore::match_retained(std::string_view filter, const std::function<void(const Message&)>& visit) const {
  retained_.match_names(filter, visit);
}

void MemoryStore::put_session(std::string_view client_id, SessionState state) {
  sessions_.insert_or_assign(std::string(client_id), Entry{std::move(state)});
}

void MemoryStore::append_to_session(std::string_view client_id, Delivery delivery) {
  const auto found = sessions_.find(client_id);
  MQTT_SIM_ASSERT(found != sessions_.end());
  found->second.state.queued.push_back(std::move(delivery));
}

void MemoryStore::Entry::close_gap() {
  auto& queued = state.queued;
  queued.erase(queued.begin(), queued.begin() + static_cast<std::ptrdiff_t>(taken));
  taken = 0;
}

Delivery MemoryStore::take_first_queued(std::string_view client_id) {
  const auto found = sessions_.find(client_id);
  MQTT_SIM_ASSERT(found != sessions_.end());
  Entry& entry = found->second;
  MQTT_SIM_ASSERT(entry.taken < entry.state.queued.size());
  Delivery first = std::exchange(entry.state.queued[entry.taken++], {});
  if (entry.taken * 2 >= entry.state.queued.size()) entry.close_gap();
  return first;
}

std::optional<SessionState> MemoryStore::take_session(std::string_view client_id) {
  const auto found = sessions_.find(client_id);
  if (found == sessions_.end()) return std::nullopt;
  found->second.close_gap();
  SessionState state = std::move(found->second.state);
  sessions_.erase(found);
  return state;
}

bool MemoryStore::erase_session(std::string_view client_id) {
  const auto found = sessions_.find(client_id);
  if (found == sessions_.end()) return false;
  sessions_.erase(found);
  return true;
}

void MemoryStore::visit_sessions(const std::function<void(std::string_view, const SessionState&)>& visit) const {
  for (const auto& [client_id, entry] : sessions_) {
    if (entry.taken == 0) {
      visit(client_id, entry.state);
    } else {
      Entry whole = entry;
      whole.close_gap();
      visit(client_id, whole.state);
    }
  }
}

}  // namespace mqtt_sim::storage
