#include "core/load/scripted_client.hpp"

#include <algorithm>
#include <iterator>

#include "core/protocol/decode.hpp"

namespace mqtt_sim::load {
namespace {

using client::PublishOutcome;
using client::State;
using protocol::PacketType;
using protocol::PropertyList;
using protocol::QoS;

constexpr size_t kRequestsLimit = 512;  // SUBSCRIBE and UNSUBSCRIBE under way; the rest waits
constexpr int kTokenBits = 40;          // of a message's number; above them its client's, so that none fits another one
constexpr uint64_t kOwnCookies = uint64_t{1} << 63;  // from here on: requests that no script has made

// The packet identifier of all packets that begin with one.
protocol::PacketId packet_id_of(const protocol::Frame& frame) {
  const bool has_id = frame.type() >= PacketType::puback && frame.type() <= PacketType::unsuback;
  if (!has_id || frame.body.size() < 2) return 0;
  return static_cast<protocol::PacketId>(frame.body[0] << 8 | frame.body[1]);
}

// Where its reason stands, if the packet is one that says a single one.
int reason_of(const protocol::Frame& frame) {
  size_t at = 0;
  switch (frame.type()) {
    case PacketType::connack: at = 1; break;
    case PacketType::puback:
    case PacketType::pubrec:
    case PacketType::pubrel:
    case PacketType::pubcomp: at = 2; break;
    case PacketType::disconnect:
    case PacketType::auth: break;
    default: return -1;
  }
  return frame.body.size() > at ? frame.body[at] : 0;
}

}  // namespace

ScriptedClient::ScriptedClient(ScriptedOptions options, ScriptOwner& owner, uint64_t id)
    : options_(std::move(options)),
      owner_(owner),
      id_(id),
      client_(options_.client, options_.client_id, options_.seed),
      first_token_(id << kTokenBits),
      last_token_(first_token_) {}

// --- orders

void ScriptedClient::connect(Instant now) {
  retry_due_ = kNever;
  ending_.reset();
  client_.connect();
  settle(now);
}

void ScriptedClient::add(Order order, Instant now) {
  const bool has_ended = client_.state() == State::closed && retry_due_ == kNever;
  const auto* publish = std::get_if<PublishOrder>(&order);
  if (has_ended) {
    close_order(order);
  } else if (publish && publish->qos == QoS::at_most_once && !options_.queues_qos0 &&
             client_.state() != State::connected) {
    notes_.push_back(SettledNote{.cookie = publish->cookie, .how = Settlement::lost, .text = "not connected"});
  } else {
    waiting_.push_back(std::move(order));
  }
  settle(now);
}

void ScriptedClient::end(Instant now, Duration patience, protocol::ReasonCode reason, Bytes properties) {
  const bool is_over = client_.state() == State::idle || client_.state() == State::closed;
  retry_due_ = kNever;
  if (is_over) {
    close_orders();
    notes_.push_back(
        EndedNote{client::EndCause::by_us, CloseReason::local, reason, "ended by us", {}, false, true, {}});
  } else {
    ending_ = Ending{patience > kNever - now ? kNever : now + patience, reason, std::move(properties)};
  }
  settle(now);
}

void ScriptedClient::kill(Instant now) {
  const bool is_over = client_.state() == State::idle || client_.state() == State::closed;
  if (is_over) return end(now, {}, protocol::ReasonCode::success, {});
  ending_.reset();
  client_.kill();
  settle(now);
}

void ScriptedClient::acknowledge(uint64_t token, protocol::ReasonCode reason, Instant now) {
  if (token > first_token_) client_.acknowledge(token - first_token_, reason, now);
  settle(now);
}

void ScriptedClient::authenticate(std::string_view data, Instant now) {
  client_.authenticate(data, now);
  settle(now);
}

void ScriptedClient::reauthenticate(std::string_view data, Instant now) {
  client_.reauthenticate(now, data);
  settle(now);
}

void ScriptedClient::note_read(uint64_t messages, uint64_t bytes) {
  unread_messages_ -= std::min(messages, unread_messages_);
  unread_bytes_ -= std::min(bytes, unread_bytes_);
}

bool ScriptedClient::takes_input() const {
  if (options_.unread_messages_limit == 0) return true;
  return unread_messages_ < options_.unread_messages_limit && unread_bytes_ < options_.unread_bytes_limit;
}

// --- what follows from each call

void ScriptedClient::settle(Instant now) {
  drain_events(now);
  if (!again_.empty()) {
    waiting_.insert(waiting_.begin(), std::make_move_iterator(again_.begin()), std::make_move_iterator(again_.end()));
    again_.clear();
  }
  pump(now);
  if (ending_) {
    finish_if_done(now);
    drain_events(now);
  }
  note_state();
  if (!notes_.empty()) owner_.take(*this, notes_);
}

void ScriptedClient::note_state() {
  const State state = client_.state();
  if (state == told_state_) return;
  notes_.push_back(StateNote{told_state_, state});
  told_state_ = state;
}

void ScriptedClient::pump(Instant now) {
  while (!waiting_.empty() && client_.state() == State::connected) {
    if (!std::visit([&](auto& order) { return give(order, now); }, waiting_.front())) break;
    waiting_.pop_front();
  }
  if (!waiting_.empty()) excuse_last(now);
}

// Of what waits only the last order can be new.
void ScriptedClient::excuse_last(Instant now) {
  auto* publish = std::get_if<PublishOrder>(&waiting_.back());
  if (publish && publish->wanted != kNever) owner_.on_left(std::exchange(publish->wanted, kNever), now);
}

// Each gives the order to the client machine. False: not now.
bool ScriptedClient::give(PublishOrder& order, Instant now) {
  const PublishOutcome outcome = client_.publish({order.topic, as_bytes(order.payload), order.qos, order.retain,
                                                  PropertyList(order.properties), order.cookie, order.packet_id},
                                                 now);
  if (client::is_refusal(outcome)) {
    notes_.push_back(SettledNote{.cookie = order.cookie, .how = Settlement::refused, .text = to_string(outcome)});
    return true;
  }
  if (outcome != PublishOutcome::accepted) return false;
  const bool is_at_most_once = order.qos == QoS::at_most_once;
  if (is_at_most_once || order.wanted != kNever) {
    const Instant wanted = std::exchange(order.wanted, kNever);
    unwritten_.push_back({stream_bytes_ + client_.output_size(), order.cookie, wanted, is_at_most_once});
  }
  if (is_at_most_once) return true;
  if (options_.client.session_of_owner) notes_.push_back(SentNote{order.cookie});
  keep_in_flight(std::move(order));
  return true;
}

// What may have arrived must not be ordered again at QoS 2: of that only the name is kept.
void ScriptedClient::keep_in_flight(PublishOrder order) {
  const uint64_t cookie = order.cookie;
  if (order.qos == QoS::exactly_once) {
    PublishOrder name;
    name.cookie = cookie;
    name.qos = order.qos;
    order = std::move(name);
  }
  in_flight_.emplace_hint(in_flight_.end(), cookie, std::move(order));
}

bool ScriptedClient::give(SubscribeOrder& order, Instant now) {
  if (requests_.size() >= kRequestsLimit) return false;
  std::vector<protocol::SubscribeEntry> entries;
  for (const auto& [filter, options] : order.entries) entries.push_back({filter, options});
  client_.subscribe(entries, order.cookie, now, PropertyList(order.properties));
  const uint64_t cookie = order.cookie;
  requests_.emplace(cookie, std::move(order));
  drain_events(now);
  return true;
}

bool ScriptedClient::give(UnsubscribeOrder& order, Instant now) {
  if (requests_.size() >= kRequestsLimit) return false;
  const std::vector<std::string_view> filters(order.filters.begin(), order.filters.end());
  client_.unsubscribe(filters, order.cookie, now, PropertyList(order.properties));
  const uint64_t cookie = order.cookie;
  requests_.emplace(cookie, std::move(order));
  drain_events(now);
  return true;
}

void ScriptedClient::finish_if_done(Instant now) {
  const State state = client_.state();
  const bool is_done = waiting_.empty() && in_flight_.empty() && requests_.empty() && unwritten_.empty();
  const bool may_get_done = state == State::connected || state == State::connecting;
  if (may_get_done && !is_done && now < ending_->due) return;
  const Ending ending = std::move(*std::exchange(ending_, std::nullopt));
  client_.disconnect(now, ending.reason, PropertyList(ending.properties));
}

// A new session knows no subscriptions. They go out before anything that waits.
void ScriptedClient::resubscribe(Instant now) {
  uint64_t cookie = kOwnCookies;
  for (size_t at = 0; at < subscriptions_.size();) {
    SubscribeOrder order{cookie++, {}, subscriptions_[at].properties};
    const size_t most = options_.subscribe_batch > 0 ? options_.subscribe_batch : subscriptions_.size();
    while (at < subscriptions_.size() && order.entries.size() < most &&
           subscriptions_[at].properties == order.properties) {
      order.entries.emplace_back(subscriptions_[at].filter, subscriptions_[at].options);
      ++at;
    }
    if (!give(order, now)) return waiting_.push_front(std::move(order));
  }
}

// Everything still open comes to nothing.
void ScriptedClient::close_orders() {
  lose_unwritten();
  for (const auto& [cookie, publish] : in_flight_) {
    notes_.push_back(SettledNote{.cookie = cookie, .how = Settlement::left, .text = "the client ended first"});
  }
  in_flight_.clear();
  for (const PublishOrder& order : again_) close_order(order);
  again_.clear();
  for (const auto& [cookie, order] : requests_) close_order(order);
  requests_.clear();
  for (const Order& order : waiting_) close_order(order);
  waiting_.clear();
}

void ScriptedClient::close_order(const Order& order) {
  if (const auto* publish = std::get_if<PublishOrder>(&order)) {
    notes_.push_back(SettledNote{.cookie = publish->cookie, .how = Settlement::closed});
    return;
  }
  const uint64_t cookie = std::visit([](const auto& any) { return any.cookie; }, order);
  if (cookie < kOwnCookies) notes_.push_back(AnsweredNote{.cookie = cookie, .is_closed = true});
}

void ScriptedClient::lose_unwritten() {
  for (const Unwritten& one : unwritten_) {
    if (!one.is_settled_by_that) continue;
    notes_.push_back(SettledNote{.cookie = one.cookie, .how = Settlement::lost, .text = "the connection ended first"});
  }
  unwritten_.clear();
}

// The connection is gone and another one follows: requests are made again, before what has not been tried yet.
void ScriptedClient::requeue() {
  for (auto at = requests_.rbegin(); at != requests_.rend(); ++at) {
    if (at->first >= kOwnCookies) {
      needs_resubscribing_ = true;
    } else {
      waiting_.push_front(std::move(at->second));
    }
  }
  requests_.clear();
}

// --- the driver's calls

void ScriptedClient::on_open(Waker& waker, const Opening& opening, Instant now) {
  stream_bytes_ = 0;
  if (is_traced_) trace_ = std::make_unique<Trace>();
  client_.on_open(waker, opening, now);
  settle(now);
}

void ScriptedClient::on_bytes(ByteView bytes, Instant now) {
  if (trace_) trace_packets(trace_->received, bytes, false);
  client_.on_bytes(bytes, now);
  settle(now);
}

void ScriptedClient::on_deadline(Instant now) {
  if (retry_due_ <= now) {
    retry_due_ = kNever;
    client_.connect();
  }
  if (!takes_input()) client_.excuse_silence();
  const auto of_client = client_.deadline();
  if (of_client && *of_client <= now) client_.on_deadline(now);
  settle(now);
}

void ScriptedClient::on_closed(CloseReason reason, Instant now) {
  trace_.reset();
  client_.on_closed(reason, now);
  settle(now);
}

void ScriptedClient::output_sent(size_t n, Instant now) {
  if (trace_) trace_output(n);
  client_.output_sent(n, now);
  stream_bytes_ += n;
  while (!unwritten_.empty() && unwritten_.front().end <= stream_bytes_) {
    const Unwritten& one = unwritten_.front();
    if (one.wanted != kNever) owner_.on_left(one.wanted, now);
    if (one.is_settled_by_that) notes_.push_back(SettledNote{.cookie = one.cookie, .how = Settlement::written});
    unwritten_.pop_front();
  }
  settle(now);
}

std::optional<Instant> ScriptedClient::deadline() const {
  Instant due = std::min(client_.deadline().value_or(kNever), retry_due_);
  if (ending_) due = std::min(due, ending_->due);
  if (due == kNever) return {};
  return due;
}

// --- tracing

void ScriptedClient::trace(bool is_on) {
  is_traced_ = is_on;
  if (!is_on) trace_.reset();
}

void ScriptedClient::trace_output(size_t n) {
  for (const ByteView view : client_.output()) {
    const ByteView part = view.first(std::min(n, view.size()));
    if (part.empty()) return;
    trace_packets(trace_->sent, part, true);
    n -= part.size();
  }
}

void ScriptedClient::trace_packets(protocol::Framer& framer, ByteView bytes, bool is_sent) {
  framer.feed(bytes);
  for (;;) {
    const auto next = framer.next();
    if (next.has_error() || !next->has_value()) return;
    const protocol::Frame& frame = **next;
    TraceNote note{is_sent, frame.first,     static_cast<uint32_t>(frame.body.size()), packet_id_of(frame),
                   {},      reason_of(frame)};
    if (frame.type() == PacketType::publish) {
      if (const auto publish = protocol::decode_publish(frame, options_.client.version)) {
        note.topic = publish->topic;
        note.packet_id = publish->packet_id;
      }
    }
    notes_.push_back(std::move(note));
  }
}

}  // namespace mqtt_sim::load
