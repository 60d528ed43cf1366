// The part of ScriptedClient whose script keeps the session: what an earlier process left, what goes on when it has
// been written down, and what is not to be sent any more.
#include <algorithm>

#include "core/load/scripted_client.hpp"

namespace mqtt_sim::load {

using protocol::PropertyList;

// What was never sent is ordered as if it were new, behind what may have been.
void ScriptedClient::restore(std::vector<KeptPublish> publishes, const std::vector<protocol::PacketId>& received) {
  for (KeptPublish& kept : publishes) {
    PublishOrder& order = kept.order;
    if (!kept.was_sent && !kept.is_released) {
      waiting_.emplace_back(std::move(order));
      continue;
    }
    client_.restore_publish({order.topic, as_bytes(order.payload), order.qos, order.retain,
                             PropertyList(order.properties), order.cookie, order.packet_id},
                            kept.is_released);
    keep_in_flight(std::move(order));
  }
  for (const protocol::PacketId id : received) client_.restore_received(id);
}

void ScriptedClient::continue_exchange(protocol::PacketType received, protocol::PacketId id, Instant now) {
  client_.continue_exchange(received, id, now);
  settle(now);
}

void ScriptedClient::forget(uint64_t cookie, Instant now) {
  const auto waits = std::ranges::find_if(waiting_, [&](const Order& order) {
    const auto* publish = std::get_if<PublishOrder>(&order);
    return publish && publish->cookie == cookie;
  });
  SettledNote settled{.cookie = cookie, .how = Settlement::lost, .text = "removed before it was sent"};
  if (waits != waiting_.end()) {
    waiting_.erase(waits);
    notes_.push_back(std::move(settled));
  } else if (in_flight_.erase(cookie) > 0) {
    client_.forget_publish(cookie);
    settled.how = Settlement::left;
    settled.text = "removed after it was sent; it may have arrived";
    notes_.push_back(std::move(settled));
  }
  settle(now);
}

}  // namespace mqtt_sim::load
