// One application message as a broker keeps it: topic name, properties, payload and the instant it expires, in one
// block of memory shared by every session that still has to deliver it (and by the retained store); a long payload in a
// block of its own, which outputs can share as well. Immutable. The count of owners is not atomic: all of them live on
// one thread.
#pragma once

#include <cstdint>
#include <string_view>

#include "core/base/bytes.hpp"
#include "core/base/shared_bytes.hpp"
#include "core/base/time.hpp"
#include "core/protocol/packet.hpp"

namespace mqtt_sim::storage {

class Message {
 public:
  Message() = default;  // holds nothing; only assignment and operator bool may touch it
  // `properties`: encoded, without topic alias and message expiry interval; `expires` stands for the latter.
  Message(std::string_view topic, ByteView properties, ByteView payload, protocol::QoS qos, Instant expires);
  Message(const Message& other) : block_(other.block_) {
    if (block_) ++block_->owners;
  }
  Message(Message&& other) noexcept : block_(other.block_) { other.block_ = nullptr; }
  Message& operator=(Message other) noexcept {
    Block* mine = block_;
    block_ = other.block_;
    other.block_ = mine;
    return *this;
  }
  ~Message() {
    if (block_ && --block_->owners == 0) free_block(block_);
  }

  explicit operator bool() const { return block_ != nullptr; }
  std::string_view topic() const { return {text(), block_->topic_size}; }
  protocol::PropertyList properties() const {
    return protocol::PropertyList(as_bytes({text() + block_->topic_size, block_->properties_size}));
  }
  ByteView payload() const {
    if (block_->long_payload) return block_->long_payload.view();
    return as_bytes({text() + block_->topic_size + block_->properties_size, block_->payload_size});
  }
  const SharedBytes& long_payload() const { return block_->long_payload; }  // nothing when the payload is short
  protocol::QoS qos() const { return block_->qos; }
  Instant expires() const { return block_->expires; }  // kNever when it does not
  bool is_expired(Instant now) const { return block_->expires <= now; }
  // Bytes it takes: what limits in bytes count.
  size_t size() const { return block_->topic_size + block_->properties_size + block_->payload_size; }

 private:
  struct Block {
    size_t owners;
    Instant expires;
    uint32_t properties_size;
    uint32_t payload_size;
    uint16_t topic_size;
    protocol::QoS qos;
    SharedBytes long_payload;
  };
  static void free_block(Block*);
  const char* text() const { return reinterpret_cast<const char*>(block_ + 1); }

  Block* block_ = nullptr;
};

}  // namespace mqtt_sim::storage
