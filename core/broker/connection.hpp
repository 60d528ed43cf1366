// The broker's side of one stream: cuts it into packets, answers them, and puts out what the broker delivers to the
// client. Owned by the Broker. Each kind of inbound packet is handled in its handle_<packet>.cpp, what goes out in
// connection_output.cpp; in connection.cpp are framing, dispatch, keep alive and the end.
//
//   waiting --CONNECT with a method--> authenticating --AUTH--> connected
//   waiting --CONNECT--> connected --DISCONNECT, violation, time-out, take-over, shutdown--> closing --> (closed)
//      '---- anything else, connect timeout ----------------------------------------------> closing
//   closing --close timeout--> aborted
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/driver.hpp"
#include "core/base/endpoint.hpp"
#include "core/base/output_queue.hpp"
#include "core/base/shared_bytes.hpp"
#include "core/broker/gate.hpp"
#include "core/broker/message_properties.hpp"
#include "core/broker/notice.hpp"
#include "core/broker/options.hpp"
#include "core/protocol/framer.hpp"
#include "core/protocol/packet.hpp"
#include "core/storage/session_state.hpp"

namespace mqtt_sim::broker {

class Broker;
class Exchange;
class Listener;
class Outgoing;
struct Session;

class Connection final : public Endpoint {
 public:
  Connection(Broker& broker, Listener& listener, const mqtt_sim::Peer& peer, size_t place, Instant now);
  ~Connection() override;

  // Endpoint.
  void on_open(Waker& waker, const Opening& opening, Instant now) override;
  void on_bytes(ByteView bytes, Instant now) override;
  void on_deadline(Instant now) override;
  void on_closed(CloseReason reason, Instant now) override;
  std::span<const ByteView> output() const override { return output_.views(); }
  void output_sent(size_t n, Instant now) override;
  std::optional<Instant> deadline() const override;
  StreamWish wish() const override;
  bool takes_input() const override { return !is_parked(); }

  // From the broker, while a session is attached; also inside a call on another connection.
  protocol::ProtocolVersion version() const { return version_; }
  Listener& listener() const { return listener_; }        // by which it came in
  bool has_room_for(size_t message_size) const;           // under the output limit
  bool has_room_for_retained(size_t message_size) const;  // under half of it: they leave some for what is new
  // Something found no room: if nothing leaves from now on, the stream is reset after the drain time-out.
  void expect_drain(Instant now);
  // QoS 0: sent, or dropped and counted.
  void send_at_most_once(const protocol::Publish& publish, const AddedProperties& added, Instant now);
  // Whether bytes made for others will do: a client that lets us set topic aliases gets its own.
  bool takes_shared_bytes() const { return !aliases_ || aliases_->sent_maximum == 0; }
  void send_encoded(const SharedBytes& publish, size_t payload_size, Instant now);  // QoS 0, like send_at_most_once
  // QoS 1 and 2: one that is in flight now.
  void send_delivery(storage::Delivery& delivery, bool was_sent, Instant now);
  void send_unnumbered(const storage::Delivery& delivery, Instant now);  // QoS 0, of which has_room_for() is known
  void pump(Instant now);            // what waits in the session, as far as window, output and gate allow
  void take_over(Instant now);       // another connection with this client identifier was accepted
  void end_overflowed(Instant now);  // with its session, but not before the next deadline
  void shut_down(Instant now);
  // From the owner, by the broker.
  void disconnect(protocol::ReasonCode reason, Instant now);
  void cut_off_by_owner(Instant now);
  protocol::ReasonCode subscribe_by_owner(const protocol::SubscribeEntry& entry, Instant now);
  bool unsubscribe_by_owner(std::string_view filter, Instant now);
  // The gate has answered what was asked when the packet was parked.
  void on_answer(Answer answer, Instant now);
  bool is_parked() const { return parked_ && parked_->is_waiting; }
  QuestionKind parked_kind() const { return parked_->kind; }
  // Who this is; complete where the broker has a witness or a gate.
  ClientFacts facts() const;
  const Session* session() const { return session_; }

  size_t place() const { return place_; }  // in the broker's list
  void set_place(size_t place) { place_ = place; }

 private:
  enum class State : uint8_t { waiting, authenticating, connected, closing, aborted };

  // Names for topics that hold on this connection only (section 3.3.2.3.4).
  struct TopicAliases {
    std::vector<std::string> received;  // by alias - 1
    std::map<std::string, uint16_t, std::less<>> sent;
    uint16_t sent_maximum = 0;  // the client's, at most ours
  };

  // Enhanced authentication (section 4.12), from a CONNECT with a method to the end of the stream.
  struct Authentication {
    std::string method;
    std::string user_name;               // whom the client has shown to be
    std::string last_words;              // of the method, for CONNACK
    std::vector<uint8_t> connect;        // body of the CONNECT until it is answered
    std::unique_ptr<Exchange> exchange;  // while one is under way
    uint32_t steps = 0;                  // of it
  };

  // Who arrived, for the rules, and for a listener that takes user names from certificates.
  struct Origin {
    std::string address;
    std::string certificate_name;
    uint64_t number = 0;
    bool clean_start = false;
  };

  // A packet that waits for the gate, with what came after it; then, while it is handled, the answer.
  struct Parked {
    uint64_t question = 0;
    QuestionKind kind{};
    bool is_waiting = true;
    uint8_t first = 0;  // byte of the packet
    std::vector<uint8_t> body;
    std::vector<uint8_t> rest;
    std::vector<Verdict> verdicts;
    bool vouches_for_user = false;
    protocol::PacketId packet_id = 0;  // `published`: the acknowledgement that waits, if the QoS has one
    protocol::PacketType reply{};
    protocol::ReasonCode reason{};
  };

  // What has become of one filter of a SUBSCRIBE.
  struct Subscribed {
    bool is_granted = false;  // and not only said to be
    bool sends_retained = false;
    std::string filter;  // with the options, when retained messages are to follow
    protocol::SubscriptionOptions options;
  };

  void handle(const protocol::Frame& frame, Instant now);
  struct Dispatch;  // one packet to its handler

  void handle_connect(const protocol::Frame& frame, Instant now);  // handle_connect.cpp
  void accept_connect(protocol::Connect& connect, ByteView body, Instant now);
  bool take_certificate_name(protocol::Connect& connect) const;  // false: there is none, and there should be
  void admit(const protocol::Connect& connect, Instant now);
  void start_session(const protocol::Connect& connect, std::string_view client_id, Instant now);
  protocol::ReasonCode check_connect(const protocol::Connect& connect) const;
  bool is_known(const protocol::Connect& connect) const;  // its user name is one, and somebody vouches for it
  protocol::ReasonCode check_offer(const protocol::Connect& connect) const;  // connect_limits.cpp
  protocol::ReasonCode check_will(const protocol::Will& will) const;
  bool is_one_too_many(const protocol::Connect& connect) const;
  void refuse_level(Instant now);
  void refuse_connect(protocol::ReasonCode reason, Instant now);
  void set_limits(const protocol::Connect& connect, Instant now);
  bool send_connack(const protocol::Connect& connect, bool session_present);  // false: too large for the client
  void resume_deliveries(Instant now);

  void begin_authentication(const protocol::Connect& connect, ByteView body, Instant now);  // handle_auth.cpp
  void handle_authenticating(const protocol::Frame& frame, Instant now);
  void handle_auth(const protocol::Auth& auth, Instant now);
  void advance_authentication(std::string_view data, Instant now);
  void finish_authentication(Instant now);
  void send_auth(protocol::ReasonCode reason, std::string_view data);

  void handle_publish(const protocol::Frame& frame, Instant now);  // handle_publish.cpp
  std::optional<protocol::ReasonCode> route(const protocol::Publish& publish, Instant now);
  std::optional<protocol::ReasonCode> route_now(const protocol::Publish& publish, Instant now);
  void handle_at_most_once_by_gate(const protocol::Publish& publish, Instant now);
  void handle_at_least_once(const protocol::Publish& publish, Instant now);
  void handle_exactly_once(const protocol::Publish& publish, Instant now);
  void handle_without_exactly_once(protocol::Publish& publish, OnQos2Publish how, Instant now);
  bool resolve_alias(protocol::Publish& publish, protocol::PropertyWriter& space, Instant now);

  void handle_puback(protocol::PacketId id, Instant now);  // handle_acknowledge.cpp
  void handle_pubrec(const protocol::Pubrec& pubrec, Instant now);
  void handle_pubrel(const protocol::Pubrel& pubrel);
  void handle_pubcomp(protocol::PacketId id, Instant now);
  void reply(protocol::PacketType type, protocol::PacketId id, protocol::ReasonCode reason);

  void handle_subscribe(const protocol::Subscribe& subscribe, Instant now);  // handle_subscribe.cpp
  protocol::ReasonCode subscribe_one(const protocol::SubscribeEntry& entry, size_t index, uint32_t identifier,
                                     Subscribed& subscribed, Instant now);
  protocol::ReasonCode check_filter(std::string_view filter) const;
  protocol::ReasonCode check_features(const protocol::Subscribe& subscribe) const;
  protocol::ReasonCode missing_feature(std::string_view filter) const;
  protocol::ReasonCode subscribe_by_rules(const protocol::SubscribeEntry& asked, uint32_t identifier,
                                          Subscribed& subscribed, Instant now);
  protocol::ReasonCode subscribe_instead(std::string_view asked, const protocol::SubscribeEntry& entry,
                                         uint32_t identifier, Subscribed& subscribed);
  protocol::ReasonCode add_subscription(const protocol::SubscribeEntry& entry, uint32_t identifier,
                                        Subscribed& subscribed);
  void handle_unsubscribe(const protocol::Unsubscribe& unsubscribe, Instant now);
  void handle_disconnect(const protocol::Disconnect& disconnect, Instant now);  // handle_disconnect.cpp

  bool is_foreign(ByteView bytes) const;  // as the first ones: the beginning of no CONNECT
  template <bool kHasGate>                // whether a packet may have to wait
  void take_packets(ByteView bytes, Instant now);
  bool park(const protocol::Frame& frame, Instant now);  // connection_gate.cpp
  bool park_connect(const protocol::Frame& frame, Parked& parked, Instant now);
  bool park_publish(const protocol::Frame& frame, Parked& parked, Instant now);
  bool park_subscribe(const protocol::Frame& frame, Parked& parked, Instant now);
  bool park_reply(const protocol::Publish& publish, protocol::PacketType reply, protocol::ReasonCode reason,
                  Instant now);
  bool waits_to_reply(const protocol::Publish& publish, protocol::PacketType type, protocol::ReasonCode reason,
                      Instant now);
  void keep_for_later(ByteView bytes, Instant now);
  void give_up_question();
  bool is_let_in(Instant now);  // as the gate says; what it says no to is answered
  std::optional<protocol::ReasonCode> route_as_answered(const protocol::Publish& publish, Instant now);
  // The filter of number `index`: false: refused or dropped, with `reason`.
  bool is_granted(size_t index, protocol::SubscribeEntry& entry, protocol::ReasonCode& reason) const;

  void tell(NoticeKind kind, Instant now) const;
  void tell_failed(protocol::ReasonCode reason, std::string_view text, Instant now) const;
  void tell_unsubscribed_all(Instant now) const;
  void tell_acknowledged(protocol::PacketId id, Instant now) const;

  bool pump_queue(Outgoing& outgoing, Instant now);
  // `payload`: that of `publish` when it is long, to be referred to instead of copied.
  bool put_publish(const protocol::Publish& publish, const AddedProperties& added, Instant now,
                   const SharedBytes* payload = nullptr);
  uint16_t choose_alias(std::string_view topic, bool& is_known) const;
  void begin_output();                        // before a packet is appended to output_
  void send(const protocol::Packet& packet);  // any packet off the message path

  void fail(protocol::ReasonCode reason, Instant now);  // the peer broke a rule
  void close(bool with_will, Instant now);
  void close_with(protocol::ReasonCode reason, Instant now);
  void cut_off(Instant now);
  void on_over_limit(Instant now);
  void on_drain_deadline(Instant now);
  void end_half_open();
  bool has_too_many_user_properties(protocol::PropertyList list) const;
  void refuse_user_properties(Instant now);
  void refuse_feature(protocol::ReasonCode reason, Instant now);  // that is switched off, and was told so
  void leave_session(bool with_will, Instant now);
  void check_keep_alive(Instant now);
  Duration keep_alive_grace() const;

  Broker& broker_;
  Listener& listener_;
  Waker* waker_ = nullptr;      // while the stream is open
  Session* session_ = nullptr;  // while connected
  OutputQueue output_;
  std::unique_ptr<TopicAliases> aliases_;           // none unless used
  std::unique_ptr<Authentication> authentication_;  // likewise
  std::unique_ptr<Origin> origin_;                  // kept only when somebody asks for it
  std::unique_ptr<Parked> parked_;                  // likewise
  protocol::Framer framer_;
  Instant last_packet_;
  Instant due_;                 // of what the state waits for; while connected the next look at keep alive
  Instant drain_due_ = kNever;  // when an output that is full and does not drain is given up; moved by expect_drain()
  size_t place_;
  uint32_t maximum_packet_size_ = UINT32_MAX;  // the client's
  uint16_t keep_alive_s_ = 0;
  uint16_t received_ = 0;  // QoS 2 messages of this connection that await PUBREL
  State state_ = State::waiting;
  EndCause cause_ = EndCause::socket;  // why it ends, once it does
  bool is_half_open_ = true;           // no CONNECT accepted yet
  bool is_overflowed_ = false;         // the session's queue is full, and with it the session ends
  protocol::ProtocolVersion version_ = protocol::ProtocolVersion::v3_1_1;
};

}  // namespace mqtt_sim::broker
