// A client, a scripted server and a virtual clock on one line each: tests read as transcripts. The server's packets go
// in as values or as hex, the client's come out as one line of words per packet, events as one line of words each.
#pragma once

#include <deque>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "core/client/client.hpp"
#include "core/protocol/packet.hpp"

namespace mqtt_sim::client {

using Lines = std::vector<std::string>;

std::vector<uint8_t> from_hex(std::string_view hex);  // spaces are ignored
std::string to_hex(ByteView);                         // "10 0c 00 ..."
std::vector<uint8_t> bytes_of(const protocol::Packet&, protocol::ProtocolVersion);
std::string describe(const protocol::Packet&);
std::string describe(const Event&);

// An acknowledgement with success and no properties.
template <class Ack>
Ack ack(protocol::PacketId id) {
  Ack value;
  value.packet_id = id;
  return value;
}
protocol::Publish message(std::string_view topic, std::string_view payload = "", protocol::QoS qos = {},
                          protocol::PacketId id = 0);

class SilentWaker final : public Waker {
  void wake() override {}
};

class Transcript {
 public:
  explicit Transcript(const ClientOptions&, std::string client_id = "c1", uint64_t seed = 1);

  Client client;
  Instant now{std::chrono::hours(1)};

  // Opens the stream the client wishes for, as of now. Its CONNECT stays in the output.
  void open();
  // connect(), stream, CONNECT (discarded) and a CONNACK with success; events are discarded.
  void connect(const protocol::Connack& = {});
  void reopen(const protocol::Connack&);  // the same without connect(); events stay

  void server(const protocol::Packet&);
  void server(std::initializer_list<protocol::Packet>);  // in one read
  void server_hex(std::string_view);
  void server_bytes(ByteView);
  void lose(CloseReason = CloseReason::reset);

  // Moves the clock, firing each deadline on the way; output is left where it is, as if the driver could not write.
  void pass_unwritten(Duration);
  // Moves the clock, firing each deadline on the way; what the client then says is written at that instant and noted.
  void pass(Duration);

  // Grants wish(): closes or aborts. Expects that there is something to grant.
  void grant();

  Lines sent();            // packets written since the last call, including what waits in the output now
  std::string sent_hex();  // likewise, as bytes
  Lines events();          // since the last call

  PublishOutcome publish(std::string_view topic, std::string_view payload, protocol::QoS, uint64_t cookie = 0);
  void subscribe(std::initializer_list<std::string_view> filters, uint64_t cookie);
  void unsubscribe(std::initializer_list<std::string_view> filters, uint64_t cookie);

 private:
  void drain();
  void write();
  void step_to(Instant, bool writes);

  protocol::ProtocolVersion version_;
  SilentWaker waker_;
  std::vector<uint8_t> written_;
  Lines events_;
};

}  // namespace mqtt_sim::client
