// An MQTT client as a machine on one byte stream, for protocol levels 3.1, 3.1.1 and 5.0. It keeps its session across
// streams, answers and repeats what the standard asks for, and reconnects by itself when told to. One driver carries
// it, one owner commands it, both on one thread; thousands live in a process, so an idle one owns no heap but its
// client id, unless it uses topic aliases or enhanced authentication.
//
// Events are pulled: on_bytes() only remembers the bytes, poll_event() decodes the next packet, appends the answer to
// output() and returns what the owner should know. So a received message is never copied. Owner's law: after each on_*
// call, while the bytes are still valid, call poll_event() until it gives nothing. Commands append to output(): give
// them inside a driver's call on the endpoint, or wake the driver afterwards.
//
//   from \ to      connecting      connected   reconnecting            closing                closed
//   idle           connect()
//   connecting                     CONNACK 0   no stream, time-out     refused, time-out,     no stream,
//                                                                      disconnect(), breach   disconnect(), kill()
//   connected                                  stream lost             disconnect(), breach,  stream lost
//                                                                      DISCONNECT, no PINGRESP
//   reconnecting   wait is over                                                               disconnect(), kill()
//   closing                                    stream gone                                    stream gone
//   closed         connect()
//
// It reconnects when reconnect_period is set, unless we ended the connection, another client took the session over
// (0x8E), the server has moved (0x9D), or CONNACK refused who or what we are (0x84 to 0x87, 0x8A, 0x8C): trying again
// would not help. Where a server sends us is in the properties of Refused and Disconnected; to go there is the owner's.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "core/base/endpoint.hpp"
#include "core/base/output_queue.hpp"
#include "core/client/event.hpp"
#include "core/client/inflight.hpp"
#include "core/client/options.hpp"
#include "core/client/packet_id_table.hpp"
#include "core/client/pending.hpp"
#include "core/client/state.hpp"
#include "core/protocol/framer.hpp"
#include "core/protocol/packet.hpp"

namespace mqtt_sim::client {

struct Features;
struct OwedAnswer;

struct PublishRequest {
  std::string_view topic;  // a valid name; may be empty where the owner's alias stands for it
  ByteView payload;
  protocol::QoS qos{};
  bool retain = false;
  protocol::PropertyList properties;  // as a PUBLISH may have them; what a client must not send is refused
  uint64_t cookie = 0;                // comes back in PublishCompleted or PublishDropped; unused for QoS 0
  protocol::PacketId packet_id = 0;   // where the owner keeps the session: one that is not in use
};

enum class PublishOutcome : uint8_t {
  accepted,
  not_connected,
  window_full,           // window() publishes are unacknowledged, or older ones are still to be sent again
  output_full,           // output_limit bytes wait to leave
  too_large,             // for MQTT, or for this server's maximum packet size
  qos_not_supported,     // QoS above this server's maximum
  retain_not_supported,  // this server keeps no messages
  alias_not_usable,      // topic alias above this server's maximum, switched off, or without a topic it stands for
  not_allowed,  // from any client: no topic, properties below 5.0, a subscription identifier, a text that is none
};
const char* to_string(PublishOutcome);
// Whether this server would not take the message now or later.
constexpr bool is_refusal(PublishOutcome outcome) { return outcome >= PublishOutcome::too_large; }

class Client final : public Endpoint {
 public:
  static constexpr Duration kCloseLimit = std::chrono::seconds(5);  // most time to flush before a close; then abort
  static constexpr uint32_t kReplyLimit = 1024 * 1024;  // most bytes of acknowledgements the server may leave unread

  // `seed`: of the reconnect jitter. An empty `client_id` lets the server choose (clean start only).
  Client(const ClientOptions&, std::string client_id, uint64_t seed);
  ~Client() override;

  // Begins a connection, or does nothing while there is one. A reconnect that waits is made at once.
  void connect();
  // DISCONNECT, then close; ends with Disconnected{by_us}. Also ends reconnecting. Below 5.0 reason and properties are
  // not sent, nor is a reason that only a server has; properties that do not fit or are not allowed (a session expiry
  // after none in CONNECT) are left out.
  void disconnect(Instant now, protocol::ReasonCode reason = protocol::ReasonCode::success,
                  const protocol::PropertyList& properties = {});
  // Drops the stream with whatever waits, as a crash would: no DISCONNECT, so the server publishes the will.
  void kill();

  PublishOutcome publish(const PublishRequest&, Instant now);
  // Goes on with an exchange of QoS 2 that ExchangeAdvanced told of; where its connection has ended meanwhile it goes
  // on from there on the next one. [MQTT-4.4.0-1]
  void continue_exchange(protocol::PacketType received, protocol::PacketId, Instant now);
  // Does not send it again when the session is resumed; an exchange of QoS 2 is ended by PUBREL instead. What has been
  // sent already may be acknowledged still.
  void forget_publish(uint64_t cookie);
  // Part of a session that an earlier process has written down: a publish that may have been sent, or was even received
  // (`is_released`: PUBREL is next); a QoS 2 message that was received and not released. Before the first connect(), in
  // the order of sending; only where the owner keeps the session.
  void restore_publish(const PublishRequest&, bool is_released);
  void restore_received(protocol::PacketId);
  // One SUBSCRIBE or UNSUBSCRIBE. Asserts: connected, at least one entry, a packet identifier left (at least
  // Inflight::kRequestReserve requests may wait). What this server has said it does not take is not sent; Subscribed or
  // Unsubscribed then comes from here.
  void subscribe(std::span<const protocol::SubscribeEntry>, uint64_t cookie, Instant now,
                 const protocol::PropertyList& properties = {});
  void unsubscribe(std::span<const std::string_view> filters, uint64_t cookie, Instant now,
                   const protocol::PropertyList& properties = {});

  // Proves again who we are [MQTT-4.12.1-1]; AuthReceived{success} tells that the server agrees, a failure ends the
  // connection. `data`: the first of a method that is the owner's. False: not connected, no method in CONNECT, or one
  // is under way.
  bool reauthenticate(Instant now, std::string_view data = {});
  // The answer to AuthReceived{continue_authentication} of a method that is the owner's. False: none is awaited.
  bool authenticate(std::string_view data, Instant now);

  // Answers a message that the owner acknowledges (ClientOptions::acknowledges_by_owner): PUBACK or PUBREC, below 5.0
  // without the reason, leaves when those of all messages before it have. Tokens are those of this connection: they
  // count from 1, and what is not answered when it ends the server sends again if the session lasts. False: not
  // connected, or answered already, or no such message.
  bool acknowledge(uint64_t token, protocol::ReasonCode reason, Instant now);
  // The owner leaves input unread on purpose: that no PINGRESP has come means nothing.
  void excuse_silence() { ping_outstanding_ = false; }

  std::optional<Event> poll_event();

  State state() const { return state_; }
  std::string_view client_id() const { return client_id_; }  // the one assigned by the server, once it has
  size_t in_flight() const { return inflight_.publishes(); }
  size_t window() const;                                         // most publishes allowed in flight now
  size_t output_size() const { return output_.size(); }          // bytes that wait to leave
  uint32_t unexpected_acks() const { return unexpected_acks_; }  // acknowledgements for nothing in flight

  void on_open(Waker&, const Opening&, Instant now) override;
  void on_bytes(ByteView, Instant now) override;
  void on_deadline(Instant now) override;
  void on_closed(CloseReason, Instant now) override;
  std::span<const ByteView> output() const override { return output_.views(); }
  void output_sent(size_t n, Instant now) override;
  std::optional<Instant> deadline() const override;
  StreamWish wish() const override;

 private:
  enum class Stream : uint8_t {
    none,       // the driver holds nothing for us
    opening,    // wished, not yet there
    open,       // carries our connection
    abandoned,  // given up while opening: the driver may still bring it, or report its end
    unwanted,   // brought after all: to be aborted
  };
  struct Ending {  // while closing
    std::string_view text;
    EndCause cause = EndCause::by_us;
    protocol::ReasonCode reason = protocol::ReasonCode::success;
    std::vector<uint8_t> properties{};  // of what the server said last
  };
  struct Handshake {  // between on_open and CONNACK
    Opening opening;
    Instant connect_sent;
  };
  struct Limits {  // of the server, as CONNACK told them
    uint32_t maximum_packet_size = protocol::Framer::kLargestPacket;
    uint16_t receive_maximum = 65535;
    uint16_t topic_alias_maximum = 0;
    protocol::QoS maximum_qos = protocol::QoS::exactly_once;
    bool retain_available = true;
    bool wildcard_available = true;
    bool shared_available = true;
    bool identifiers_available = true;
  };
  struct ReceivedId {
    protocol::PacketId id = 0;
    bool is_owed = false;  // PUBREC not yet sent
  };
  struct Breach {
    protocol::ReasonCode reason;
    std::string_view text;  // constant
  };
  struct Reply {  // PUBACK, PUBREC, PUBREL or PUBCOMP
    protocol::PacketId packet_id = 0;
    protocol::ReasonCode reason = protocol::ReasonCode::success;
    protocol::PropertyList properties{};
  };

  // client.cpp: the life of connection and session
  bool is_5() const { return options_->version == protocol::ProtocolVersion::v5_0; }
  void enter(State);
  void begin_attempt(Instant connect_deadline);
  void send_connect();
  void send_disconnect(protocol::ReasonCode, const protocol::PropertyList&);
  Expected<size_t> send_if_it_fits(const protocol::Packet&);
  void start_closing(Ending);
  void end_connection(Ending, CloseReason);
  bool may_reconnect(const Ending&, bool was_connected) const;
  Duration draw_reconnect_wait();
  void check_keep_alive(Instant now);
  void drop_session();
  PendingEvents& pending();
  Features& features();

  // client_send.cpp: what the owner sends
  std::optional<PublishOutcome> refusal_of(const protocol::Publish&) const;
  std::optional<PublishOutcome> objection_to_properties(const protocol::Publish&, uint16_t& alias) const;
  bool is_too_large(const protocol::Publish&) const;
  PublishOutcome send_publish(const protocol::Publish& sent, const protocol::Publish& whole, uint64_t cookie);
  void keep(const protocol::Publish&, uint64_t cookie);
  PublishOutcome publish_with_alias(const protocol::Publish&, uint16_t owners_alias, uint64_t cookie);
  PublishOutcome publish_with_owners_alias(const protocol::Publish&, uint16_t alias, uint64_t cookie);
  PublishOutcome publish_with_chosen_alias(const protocol::Publish&, uint64_t cookie);
  protocol::ReasonCode refusal_of(const protocol::Subscribe&) const;
  void send_request(const protocol::Packet&, Inflight::Awaiting, protocol::PacketId, size_t filters, uint64_t cookie,
                    StoredPacket);
  void resend_held();

  bool send_again(Inflight::Entry&);

  // client_auth.cpp: who we are
  void add_authentication(protocol::PropertyWriter& connect_properties);
  std::optional<Event> handle_auth(const protocol::Auth&);
  std::optional<Event> handle_challenge(const protocol::Auth&);
  std::string_view settle_authentication(const protocol::PropertyList&);
  void send_auth(protocol::ReasonCode, std::string_view data);
  std::string draw_nonce();

  // client_receive.cpp: what the server sends
  std::optional<Event> handle(const protocol::Frame&);
  std::optional<Event> handle_packet(const protocol::Packet&);
  std::optional<Event> handle_connack(const protocol::Connack&);
  std::optional<Event> handle_refusal(const protocol::Connack&);
  std::optional<Event> handle_publish(const protocol::Frame&);
  std::optional<Event> handle_reply(protocol::PacketType, const Reply&);
  std::optional<Event> handle_puback(const Reply&);
  std::optional<Event> handle_pubrec(const Reply&);
  std::optional<Event> handle_pubrel(protocol::PacketId);
  std::optional<Event> handle_pubcomp(const Reply&);
  std::optional<Event> handle_suback(const protocol::Suback&);
  std::optional<Event> handle_unsuback(const protocol::Unsuback&);
  std::optional<Event> handle_disconnect(const protocol::Disconnect&);
  std::optional<Event> complete(Inflight::Entry&, const Reply&);
  std::optional<Event> fail(protocol::ReasonCode, std::string_view text);
  std::optional<Breach> settle_properties(protocol::Publish&);
  bool tells_unasked(const protocol::PropertyList&) const;
  void take_limits(const protocol::PropertyList&);
  void reply(protocol::PacketType, protocol::PacketId);
  void reply_not_found(protocol::PacketType, protocol::PacketId);
  std::optional<Event> leave_to_owner(const protocol::Publish&);
  void send_owed(const OwedAnswer&);
  void forget_owed();

  const ClientOptions* options_;
  std::string client_id_;
  uint64_t seed_;

  protocol::Framer framer_;
  OutputQueue output_;
  Inflight inflight_;
  PacketIdTable<ReceivedId> received_;  // QoS 2 received, PUBREL not yet
  std::unique_ptr<Handshake> handshake_;
  std::unique_ptr<PendingEvents> pending_;
  std::unique_ptr<Ending> ending_;      // while closing
  std::unique_ptr<Features> features_;  // of this connection

  Instant now_{};           // of the latest call
  Instant last_sent_{};     // when bytes last left
  Instant timer_ = kNever;  // what it means depends on the state
  Limits limits_;
  uint32_t reply_bytes_ = 0;  // at most this many bytes of acknowledgements wait in output_
  uint32_t unexpected_acks_ = 0;
  uint32_t failures_ = 0;       // attempts since the last CONNACK with success
  uint32_t draws_ = 0;          // from the seed
  uint16_t keep_alive_s_ = 0;   // in force on this connection
  uint16_t acked_in_read_ = 0;  // publishes whose last acknowledgement was written during this on_bytes()
  State state_ = State::idle;
  Stream stream_ = Stream::none;
  bool input_pending_ = false;  // framer_ may hold a packet not yet looked at
  bool was_connected_ = false;  // this connection had its CONNACK
  bool ping_outstanding_ = false;
  bool abort_ = false;             // how to close: drop the stream
  bool stay_closed_ = false;       // the owner ended it: no reconnect
  bool clean_start_sent_ = false;  // in the CONNECT of this connection
  bool resumes_ = false;           // the next CONNECT asks for the session we had
  bool session_persists_ = false;  // it outlives its stream
  bool has_session_ = false;       // an earlier connection of ours left one
};

}  // namespace mqtt_sim::client
