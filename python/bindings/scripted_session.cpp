// The part of ScriptedClients for sessions that Python keeps: what an earlier process left, and the steps that go on
// once they have been written down.
#include <pybind11/stl.h>

#include "python/bindings/scripted_clients.hpp"

namespace mqtt_sim::bindings {

using protocol::PacketId;
using protocol::PacketType;

namespace {

load::KeptPublish read_kept(ScriptedClients::Kept&& kept) {
  auto& [cookie, packet_id, topic, payload, qos, retain, properties, sent] = kept;
  return {load::PublishOrder{cookie,
                             static_cast<protocol::QoS>(qos),
                             retain,
                             std::move(topic),
                             std::move(payload),
                             {properties.begin(), properties.end()},
                             static_cast<PacketId>(packet_id)},
          sent > 0, sent > 1};
}

}  // namespace

void ScriptedClients::restore(uint64_t client, std::vector<Kept> publishes, const std::vector<int>& received) {
  std::vector<load::KeptPublish> kept;
  kept.reserve(publishes.size());
  for (Kept& publish : publishes) kept.push_back(read_kept(std::move(publish)));
  const std::vector<PacketId> ids(received.begin(), received.end());
  clients_->command(client,
                    [kept = std::move(kept), ids](load::ScriptedClient& to, Instant) { to.restore(kept, ids); });
}

void ScriptedClients::publish_kept(uint64_t client, Kept publish) {
  clients_->order(client, read_kept(std::move(publish)).order);
}

void ScriptedClients::continue_exchange(uint64_t client, bool is_received, int packet_id) {
  const PacketType received = is_received ? PacketType::pubrel : PacketType::pubrec;
  clients_->command(client, [=](load::ScriptedClient& to, Instant now) {
    to.continue_exchange(received, static_cast<PacketId>(packet_id), now);
  });
}

void ScriptedClients::forget(uint64_t client, uint64_t cookie) {
  clients_->command(client, [=](load::ScriptedClient& to, Instant now) { to.forget(cookie, now); });
}

}  // namespace mqtt_sim::bindings
