#include "core/broker/session_registry.hpp"

#include <algorithm>

namespace mqtt_sim::broker {

using storage::Delivery;
using storage::SessionState;

SessionRegistry::SessionRegistry(storage::Store& store, SubscriptionIndex& index, const BrokerOptions& options,
                                 Stats& stats)
    : store_(store), index_(index), options_(options), stats_(stats) {
  store_.visit_sessions([this](std::string_view client_id, const SessionState& state) {
    Session& session = create(client_id);
    session.is_kept = true;
    session.expires = state.expires;
    session.kept_messages = static_cast<uint32_t>(state.queued.size());
    for (const Delivery& delivery : state.queued) session.kept_bytes += delivery.message.size();
    if (state.user_name) session.user_name = std::make_unique<std::string>(*state.user_name);
    bool is_new = true;
    for (const storage::SavedSubscription& saved : state.subscriptions) {
      subscribe(session, saved.filter, saved.options, saved.identifier, is_new);
    }
    reschedule(session);
  });
}

Session* SessionRegistry::find(std::string_view client_id) {  // [MQTT-3.1.3-2]
  const auto found = sessions_.find(client_id);
  return found == sessions_.end() ? nullptr : found->second.get();
}

Waiting SessionRegistry::waiting() const {
  Waiting waiting;
  for (const auto& [id, session] : sessions_) {
    waiting.messages += session->outgoing ? session->outgoing->queued() : session->kept_messages;
    waiting.bytes += session->outgoing ? session->outgoing->queued_bytes() : session->kept_bytes;
  }
  return waiting;
}

Session& SessionRegistry::create(std::string_view client_id) {
  auto session = std::make_unique<Session>(client_id, ++created_);
  Session& placed = *session;
  const bool is_new = sessions_.emplace(placed.client_id, std::move(session)).second;
  MQTT_SIM_ASSERT(is_new);
  return placed;
}

void SessionRegistry::keep(Session& session, Instant now) {
  SessionState state;
  session.expires = session.expiry_s == UINT32_MAX ? kNever : now + std::chrono::seconds(session.expiry_s);
  state.expires = session.expires;
  if (session.user_name) state.user_name = *session.user_name;
  for (const auto& [filter, subscription] : session.subscriptions) {
    state.subscriptions.push_back({filter, subscription.options, subscription.identifier});
  }
  session.kept_messages = 0;
  session.kept_bytes = 0;
  if (session.outgoing) {
    session.kept_messages = static_cast<uint32_t>(session.outgoing->queued());
    session.kept_bytes = session.outgoing->queued_bytes();
    session.outgoing->save(state);
    session.outgoing.reset();
  }
  if (session.received) state.received = session.received->all();
  session.received.reset();
  store_.put_session(session.client_id, std::move(state));
  session.is_kept = true;
  reschedule(session);
}

void SessionRegistry::resume(Session& session) {
  session.is_kept = false;
  session.expires = kNever;
  session.will_due = kNever;
  reschedule(session);
  std::optional<SessionState> state = store_.take_session(session.client_id);
  MQTT_SIM_ASSERT(state);
  if (state->next_packet_id != 1 || !state->in_flight.empty() || !state->queued.empty()) {
    session.make_outgoing().restore(*state);
  }
  for (const protocol::PacketId id : state->received) session.make_received().insert(id);
}

bool SessionRegistry::append(Session& session, Delivery delivery) {
  MQTT_SIM_ASSERT(session.is_kept);
  const size_t size = delivery.message.size();
  if (options_.max_queued == 0 || size > options_.max_queued_bytes) return false;
  while (session.kept_messages >= options_.max_queued || session.kept_bytes + size > options_.max_queued_bytes) {
    if (options_.drop_policy != DropPolicy::oldest) return false;
    const Delivery oldest = store_.take_first_queued(session.client_id);
    --session.kept_messages;
    session.kept_bytes -= oldest.message.size();
    ++stats_.dropped_queue_full;
  }
  ++stats_.queued;
  ++session.kept_messages;
  session.kept_bytes += size;
  store_.append_to_session(session.client_id, std::move(delivery));
  return true;
}

void SessionRegistry::end(Session& session) {
  if (session.is_kept) stats_.dropped_session_end += session.kept_messages;
  if (session.outgoing) stats_.dropped_session_end += session.outgoing->queued();
  for (auto& [filter, subscription] : session.subscriptions) index_.erase(filter, subscription);
  session.subscriptions.clear();
  unschedule(session);
  if (session.is_kept) store_.erase_session(session.client_id);
  sessions_.erase(session.client_id);
}

bool SessionRegistry::subscribe(Session& session, std::string_view filter, const protocol::SubscriptionOptions& options,
                                uint32_t identifier, bool& is_new) {
  auto place = session.subscriptions.find(filter);
  is_new = place == session.subscriptions.end();
  if (is_new) {
    if (session.subscriptions.size() >= options_.max_subscriptions_per_client) return false;
    place = session.subscriptions.try_emplace(std::string(filter)).first;
  }
  Subscription& subscription = place->second;
  subscription.session = &session;
  subscription.options = options;
  subscription.identifier = identifier;
  if (is_new) {
    index_.insert(filter, subscription);
  } else {
    index_.changed();  // [MQTT-3.8.4-3]
  }
  return true;
}

bool SessionRegistry::unsubscribe(Session& session, std::string_view filter) {
  if (session.asked) return forget_asked(session, filter);
  return erase_subscription(session, filter);
}

bool SessionRegistry::erase_subscription(Session& session, std::string_view filter) {
  const auto place = session.subscriptions.find(filter);  // [MQTT-3.10.4-1]
  if (place == session.subscriptions.end()) return false;
  if (session.retained_feed) session.retained_feed->forget(filter);
  index_.erase(filter, place->second);
  session.subscriptions.erase(place);  // [MQTT-3.10.4-2], [MQTT-3.10.4-3]
  return true;
}

bool SessionRegistry::remember_asked(Session& session, std::string_view asked, std::string_view granted) {
  if (!session.asked) {
    if (asked == granted) return true;
    session.asked = std::make_unique<AskedFilters>();
    for (const auto& [filter, subscription] : session.subscriptions) {
      session.asked->granted.emplace(filter, filter);
      session.asked->count.emplace(filter, 1);
    }
  }
  const auto place = session.asked->granted.find(asked);
  if (place != session.asked->granted.end()) {
    if (place->second == granted) return true;
    forget_asked(session, asked);
  }
  if (session.asked->granted.size() >= options_.max_subscriptions_per_client) return false;
  session.asked->granted.emplace(asked, granted);
  ++session.asked->count[std::string(granted)];
  return true;
}

// The subscription stays while another filter that the client asked for leads to it as well.
bool SessionRegistry::forget_asked(Session& session, std::string_view asked) {
  const auto place = session.asked->granted.find(asked);
  if (place == session.asked->granted.end()) return false;
  const std::string granted = std::move(place->second);
  session.asked->granted.erase(place);
  const auto count = session.asked->count.find(granted);
  if (--count->second > 0) return true;
  session.asked->count.erase(count);
  return erase_subscription(session, granted);
}

std::optional<Instant> SessionRegistry::next_due() const {
  if (timetable_.empty()) return std::nullopt;
  return timetable_.begin()->first.first;
}

Session* SessionRegistry::find_due(Instant now) {
  if (timetable_.empty() || timetable_.begin()->first.first > now) return nullptr;
  return timetable_.begin()->second;
}

void SessionRegistry::reschedule(Session& session) {
  unschedule(session);
  session.due = std::min(session.expires, session.will_due);
  if (session.due != kNever) timetable_.emplace(std::pair(session.due, session.serial), &session);
}

void SessionRegistry::unschedule(Session& session) {
  if (session.due != kNever) timetable_.erase({session.due, session.serial});
  session.due = kNever;
}

}  // namespace mqtt_sim::broker
