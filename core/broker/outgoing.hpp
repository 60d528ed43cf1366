// Messages under way to one client (section 4.3, 4.4, 4.9): those with a packet identifier in the order of their first
// sending, then those that wait for a place in the window. Knows states and quotas, no connection and no bytes: the
// connection asks what may go out next and tells which acknowledgements came.
//
//   queued --open--> published --PUBACK--> done                         (QoS 1)
//                    published --PUBREC--> released --PUBCOMP--> done    (QoS 2)
//                    published --PUBREC >= 0x80--> done
//   on a new connection: published --> resend --> published, released stays
//
// Packet identifiers are handed out in sequence, so the identifier gives the place in the ring and acknowledging in
// order is O(1). A place that was acknowledged out of order stays as `done` until those before it are.
#pragma once

#include <cstdint>

#include "core/broker/ring.hpp"
#include "core/storage/session_state.hpp"

namespace mqtt_sim::broker {

class Outgoing {
 public:
  // A connection with this receive maximum begins. What was published before is to be sent again.
  void start(uint16_t window);
  // The connection ended; everything goes back into plain data, in order.
  void save(storage::SessionState& state);
  void restore(storage::SessionState& state);

  bool empty() const { return in_flight_.empty() && queue_.empty(); }
  size_t in_flight() const { return in_flight_.size(); }
  size_t queued() const { return queue_.size(); }
  uint64_t queued_bytes() const { return queued_bytes_; }
  bool has_queued_qos0() const { return queued_qos0_ > 0; }
  bool has_waiting() const { return !queue_.empty() || resend_ != resend_end_; }
  // Nothing waits before a new message, and the window is open.
  bool is_open() const { return !has_waiting() && has_window(); }

  void push(storage::Delivery delivery);  // at the end of the queue
  // Gives `delivery` a packet identifier and a place in flight; is_open() must hold.
  storage::Delivery& open(storage::Delivery delivery);
  // The message to send next: stage `resend` or `queued`; nullptr when nothing waits or the window is closed. One of
  // QoS 0 needs no window and is never in flight.
  storage::Delivery* peek();
  storage::Delivery& advance();  // the one from peek(), now in flight and counted
  void drop();                   // forgets the first one in the queue
  // For who looks at the queue itself, and calls open() when what comes first has been sent again and may_open().
  storage::Delivery& next_queued() { return queue_.front(); }
  storage::Delivery take_queued();
  bool may_open() const { return resend_ == resend_end_ && has_window(); }

  enum class Answer : uint8_t {
    accepted,  // the message moved on
    unknown,   // no message in flight has that identifier
    wrong,     // one has, but waits for another packet: protocol error
  };
  Answer on_puback(protocol::PacketId);
  Answer on_pubrec(protocol::PacketId, bool is_failure);
  Answer on_pubcomp(protocol::PacketId);
  const storage::Delivery* find_published(protocol::PacketId) const;  // that awaits PUBACK or PUBREC, or nullptr
  void forget(protocol::PacketId);                                    // as if acknowledged [MQTT-3.1.2-25]

  // Calls `visit(packet_id)` for each PUBREL that a resumed session owes, in order. [MQTT-4.4.0-1]
  template <class Visit>
  void visit_released(Visit visit) {
    for (size_t i = 0; i < in_flight_.size(); ++i) {
      if (in_flight_[i].stage == storage::Stage::released) visit(in_flight_[i].packet_id);
    }
  }

 private:
  static constexpr uint64_t kPacketIds = 65'535;
  static protocol::PacketId id_of(uint64_t sequence) {
    return static_cast<protocol::PacketId>(1 + sequence % kPacketIds);
  }

  bool has_window() const { return used_ < window_ && in_flight_.size() < kPacketIds; }
  storage::Delivery* find(protocol::PacketId);
  void finish(storage::Delivery&);

  Ring<storage::Delivery> in_flight_;
  Ring<storage::Delivery> queue_;
  uint64_t queued_bytes_ = 0;
  size_t queued_qos0_ = 0;
  uint64_t first_ = 0;   // sequence number of in_flight_'s first place
  uint64_t resend_ = 0;  // sequence numbers [resend_, resend_end_) are still to be looked at after a resumption
  uint64_t resend_end_ = 0;
  uint32_t window_ = 0;  // receive maximum of the connection
  uint32_t used_ = 0;    // of it
};

}  // namespace mqtt_sim::broker
