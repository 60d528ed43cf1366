#include "core/storage/message.hpp"

#include <new>

#include "core/base/output_queue.hpp"

namespace mqtt_sim::storage {

Message::Message(std::string_view topic, ByteView properties, ByteView payload, protocol::QoS qos, Instant expires) {
  MQTT_SIM_ASSERT(topic.size() <= UINT16_MAX && properties.size() <= UINT32_MAX && payload.size() <= UINT32_MAX);
  const bool is_long = payload.size() >= OutputQueue::kShareFrom;
  const size_t size = topic.size() + properties.size() + (is_long ? 0 : payload.size());
  block_ = new (::operator new(sizeof(Block) + size)) Block{1,
                                                            expires,
                                                            static_cast<uint32_t>(properties.size()),
                                                            static_cast<uint32_t>(payload.size()),
                                                            static_cast<uint16_t>(topic.size()),
                                                            qos,
                                                            is_long ? SharedBytes(payload) : SharedBytes()};
  ByteWriter writer({reinterpret_cast<uint8_t*>(block_ + 1), size});
  writer.put(as_bytes(topic));
  writer.put(properties);
  if (!is_long) writer.put(payload);
}

void Message::free_block(Block* block) {
  block->~Block();
  ::operator delete(block);
}

}  // namespace mqtt_sim::storage
