// Packet identifiers of QoS 2 messages that a client has begun to send and not yet released (section 4.3.3). A bit for
// each identifier: 8 KiB, owned only by sessions that receive QoS 2.
#pragma once

#include <bitset>
#include <cstdint>
#include <vector>

#include "core/protocol/packet.hpp"

namespace mqtt_sim::broker {

class PacketIdSet {
 public:
  bool contains(protocol::PacketId id) const { return bits_[id]; }
  void insert(protocol::PacketId id) {
    if (!bits_[id]) ++size_;
    bits_[id] = true;
  }
  bool erase(protocol::PacketId id) {  // false: was not in
    if (!bits_[id]) return false;
    --size_;
    bits_[id] = false;
    return true;
  }
  std::vector<protocol::PacketId> all() const {
    std::vector<protocol::PacketId> ids;
    for (uint32_t id = 1; ids.size() < size_; ++id) {
      if (bits_[id]) ids.push_back(static_cast<protocol::PacketId>(id));
    }
    return ids;
  }

 private:
  std::bitset<65'536> bits_;
  size_t size_ = 0;
};

}  // namespace mqtt_sim::broker
