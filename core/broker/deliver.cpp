// One message to one session: sent if its client is there and has room, else queued in the session, within its limits.
#include "core/broker/broker.hpp"
#include "core/broker/connection.hpp"

namespace mqtt_sim::broker {

using storage::Delivery;

void Broker::deliver(Session& session, Delivery delivery, Instant now) {
  if (!session.connection) {  // [MQTT-3.1.2-5] of 3.1.1, [MQTT-4.5.0-1]
    if (!session.is_kept) {
      ++stats_.dropped_session_end;
    } else if (!sessions_.append(session, std::move(delivery))) {
      ++stats_.dropped_queue_full;
      overflow(session, now);
    }
    return;
  }
  Connection& connection = *session.connection;
  Outgoing& outgoing = session.make_outgoing();
  const size_t size = delivery.message.size();
  if (outgoing.is_open()) {
    if (connection.has_room_for(size)) return connection.send_delivery(outgoing.open(std::move(delivery)), false, now);
    connection.expect_drain(now);
  }
  if (make_place(outgoing, size)) {
    ++stats_.queued;
    return outgoing.push(std::move(delivery));
  }
  ++stats_.dropped_queue_full;
  overflow(session, now);
}

// Whether a message of that size may be queued; the oldest ones may have to go.
bool Broker::make_place(Outgoing& outgoing, size_t size) {
  if (options_.max_queued == 0 || size > options_.max_queued_bytes) return false;
  while (outgoing.queued() >= options_.max_queued || outgoing.queued_bytes() + size > options_.max_queued_bytes) {
    if (options_.drop_policy != DropPolicy::oldest) return false;
    outgoing.drop();
    ++stats_.dropped_queue_full;
  }
  return true;
}

// A message was dropped because the queue is full. Ending a session here would pull it away from under the fan-out that
// is going on; so it, or its connection, falls due at once.
void Broker::overflow(Session& session, Instant now) {
  if (options_.drop_policy != DropPolicy::disconnect) return;
  if (session.connection) return session.connection->end_overflowed(now);
  if (session.expires <= now) return;
  ++stats_.queue_full_ended;
  session.expires = now;
  sessions_.reschedule(session);
}

}  // namespace mqtt_sim::broker
