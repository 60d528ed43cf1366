#include "core/client/inflight.hpp"

#include <algorithm>
#include <cstring>

namespace mqtt_sim::client {

using protocol::PacketId;
using protocol::QoS;

struct StoredPacket::Head {
  uint32_t topic_size;
  uint32_t properties_size;
  uint32_t payload_size;
  bool retain;
};

StoredPacket::StoredPacket(const protocol::Publish& publish) {
  const ByteView topic = as_bytes(publish.topic);
  const ByteView properties = publish.properties.encoded();
  const Head head{static_cast<uint32_t>(topic.size()), static_cast<uint32_t>(properties.size()),
                  static_cast<uint32_t>(publish.payload.size()), publish.retain};
  const size_t size = sizeof(Head) + topic.size() + properties.size() + publish.payload.size();
  block_.reset(new uint8_t[size]);
  ByteWriter writer({block_.get(), size});
  writer.put({reinterpret_cast<const uint8_t*>(&head), sizeof(Head)});
  writer.put(topic);
  writer.put(properties);
  writer.put(publish.payload);
}

StoredPacket::StoredPacket(std::span<const protocol::SubscribeEntry> entries) : block_(new uint8_t[entries.size()]) {
  for (size_t i = 0; i < entries.size(); ++i) block_[i] = static_cast<uint8_t>(entries[i].options.qos);
}

protocol::Publish StoredPacket::publish() const {
  MQTT_SIM_ASSERT(block_);
  Head head;
  std::memcpy(&head, block_.get(), sizeof(Head));
  ByteReader reader({block_.get() + sizeof(Head), size_t{head.topic_size} + head.properties_size + head.payload_size});
  protocol::Publish publish;
  publish.dup = true;
  publish.retain = head.retain;
  publish.topic = as_text(reader.take(head.topic_size));
  publish.properties = protocol::PropertyList(reader.take(head.properties_size));
  publish.payload = reader.take(head.payload_size);
  return publish;
}

void Inflight::leave_ids_to_owner() { lowest_id_ = last_id_ = kLargestWindow + 1; }

PacketId Inflight::next_id() {
  MQTT_SIM_ASSERT(table_.size() < kPacketIds);
  do {
    if (++last_id_ < lowest_id_) last_id_ = lowest_id_;
  } while (table_.find(last_id_));
  return last_id_;
}

Inflight::Entry& Inflight::add_publish(PacketId id, QoS qos, uint64_t cookie, StoredPacket copy) {
  const Awaiting awaiting = qos == QoS::at_least_once ? Awaiting::puback : Awaiting::pubrec;
  ++publishes_;
  return table_.insert({cookie, sequence_++, std::move(copy), id, 0, awaiting, qos});
}

void Inflight::add_request(PacketId id, Awaiting awaiting, uint64_t cookie, size_t filters, StoredPacket copy) {
  table_.insert(
      {cookie, sequence_++, std::move(copy), id, static_cast<uint16_t>(filters), awaiting, QoS::at_most_once});
}

Inflight::Entry* Inflight::find_publish(uint64_t cookie) {
  Entry* found = nullptr;
  table_.for_each([&](Entry& entry) {
    if (entry.cookie == cookie && entry.qos != QoS::at_most_once) found = &entry;
  });
  return found;
}

void Inflight::erase(Entry& entry) {
  if (entry.qos != QoS::at_most_once) --publishes_;
  table_.erase(entry);
}

void Inflight::drop_requests() {
  if (table_.size() == publishes_) return;
  std::vector<PacketId> requests;
  table_.for_each([&](Entry& entry) {
    if (entry.qos == QoS::at_most_once) requests.push_back(entry.id);
  });
  for (const PacketId id : requests) table_.erase(*table_.find(id));
}

std::vector<PacketId> Inflight::publishes_newest_first() {
  std::vector<std::pair<uint64_t, PacketId>> order;
  order.reserve(publishes_);
  table_.for_each([&](Entry& entry) {
    if (entry.qos != QoS::at_most_once) order.emplace_back(entry.sequence, entry.id);
  });
  std::ranges::sort(order, std::ranges::greater());
  std::vector<PacketId> ids;
  ids.reserve(order.size());
  for (const auto& [sequence, id] : order) ids.push_back(id);
  return ids;
}

std::vector<uint64_t> Inflight::take_publishes() {
  held_.reset();
  std::vector<uint64_t> cookies;
  cookies.reserve(publishes_);
  const std::vector<PacketId> ids = publishes_newest_first();
  for (auto id = ids.rbegin(); id != ids.rend(); ++id) {
    Entry& entry = *table_.find(*id);
    cookies.push_back(entry.cookie);
    erase(entry);
  }
  return cookies;
}

void Inflight::hold_publishes() {
  held_.reset();
  if (publishes_ == 0) return;
  held_ = std::make_unique<std::vector<PacketId>>(publishes_newest_first());
  for (const PacketId id : *held_) table_.find(id)->awaiting = Awaiting::nothing;
}

Inflight::Entry& Inflight::next_held() {
  MQTT_SIM_ASSERT(held_);
  const PacketId id = held_->back();
  held_->pop_back();
  if (held_->empty()) held_.reset();
  return *table_.find(id);
}

}  // namespace mqtt_sim::client
