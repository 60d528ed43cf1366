#include "core/broker/listener.hpp"

#include "core/broker/broker.hpp"

namespace mqtt_sim::broker {

using protocol::ProtocolVersion;

Endpoint* Listener::on_accept(const Peer& peer, Instant now) { return broker_.accept(*this, peer, now); }
void Listener::release(Endpoint& endpoint) { broker_.release(endpoint); }
std::optional<Instant> Listener::deadline() const { return broker_.deadline(); }
void Listener::on_deadline(Instant now) { broker_.on_deadline(now); }

bool Listener::accepts(ProtocolVersion version) const {
  const Behaviour& behaviour = broker_.behaviour();
  switch (version) {
    case ProtocolVersion::v3_1: return options_.accepts_v3_1 && behaviour.accepts_v3;
    case ProtocolVersion::v3_1_1: return options_.accepts_v3_1_1 && behaviour.accepts_v3;
    case ProtocolVersion::v5_0: return options_.accepts_v5_0 && behaviour.accepts_v5_0;
  }
  return false;
}

}  // namespace mqtt_sim::broker
