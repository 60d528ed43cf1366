// The part of ScriptedClient that takes what the client machine tells, and makes notes of it.
#include <algorithm>

#include "core/load/scripted_client.hpp"

namespace mqtt_sim::load {

using client::EndCause;
using client::State;
using protocol::QoS;

void ScriptedClient::drain_events(Instant now) {
  while (const auto event = client_.poll_event()) {
    note_state();
    std::visit([&](const auto& one) { handle(one, now); }, *event);
  }
}

void ScriptedClient::handle(const client::Connected& event, Instant now) {
  was_refused_ = false;
  first_token_ = last_token_;
  notes_.push_back(ConnectedNote{event.session_present, std::string(client_.client_id()),
                                 copy_of(event.properties.encoded()), event.opening, event.connect_sent});
  const bool is_needed = !event.session_present || needs_resubscribing_;
  needs_resubscribing_ = false;
  if (options_.resubscribes && is_needed) resubscribe(now);
}

void ScriptedClient::handle(const client::Refused& event, Instant) {
  was_refused_ = true;
  notes_.push_back(RefusedNote{event.reason, event.code, copy_of(event.properties.encoded())});
}

void ScriptedClient::handle(const client::Disconnected& event, Instant now) {
  if (std::exchange(gives_up_, false)) return;
  const Duration period = options_.client.reconnect_period;
  const bool was_refused = std::exchange(was_refused_, false);
  const bool may_retry = period > Duration::zero() && event.cause != EndCause::by_us && !ending_;
  if (was_refused && may_retry && options_.retry_refused == RetryRefused::always && client_.state() == State::closed) {
    retry_due_ = now + period;
  }
  const bool is_over = ending_ || (was_refused && options_.retry_refused == RetryRefused::never);
  if (is_over && client_.state() == State::reconnecting) {
    gives_up_ = true;
    client_.disconnect(now);
    ending_.reset();
    note_state();
  }
  const bool is_final = client_.state() == State::closed && retry_due_ == kNever;
  // What happened comes before what it leads to: all that is still open ends with a client that has ended.
  lose_unwritten();
  if (is_final) {
    ending_.reset();
    close_orders();
  } else {
    requeue();
  }
  notes_.push_back(EndedNote{event.cause, event.close, event.reason, std::string(event.text),
                             event.cause == EndCause::stream ? std::string(owner_.close_detail()) : std::string(),
                             event.was_connected, is_final, copy_of(event.properties.encoded())});
  if (!is_final && !event.was_connected) owner_.on_attempt_failed(*this);
}

void ScriptedClient::handle(const client::MessageReceived& event, Instant) {
  const protocol::Publish& publish = event.publish;
  const std::string_view properties = as_text(publish.properties.encoded());
  const std::string_view payload = as_text(publish.payload);
  MessageNote note;
  note.block.reserve(publish.topic.size() + properties.size() + payload.size());
  note.block.append(publish.topic).append(properties).append(payload);
  note.topic_size = static_cast<uint32_t>(publish.topic.size());
  note.properties_size = static_cast<uint32_t>(properties.size());
  note.qos = publish.qos;
  note.retain = publish.retain;
  note.dup = publish.dup;
  note.packet_id = publish.packet_id;
  if (event.token != 0) note.token = last_token_ = first_token_ + event.token;
  ++unread_messages_;
  unread_bytes_ += publish.topic.size() + payload.size();  // what note_read() tells of it
  notes_.push_back(std::move(note));
}

void ScriptedClient::handle(const client::PublishCompleted& event, Instant) {
  in_flight_.erase(event.cookie);
  notes_.push_back(
      SettledNote{event.cookie, Settlement::acknowledged, event.reason, {}, copy_of(event.properties.encoded())});
}

// Its session is gone. At least once means to try again; exactly once means that nobody knows.
void ScriptedClient::handle(const client::PublishDropped& event, Instant) {
  auto found = in_flight_.extract(event.cookie);
  if (!found.empty() && found.mapped().qos == QoS::at_least_once && client_.state() != State::closed) {
    again_.push_back(std::move(found.mapped()));
    return;
  }
  notes_.push_back(
      SettledNote{.cookie = event.cookie, .how = Settlement::lost, .text = "the session ended before the last answer"});
}

void ScriptedClient::handle(const client::Subscribed& event, Instant) {
  const auto found = requests_.extract(event.cookie);
  if (!found.empty()) keep_subscriptions(std::get<SubscribeOrder>(found.mapped()), event.codes);
  notes_.push_back(AnsweredNote{event.cookie, false, copy_of(event.codes), copy_of(event.properties.encoded())});
}

void ScriptedClient::handle(const client::Unsubscribed& event, Instant) {
  const auto found = requests_.extract(event.cookie);
  if (!found.empty()) forget_subscriptions(std::get<UnsubscribeOrder>(found.mapped()));
  notes_.push_back(AnsweredNote{event.cookie, false, copy_of(event.codes), copy_of(event.properties.encoded())});
}

void ScriptedClient::handle(const client::ExchangeAdvanced& event, Instant) {
  notes_.push_back(AdvancedNote{event.received, event.packet_id});
}

void ScriptedClient::handle(const client::AuthReceived& event, Instant) {
  notes_.push_back(AuthNote{event.reason, std::string(event.data)});
}

void ScriptedClient::keep_subscriptions(const SubscribeOrder& order, ByteView codes) {
  for (size_t i = 0; i < order.entries.size() && i < codes.size(); ++i) {
    if (codes[i] >= 0x80) continue;
    const auto& [filter, options] = order.entries[i];
    std::erase_if(subscriptions_, [&](const Subscription& one) { return one.filter == filter; });
    subscriptions_.push_back({filter, options, order.properties});
  }
}

void ScriptedClient::forget_subscriptions(const UnsubscribeOrder& order) {
  std::erase_if(subscriptions_,
                [&](const Subscription& one) { return std::ranges::count(order.filters, one.filter) > 0; });
}

}  // namespace mqtt_sim::load
