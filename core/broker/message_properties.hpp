// Which properties of an application message a broker keeps and which it sends (sections 3.3.2.3, 3.1.3.2): user
// properties, content type, response topic, correlation data and the payload format pass unaltered and in order; the
// expiry interval is counted down; topic aliases and subscription identifiers belong to one hop.
#pragma once

#include "core/base/shared_bytes.hpp"
#include "core/protocol/packet.hpp"
#include "core/storage/session_state.hpp"

namespace mqtt_sim::broker {

// `publish` as it is kept from `now` on; its properties hold no topic alias.
storage::Message make_message(const protocol::Publish& publish, Instant now);

// As it goes out, or was; `dup` is for the sender to say. Valid as long as the message.
inline protocol::Publish publish_of(const storage::Delivery& delivery) {
  protocol::Publish publish;
  publish.qos = delivery.qos;
  publish.retain = delivery.retain;
  publish.topic = delivery.message.topic();
  publish.packet_id = delivery.packet_id;
  publish.properties = delivery.message.properties();
  publish.payload = delivery.message.payload();
  return publish;
}

// What goes out beside the message itself and its own properties.
struct AddedProperties {
  Instant expires = kNever;  // of a kept message; kNever when it does not or when the interval is still in the list
  ByteView identifiers;      // encoded subscription identifiers
  uint16_t alias = 0;        // topic alias; 0: none

  bool empty() const { return expires == kNever && identifiers.empty() && alias == 0; }
};

// `own` and `added` together; valid as long as `space` is not touched.
protocol::PropertyList join_properties(protocol::PropertyList own, const AddedProperties& added, Instant now,
                                       protocol::PropertyWriter& space);

// `list` without those of `id`; valid as long as `space` is not touched.
protocol::PropertyList without_property(protocol::PropertyList list, protocol::PropertyId id,
                                        protocol::PropertyWriter& space);

}  // namespace mqtt_sim::broker
