// Messages to connected clients by way of the gate: asked about one by one for each receiver, let through in order.
#include <utility>

#include "core/broker/broker.hpp"
#include "core/broker/connection.hpp"
#include "core/broker/message_properties.hpp"
#include "core/protocol/topic.hpp"

namespace mqtt_sim::broker {

using protocol::QoS;
using storage::Delivery;

namespace {

// False: there can be no such message.
bool change(Forwarding::Waiting& waiting, const Rewrite& rewrite, Instant now) {
  if (rewrite.topic && !protocol::is_valid_topic_name(*rewrite.topic)) return false;
  waiting.changed = std::make_unique<Delivery>(waiting.delivery);
  Delivery& changed = *waiting.changed;
  changed.message = rewritten(changed.message, rewrite, now);
  if (rewrite.qos) changed.qos = std::min(changed.qos, *rewrite.qos);
  if (rewrite.retain) changed.retain = *rewrite.retain;
  return true;
}

}  // namespace

bool Broker::forwards_to(const Session& session) const {
  if (!session.connection) return false;
  if (asks(QuestionKind::forward)) return true;
  return session.forwarding && (!session.forwarding->waiting.empty() || session.forwarding->is_in_line);
}

bool Broker::may_ask_about(const Forwarding& forwarding, size_t size) const {
  if (forwarding.is_full()) return false;
  return forwards_.asked == 0 ||
         (forwards_.asked < options_.max_forwards && forwards_.bytes + size <= options_.max_forward_bytes);
}

void Broker::forward(Session& session, Delivery delivery, Instant now) {
  Forwarding& forwarding = session.make_forwarding();
  Outgoing& outgoing = session.make_outgoing();
  const size_t size = delivery.message.size();
  if (outgoing.queued() == 0 && may_ask_about(forwarding, size)) return ask_about(session, std::move(delivery), now);
  if (!make_place(outgoing, size)) {
    ++stats_.dropped_queue_full;
    return overflow(session, now);
  }
  ++stats_.queued;
  outgoing.push(std::move(delivery));
  ask_about_queued(session, now);  // there may have been a queue before there was anybody to ask
}

// Retained messages wait where they are, not in the queue.
bool Broker::may_forward_retained(Session& session, size_t size) {
  Forwarding& forwarding = session.make_forwarding();
  if (session.make_outgoing().queued() == 0 && may_ask_about(forwarding, size)) return true;
  get_in_line(session);
  return false;
}

void Broker::ask_about(Session& session, Delivery delivery, Instant now) {
  ++forwards_.waiting;
  Forwarding::Waiting& waiting = session.forwarding->waiting.push_back({});
  waiting.delivery = std::move(delivery);
  waiting.question = question_numbers_ + 1;
  if (!asks(QuestionKind::forward)) {  // any more
    ++question_numbers_;
    waiting.state = Forwarding::State::may_go;
    return;
  }
  const storage::Message& message = waiting.delivery.message;
  ++forwards_.asked;
  forwards_.bytes += message.size();
  protocol::Publish publish = publish_of(waiting.delivery);
  protocol::PropertyWriter space;
  publish.properties =
      join_properties(publish.properties, {.expires = message.expires(), .identifiers = {}}, now, space);
  ask({.kind = QuestionKind::forward, .connection = session.connection, .publish = &publish},
      {now + options_.gate_timeout, session.connection, &session}, now);
}

void Broker::on_forward_answer(Session& session, uint64_t question, const Answer& answer, Instant now) {
  Forwarding::Waiting& waiting = session.forwarding->find(question);
  --forwards_.asked;
  forwards_.bytes -= waiting.delivery.message.size();
  const Verdict* verdict = answer.verdicts.empty() ? nullptr : &answer.verdicts.front();
  const bool may_go =
      verdict && (verdict->action == Verdict::Action::pass ||
                  (verdict->action == Verdict::Action::rewrite && change(waiting, *verdict->rewrite, now)));
  waiting.state = may_go ? Forwarding::State::may_go : Forwarding::State::withheld;
  if (!may_go) ++stats_.dropped_by_rule;
  session.connection->pump(now);
  let_next_ask(now);
}

bool Broker::pass_on(Session& session, Instant now) {
  do {
    if (!send_forwarded(session, now)) return false;
  } while (ask_about_queued(session, now));
  return true;
}

// Those at the head that have been answered. False: something waits for room in the output.
bool Broker::send_forwarded(Session& session, Instant now) {
  Ring<Forwarding::Waiting>& waiting = session.forwarding->waiting;
  Outgoing& outgoing = session.make_outgoing();
  Connection& connection = *session.connection;
  while (!waiting.empty() && waiting.front().state != Forwarding::State::asked) {
    Forwarding::Waiting& next = waiting.front();
    Delivery& delivery = next.changed ? *next.changed : next.delivery;
    if (next.state == Forwarding::State::may_go && delivery.message.is_expired(now)) {
      ++stats_.dropped_expired;  // [MQTT-3.3.2-5]
    } else if (next.state == Forwarding::State::may_go) {
      const bool is_numbered = delivery.qos != QoS::at_most_once;
      if (is_numbered && !outgoing.may_open()) return true;
      if (!connection.has_room_for(delivery.message.size())) {
        connection.expect_drain(now);
        return false;
      }
      if (is_numbered) {
        connection.send_delivery(outgoing.open(std::move(delivery)), false, now);
      } else {
        connection.send_unnumbered(delivery, now);
      }
    }
    waiting.pop_front();
    --forwards_.waiting;
  }
  return true;
}

// Those that wait in the queue. True: nobody is asked any more, and they may go at once.
bool Broker::ask_about_queued(Session& session, Instant now) {
  Outgoing& outgoing = session.make_outgoing();
  bool has_taken = false;
  while (outgoing.queued() > 0 && may_ask_about(*session.forwarding, outgoing.next_queued().message.size())) {
    ask_about(session, outgoing.take_queued(), now);
    has_taken = true;
  }
  if (outgoing.queued() > 0) get_in_line(session);
  return has_taken && !asks(QuestionKind::forward);
}

// Whoever has no questions of its own open, and may not ask, would not be heard of again.
void Broker::get_in_line(Session& session) {
  Forwarding& forwarding = *session.forwarding;
  if (forwarding.is_full() || std::exchange(forwarding.is_in_line, true)) return;
  forwards_.line.push_back(&session);
}

void Broker::let_next_ask(Instant now) {
  for (size_t left = is_shutting_down_ ? 0 : forwards_.line.size(); left > 0; --left) {
    Session& next = *forwards_.line.front();
    Outgoing& outgoing = next.make_outgoing();
    if (!may_ask_about(*next.forwarding, outgoing.queued() > 0 ? outgoing.next_queued().message.size() : 0)) return;
    forwards_.line.pop_front();
    next.forwarding->is_in_line = false;
    next.connection->pump(now);
  }
}

void Broker::end_forwarding(Session& session, Instant now) {
  const std::unique_ptr<Forwarding> ended = std::move(session.forwarding);
  if (ended->is_in_line) std::erase(forwards_.line, &session);
  Outgoing& outgoing = session.make_outgoing();
  std::vector<Delivery> unsent;
  for (; !ended->waiting.empty(); ended->waiting.pop_front()) {
    Forwarding::Waiting& waiting = ended->waiting.front();
    --forwards_.waiting;
    if (waiting.state == Forwarding::State::asked) {
      --forwards_.asked;
      forwards_.bytes -= waiting.delivery.message.size();
      withdraw(waiting.question);
    }
    if (waiting.state != Forwarding::State::withheld) unsent.push_back(std::move(waiting.delivery));
  }
  while (outgoing.queued() > 0) unsent.push_back(outgoing.take_queued());
  for (Delivery& delivery : unsent) {
    if (delivery.qos == QoS::at_most_once && !options_.queue_qos0) {
      ++stats_.dropped_absent;
    } else {
      outgoing.push(std::move(delivery));
    }
  }
  let_next_ask(now);
}

}  // namespace mqtt_sim::broker
