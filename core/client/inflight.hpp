// What a client has sent and waits to have acknowledged: publishes above QoS 0, SUBSCRIBE and UNSUBSCRIBE, by packet
// identifier. Publishes outlive a connection when their session does; then each keeps a copy of what to send again, and
// after a reconnect all are *held* until they have been sent again in their original order. Owned by one Client.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "core/client/packet_id_table.hpp"
#include "core/protocol/packet.hpp"

namespace mqtt_sim::client {

// What has to be kept of a packet until it is acknowledged, in one block: topic, properties and payload of a PUBLISH,
// the QoS asked for each filter of a SUBSCRIBE.
class StoredPacket {
 public:
  StoredPacket() = default;
  explicit StoredPacket(const protocol::Publish&);
  explicit StoredPacket(std::span<const protocol::SubscribeEntry>);

  explicit operator bool() const { return block_ != nullptr; }
  // Of a PUBLISH. DUP is set, QoS and packet identifier are not: the entry has them.
  protocol::Publish publish() const;
  uint8_t qos_asked(size_t filter) const { return block_[filter]; }  // of a SUBSCRIBE
  void reset() { block_.reset(); }

 private:
  struct Head;
  std::unique_ptr<uint8_t[]> block_;
};

class Inflight {
 public:
  static constexpr size_t kRequestReserve = 1024;  // identifiers never used for a PUBLISH
  static constexpr size_t kLargestWindow = kPacketIds - kRequestReserve;

  enum class Awaiting : uint8_t {
    nothing,  // a PUBLISH or PUBREL not yet sent again on this connection
    puback,
    pubrec,
    owner,  // PUBREC has come, and PUBREL waits for the owner's word
    pubcomp,
    suback,
    unsuback,
  };

  struct Entry {
    uint64_t cookie = 0;
    uint64_t sequence = 0;  // place in the order of sending
    StoredPacket copy;      // of a PUBLISH until PUBREC, and only in a session that outlives its stream
    protocol::PacketId id = 0;
    uint16_t filters = 0;  // in a SUBSCRIBE or UNSUBSCRIBE
    Awaiting awaiting = Awaiting::nothing;
    protocol::QoS qos{};
  };

  void leave_ids_to_owner();     // from now on next_id() is for requests alone and keeps to the reserve
  protocol::PacketId next_id();  // not in use; asserts that one is left
  Entry& add_publish(protocol::PacketId, protocol::QoS, uint64_t cookie, StoredPacket copy);
  void add_request(protocol::PacketId, Awaiting, uint64_t cookie, size_t filters, StoredPacket copy);
  Entry* find(protocol::PacketId id) { return table_.find(id); }  // valid until something is added or erased
  Entry* find_publish(uint64_t cookie);                           // looks at all of them
  void erase(Entry&);

  size_t publishes() const { return publishes_; }
  size_t publishes_on_wire() const { return publishes_ - held(); }

  void drop_requests();
  std::vector<uint64_t> take_publishes();  // forgets them; their cookies in the order of sending
  void hold_publishes();                   // a new connection of the same session: all are to be sent again
  size_t held() const { return held_ ? held_->size() : 0; }
  Entry& next_held();  // the oldest; it is the caller's to send (then await) or erase

  void release_if_idle() { table_.release(); }

 private:
  std::vector<protocol::PacketId> publishes_newest_first();

  PacketIdTable<Entry> table_;
  std::unique_ptr<std::vector<protocol::PacketId>> held_;  // newest first; null when none
  uint64_t sequence_ = 0;
  uint32_t publishes_ = 0;
  protocol::PacketId last_id_ = 0;
  protocol::PacketId lowest_id_ = 1;
};

}  // namespace mqtt_sim::client
