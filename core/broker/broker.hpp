// An MQTT broker for 3.1, 3.1.1 and 5.0 as a machine: it takes arriving streams as a Service, hands out a Connection
// for each, and routes messages between them. No socket, clock or thread; `now` comes as an argument and a seed decides
// the client identifiers it assigns. What it must not forget is in the Store it is given, which outlives it.
//
// One thread. A message that comes in on one connection is put into the output of others, which are woken; no other
// endpoint is entered.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/base/driver.hpp"
#include "core/base/random.hpp"
#include "core/broker/authenticator.hpp"
#include "core/broker/gate.hpp"
#include "core/broker/listener.hpp"
#include "core/broker/notice.hpp"
#include "core/broker/options.hpp"
#include "core/broker/profile.hpp"
#include "core/broker/retained.hpp"
#include "core/broker/route.hpp"
#include "core/broker/rule_chain.hpp"
#include "core/broker/session_registry.hpp"
#include "core/broker/stats.hpp"
#include "core/broker/sys_topics.hpp"

namespace mqtt_sim::broker {

class Connection;

class Broker final : public Service {
 public:
  Broker(BrokerOptions options, storage::Store& store, uint64_t seed);
  ~Broker() override;
  Broker(const Broker&) = delete;
  Broker& operator=(const Broker&) = delete;

  // Service.
  Endpoint* on_accept(const Peer& peer, Instant now) override;
  void release(Endpoint& endpoint) override;
  std::optional<Instant> deadline() const override;
  void on_deadline(Instant now) override;

  // For the owner.
  // One more way in, with options of its own; it lasts as long as the broker, which is itself the default one.
  Listener& add_listener(ListenerOptions options);
  // A message from nobody in particular. Result: success, no_matching_subscribers, or why it was refused.
  protocol::ReasonCode publish(const protocol::Publish& publish, Instant now) {
    return route(publish, nullptr, now).reason;
  }
  // What the witness is told from now on; nothing at the beginning.
  void watch(NoticeKinds kinds);
  // What the gate is asked from now on; nothing at the beginning. Packets that wait go on waiting.
  void ask_about(QuestionKinds kinds);
  // Of a question; one that was given up, or whose client is gone, is passed over.
  void answer(uint64_t question, Answer answer, Instant now);
  // Clients by hand, see owner.cpp. `number` of a connection, or 0 for whatever has that client identifier; what is
  // not there answers session_taken_over or, where a bool is the result, false.
  void visit_clients(const std::function<void(const Connection&)>& visit) const;
  bool disconnect(std::string_view client_id, uint64_t number, protocol::ReasonCode reason, Instant now);
  bool cut_off(std::string_view client_id, uint64_t number, Instant now);  // as if its network had failed
  // Those who gave one of these user names themselves; where certificates name the users nobody has.
  void disconnect_users(const std::vector<std::string>& user_names, protocol::ReasonCode reason, Instant now);
  const Session* find_session(std::string_view client_id, uint64_t number);
  protocol::ReasonCode publish_to(std::string_view client_id, uint64_t number, const protocol::Publish&, Instant now);
  protocol::ReasonCode subscribe_for(std::string_view client_id, uint64_t number, const protocol::SubscribeEntry& entry,
                                     Instant now);
  bool unsubscribe_for(std::string_view client_id, uint64_t number, std::string_view filter, Instant now);
  size_t empty_queue(std::string_view client_id, uint64_t number);  // messages that waited
  // Tells every client that the server goes away and wishes their streams closed; nothing is accepted any more. Wills
  // are not published: nobody is left to be told.
  void shutdown(Instant now);
  Stats stats() const;
  const BrokerOptions& options() const { return options_; }

  // For the listeners and connections.
  Endpoint* accept(Listener& listener, const Peer& peer, Instant now);  // nullptr: too many streams
  const Behaviour& behaviour() const { return behaviour_; }
  Stats& counters() { return stats_; }
  SessionRegistry& sessions() { return sessions_; }
  bool is_shutting_down() const { return is_shutting_down_; }
  std::string assign_client_id();  // [MQTT-3.1.3-6]

  struct Routed {
    protocol::ReasonCode reason{};
    bool ends_connection = false;  // a rule wants the publisher gone
  };
  // A message from the client of `publisher`. Views last for the call.
  Routed route(const protocol::Publish& publish, const Session* publisher, Instant now, bool is_will = false) {
    if (is_overseen_) return route_by_rules(publish, publisher, now, is_will);
    return {send_to_subscribers(publish, publisher, now)};
  }
  // One message to one session: sent, queued, kept, or dropped and counted. QoS 0 only when it is to be queued.
  void deliver(Session& session, storage::Delivery delivery, Instant now);
  // The retained messages for a new subscription, as far as its client has room for them; feed_retained() goes on.
  void send_retained(Session& session, const protocol::SubscribeEntry& entry, uint32_t identifier, Instant now);
  void feed_retained(Session& session, Instant now);
  // A message to a session that forwards_to(): the gate is asked whether it may go. pass_on() sends what may, and asks
  // about more; false: something waits for room in the output.
  bool is_forwarding() const { return asks(QuestionKind::forward) || forwards_.waiting > 0; }
  bool forwards_to(const Session& session) const;
  void forward(Session& session, storage::Delivery delivery, Instant now);
  bool pass_on(Session& session, Instant now);

  // The client of `session` is gone: its will is published, delayed or forgotten; the session is kept or ended.
  void leave(Session& session, bool with_will, Instant now);
  void end(Session& session, Instant now);

  bool has_rules() const { return !options_.rules.empty(); }
  bool vouches_for_users() const;  // some rule does
  bool is_watching(NoticeKind kind) const { return watched_.has(kind); }
  void tell(const Notice& notice, Instant now) { options_.witness->on_notice(notice, now); }
  bool keeps_facts() const { return options_.witness || options_.gate; }  // of clients: who they are
  bool has_gate() const { return has_gate_; }                             // since it was first asked anything
  bool asks(QuestionKind kind) const { return asked_.has(kind); }
  uint64_t ask(Question question, Connection& connection, Instant now) {  // its number
    return ask(question, {now + options_.gate_timeout, &connection, nullptr}, now);
  }
  void withdraw(uint64_t question) { questions_.erase(question); }
  uint64_t next_connection_number() { return ++connection_numbers_; }
  Verdict ask_rules(Event& event, Changes& changes, Instant now) {
    return broker::ask_rules(options_.rules, event, changes, now);
  }
  // Whether `publish`, with the QoS and retain it would be sent with, may go to `session`; `changes` says how.
  bool may_deliver(const Session& session, const protocol::Publish& publish, Changes& changes, Instant now);
  Authenticator* find_authenticator(std::string_view method) const;

 private:
  Routed route_by_rules(const protocol::Publish& publish, const Session* publisher, Instant now, bool is_will);
  protocol::ReasonCode send_to_subscribers(const protocol::Publish& publish, const Session* publisher, Instant now);
  void tell_published(const protocol::Publish& publish, const Session* publisher, Instant now);
  Session* find_session_of(std::string_view client_id, uint64_t number);
  void answer_overdue(Instant now);
  void conclude(Session& session, bool with_will, Instant now);
  void publish_will(Session& session, Instant now);
  void tell_sys_topics(Instant now);
  bool make_place(Outgoing& outgoing, size_t size);  // deliver.cpp
  void overflow(Session& session, Instant now);
  bool begin_next_retained(RetainedFeed& feed, Instant now);  // retained_feed.cpp
  bool send_one_retained(const Subscription& to, const storage::Message& message, Instant now);
  protocol::QoS retained_qos(const Subscription& to, const storage::Message& message) const;
  std::optional<storage::Delivery> make_retained_delivery(const Subscription& to, const storage::Message& message,
                                                          Instant now);
  void queue_rest_of_retained(Session& session, Instant now);

  bool may_ask_about(const Forwarding& forwarding, size_t size) const;  // forward.cpp
  bool may_forward_retained(Session& session, size_t size);
  void ask_about(Session& session, storage::Delivery delivery, Instant now);
  void on_forward_answer(Session& session, uint64_t question, const Answer& answer, Instant now);
  bool send_forwarded(Session& session, Instant now);
  bool ask_about_queued(Session& session, Instant now);
  void get_in_line(Session& session);
  void let_next_ask(Instant now);
  void end_forwarding(Session& session, Instant now);

  // Who waits for an answer of the gate: the client whose packet it is, or the session that a message is for.
  struct Asker {
    Instant due{};
    Connection* connection = nullptr;
    Session* session = nullptr;
  };
  uint64_t ask(Question question, const Asker& asker, Instant now);

  // Messages that wait in all sessions' Forwarding.
  struct Forwards {
    uint64_t waiting = 0;
    uint64_t asked = 0;         // of them, without an answer yet
    uint64_t bytes = 0;         // of those
    std::deque<Session*> line;  // who may ask next
  };

  const BrokerOptions options_;
  const Behaviour behaviour_;
  storage::Store& store_;
  Random random_;
  Stats stats_;
  SubscriptionIndex index_;
  RouteCache routes_;
  Retained retained_;
  SessionRegistry sessions_;
  SysTopics sys_topics_;
  Listener default_listener_;
  std::vector<std::unique_ptr<Listener>> listeners_;      // the added ones
  std::vector<std::unique_ptr<Connection>> connections_;  // each knows its place
  bool is_shutting_down_ = false;
  bool is_overseen_ = false;  // messages go by rules, or are told
  bool has_gate_ = false;
  NoticeKinds watched_;
  QuestionKinds asked_;
  uint64_t connection_numbers_ = 0;
  uint64_t question_numbers_ = 0;
  std::map<uint64_t, Asker> questions_;  // the oldest falls due first
  Forwards forwards_;
  const Connection* leaving_ = nullptr;  // while its will is published
};

}  // namespace mqtt_sim::broker
