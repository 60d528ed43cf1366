// Packets that the gate decides about: parked with all that comes after them, and handled when the answer is there.
#include <utility>
#include <variant>

#include "core/broker/broker.hpp"
#include "core/broker/connection.hpp"
#include "core/protocol/decode.hpp"
#include "core/protocol/topic.hpp"

namespace mqtt_sim::broker {

using protocol::Frame;
using protocol::PacketType;
using protocol::ReasonCode;

// The driver does not read on, but what it has read already comes.
void Connection::keep_for_later(ByteView bytes, Instant now) {
  constexpr size_t kReadAlready = 1u << 20;
  if (parked_->rest.size() + bytes.size() > broker_.options().max_packet_size + kReadAlready) {
    return fail(ReasonCode::receive_maximum_exceeded, now);
  }
  parked_->rest.insert(parked_->rest.end(), bytes.begin(), bytes.end());
}

// Whether the packet waits. One that is not as it should be does not: it is handled, and that is its end.
bool Connection::park(const Frame& frame, Instant now) {
  auto parked = std::make_unique<Parked>();
  parked->first = frame.first;
  const bool is_new = state_ == State::waiting;
  bool waits = false;
  switch (frame.type()) {
    case PacketType::connect: waits = is_new && park_connect(frame, *parked, now); break;
    case PacketType::publish: waits = state_ == State::connected && park_publish(frame, *parked, now); break;
    case PacketType::subscribe: waits = state_ == State::connected && park_subscribe(frame, *parked, now); break;
    default: break;
  }
  if (!waits) return false;
  parked->body.assign(frame.body.begin(), frame.body.end());
  parked_ = std::move(parked);
  return true;
}

bool Connection::park_connect(const Frame& frame, Parked& parked, Instant now) {
  if (!broker_.asks(QuestionKind::connect)) return false;
  auto packet = protocol::decode(frame, version_);
  if (!packet) return false;
  protocol::Connect& connect = std::get<protocol::Connect>(*packet);
  if (!listener_.accepts(connect.version) || !take_certificate_name(connect)) return false;
  version_ = connect.version;
  keep_alive_s_ = connect.keep_alive_s;
  origin_->clean_start = connect.clean_start;
  parked.kind = QuestionKind::connect;
  parked.question = broker_.ask({.kind = parked.kind, .connection = this, .connect = &connect}, *this, now);
  return true;
}

bool Connection::park_publish(const Frame& frame, Parked& parked, Instant now) {
  if (!broker_.asks(QuestionKind::publish)) return false;
  auto publish = protocol::decode_publish(frame, version_);
  if (!publish) return false;
  const bool was_routed = publish->qos == protocol::QoS::exactly_once && session_->received &&
                          session_->received->contains(publish->packet_id);
  if (was_routed) return false;
  if (publish->topic.empty()) {
    const auto alias = publish->properties.number(protocol::PropertyId::topic_alias).value_or(0);
    if (alias == 0 || !aliases_ || alias > aliases_->received.size()) return false;
    publish->topic = aliases_->received[alias - 1];
    if (publish->topic.empty()) return false;
  }
  parked.kind = QuestionKind::publish;
  parked.question = broker_.ask({.kind = parked.kind, .connection = this, .publish = &*publish}, *this, now);
  return true;
}

bool Connection::park_subscribe(const Frame& frame, Parked& parked, Instant now) {
  if (!broker_.asks(QuestionKind::subscribe)) return false;
  const auto packet = protocol::decode(frame, version_);
  if (!packet) return false;
  const auto& subscribe = std::get<protocol::Subscribe>(*packet);
  parked.kind = QuestionKind::subscribe;
  parked.question = broker_.ask({.kind = parked.kind, .connection = this, .subscribe = &subscribe}, *this, now);
  return true;
}

// A message was routed: its acknowledgement, and all that comes after it, waits until the gate has seen it.
bool Connection::park_reply(const protocol::Publish& publish, PacketType reply, ReasonCode reason, Instant now) {
  if (is_failure(reason)) return false;
  auto parked = std::make_unique<Parked>();
  parked->kind = QuestionKind::published;
  parked->reply = reply;
  parked->packet_id = publish.packet_id;
  parked->reason = reason;
  parked->question = broker_.ask({.kind = parked->kind, .connection = this, .publish = &publish}, *this, now);
  if (parked_) parked->rest = std::move(parked_->rest);
  parked_ = std::move(parked);
  return true;
}

void Connection::on_answer(Answer answer, Instant now) {
  if (state_ > State::connected || !is_parked()) return;
  last_packet_ = now;
  parked_->is_waiting = false;
  parked_->verdicts = std::move(answer.verdicts);
  parked_->vouches_for_user = answer.vouches_for_user;
  const std::vector<uint8_t> body = std::move(parked_->body);
  std::vector<uint8_t> rest = std::move(parked_->rest);
  if (parked_->kind == QuestionKind::published) {
    const std::unique_ptr<Parked> parked = std::move(parked_);
    if (parked->packet_id != 0) reply(parked->reply, parked->packet_id, parked->reason);
  } else {
    handle({parked_->first, body}, now);
  }
  if (is_parked()) {
    parked_->rest = std::move(rest);
  } else {
    parked_.reset();
    if (state_ <= State::connected && !rest.empty()) take_packets<true>(rest, now);
  }
  if (waker_) waker_->wake();  // what it takes has changed
}

// Nobody will care what the gate says, if it was asked.
void Connection::give_up_question() {
  if (!is_parked()) return;
  broker_.withdraw(parked_->question);
  parked_.reset();
}

bool Connection::is_let_in(Instant now) {
  MQTT_SIM_ASSERT(!parked_->verdicts.empty());
  const Verdict& verdict = parked_->verdicts.front();
  if (verdict.action == Verdict::Action::pass || verdict.action == Verdict::Action::rewrite) return true;
  cause_ = EndCause::refused;
  if (verdict.action == Verdict::Action::refuse) {
    refuse_connect(verdict.reason, now);
  } else {
    tell_failed(ReasonCode::not_authorized, "not let in", now);
    close(false, now);
  }
  return false;
}

bool Connection::is_granted(size_t index, protocol::SubscribeEntry& entry, ReasonCode& reason) const {
  if (parked_->kind != QuestionKind::subscribe) return true;
  reason = ReasonCode::not_authorized;
  if (index >= parked_->verdicts.size()) return false;
  const Verdict& verdict = parked_->verdicts[index];
  switch (verdict.action) {
    case Verdict::Action::pass: return true;
    case Verdict::Action::drop: reason = static_cast<ReasonCode>(entry.options.qos); return false;
    case Verdict::Action::rewrite: break;
    default: reason = verdict.reason; return false;
  }
  if (verdict.rewrite->topic) entry.filter = *verdict.rewrite->topic;
  if (verdict.rewrite->qos) entry.options.qos = std::min(entry.options.qos, *verdict.rewrite->qos);
  return true;
}

}  // namespace mqtt_sim::broker
