// What the owner of a broker does by hand: listens in, decides what a gate was asked, and takes single clients by the
// collar. All of it between two calls of the driver.
#include <algorithm>
#include <set>

#include "core/broker/broker.hpp"
#include "core/broker/connection.hpp"
#include "core/broker/message_properties.hpp"

namespace mqtt_sim::broker {

using protocol::Publish;
using protocol::QoS;
using protocol::ReasonCode;

void Broker::watch(NoticeKinds kinds) {
  watched_ = options_.witness ? kinds : NoticeKinds();
  is_overseen_ = has_rules() || watched_.has(NoticeKind::published);
}

void Broker::tell_published(const Publish& publish, const Session* publisher, Instant now) {
  const Connection* connection = publisher ? publisher->connection : nullptr;
  if (publisher && !connection) connection = leaving_;
  tell({.kind = NoticeKind::published, .connection = connection, .publish = &publish}, now);
}

void Broker::ask_about(QuestionKinds kinds) {
  asked_ = options_.gate ? kinds : QuestionKinds();
  has_gate_ = has_gate_ || !asked_.empty();
}

uint64_t Broker::ask(Question question, const Asker& asker, Instant now) {
  question.number = ++question_numbers_;
  questions_.emplace(question.number, asker);
  options_.gate->ask(question, now);
  return question.number;
}

void Broker::answer(uint64_t question, Answer answer, Instant now) {
  const auto found = questions_.find(question);
  if (found == questions_.end()) return;
  const Asker asker = found->second;
  questions_.erase(found);
  if (asker.session) return on_forward_answer(*asker.session, question, answer, now);
  asker.connection->on_answer(std::move(answer), now);
}

// What the gate has not answered in time is refused; a message that was routed is acknowledged, or does not go on.
void Broker::answer_overdue(Instant now) {
  while (!questions_.empty() && questions_.begin()->second.due <= now) {
    const auto [number, asker] = *questions_.begin();
    const Connection& connection = *asker.connection;
    const bool is_connect =
        !asker.session && connection.is_parked() && connection.parked_kind() == QuestionKind::connect;
    ++stats_.gate_timeouts;
    Answer refusal;
    refusal.verdicts.push_back(
        Verdict::refuse(is_connect ? ReasonCode::server_unavailable : ReasonCode::implementation_specific_error));
    answer(number, std::move(refusal), now);
  }
}

void Broker::visit_clients(const std::function<void(const Connection&)>& visit) const {
  for (const auto& connection : connections_) {
    if (connection->session()) visit(*connection);
  }
}

Session* Broker::find_session_of(std::string_view client_id, uint64_t number) {
  Session* session = sessions_.find(client_id);
  if (!session || number == 0) return session;
  return session->connection && session->connection->facts().number == number ? session : nullptr;
}

const Session* Broker::find_session(std::string_view client_id, uint64_t number) {
  return find_session_of(client_id, number);
}

bool Broker::disconnect(std::string_view client_id, uint64_t number, ReasonCode reason, Instant now) {
  Session* session = find_session_of(client_id, number);
  if (!session || !session->connection) return false;
  session->connection->disconnect(reason, now);
  return true;
}

bool Broker::cut_off(std::string_view client_id, uint64_t number, Instant now) {
  Session* session = find_session_of(client_id, number);
  if (!session || !session->connection) return false;
  session->connection->cut_off_by_owner(now);
  return true;
}

void Broker::disconnect_users(const std::vector<std::string>& user_names, ReasonCode reason, Instant now) {
  const std::set<std::string_view> names(user_names.begin(), user_names.end());
  for (const auto& connection : connections_) {
    const Session* session = connection->session();
    if (!session || !session->user_name || !names.contains(*session->user_name)) continue;
    if (!connection->listener().options().certificate_name_as_user) connection->disconnect(reason, now);
  }
}

// Past subscriptions, rules and retained messages.
ReasonCode Broker::publish_to(std::string_view client_id, uint64_t number, const Publish& original, Instant now) {
  Session* session = find_session_of(client_id, number);
  if (!session) return ReasonCode::session_taken_over;
  Publish publish = original;
  publish.dup = false;
  publish.packet_id = 0;
  if (forwards_to(*session)) {
    forward(*session, {.message = make_message(publish, now), .qos = publish.qos, .retain = publish.retain}, now);
  } else if (publish.qos != QoS::at_most_once) {
    deliver(*session, {.message = make_message(publish, now), .qos = publish.qos, .retain = publish.retain}, now);
  } else if (session->connection) {
    session->connection->send_at_most_once(publish, {}, now);
  } else {
    ++stats_.dropped_absent;
    return ReasonCode::session_taken_over;
  }
  return ReasonCode::success;
}

ReasonCode Broker::subscribe_for(std::string_view client_id, uint64_t number, const protocol::SubscribeEntry& entry,
                                 Instant now) {
  Session* session = find_session_of(client_id, number);
  if (!session || !session->connection) return ReasonCode::session_taken_over;
  return session->connection->subscribe_by_owner(entry, now);
}

bool Broker::unsubscribe_for(std::string_view client_id, uint64_t number, std::string_view filter, Instant now) {
  Session* session = find_session_of(client_id, number);
  return session && session->connection && session->connection->unsubscribe_by_owner(filter, now);
}

size_t Broker::empty_queue(std::string_view client_id, uint64_t number) {
  Session* session = find_session_of(client_id, number);
  if (!session || !session->outgoing) return 0;
  const size_t waiting = session->outgoing->queued();
  while (session->outgoing->queued() > 0) session->outgoing->drop();
  return waiting;
}

}  // namespace mqtt_sim::broker
