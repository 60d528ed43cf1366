// The part of a device that stamps what its script wants to have measured, and reads the stamps of what it receives:
// the script is given the message as it was before its sender stamped it, and how long it took.
#include <array>

#include "core/load/device.hpp"
#include "core/load/fleet.hpp"
#include "core/load/stamp.hpp"
#include "core/protocol/property.hpp"

namespace mqtt_sim::load {
namespace {

using metrics::Metric;

// Type, two lengths, name and digits.
constexpr size_t kStampPropertySize = 1 + 2 + kStampProperty.size() + 2 + kStampTextSize;

// Takes the user property with the stamp out of the message's properties.
void remove_stamp_property(MessageNote& note) {
  const size_t name = note.properties().find(kStampProperty);
  if (name == std::string_view::npos || name < 3) return;
  note.block.erase(note.topic_size + name - 3, kStampPropertySize);
  note.properties_size -= static_cast<uint32_t>(kStampPropertySize);
}

}  // namespace

void Device::stamp(PublishOrder& order, Instant now) {
  Stamp stamp;
  stamp.run = fleet_.context_.run_id;
  stamp.stream = static_cast<uint32_t>(fleet_.context_.topology.streams().size() + number() - 1);
  stamp.sequence = stamped_++;
  stamp.intended = *order.intended;
  stamp.sent = now;
  if (plan().client.version == protocol::ProtocolVersion::v5_0) {
    std::array<uint8_t, kStampTextSize> text;
    write_stamp_text(stamp, text);
    protocol::PropertyWriter writer;
    writer.user_property(kStampProperty, as_text(text));
    const ByteView encoded = writer.list().encoded();
    order.properties.insert(order.properties.end(), encoded.begin(), encoded.end());
  } else if (takes_stamp_member(order.payload)) {
    append_stamp_member(stamp, order.payload);
  } else {
    append_stamp(stamp, order.payload);
  }
}

void Device::read_stamp(MessageNote& note) {
  protocol::Publish publish;
  publish.payload = as_bytes(note.payload());
  publish.properties = protocol::PropertyList(as_bytes(note.properties()));
  const auto stamp = find_stamp(publish);
  if (!stamp || stamp->run != fleet_.context_.run_id) return;
  const Instant now = fleet_.driver_->now();
  note.latency = now - stamp->intended;
  fleet_.note_stamped(*stamp, now);
  const size_t cut = cut_stamp(note.block, note.payload().size());
  if (cut == 0) remove_stamp_property(note);
  client_.note_read(0, cut);  // the script will never see these bytes
}

}  // namespace mqtt_sim::load
