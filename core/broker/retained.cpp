#include "core/broker/retained.hpp"

#include <utility>

#include "core/broker/message_properties.hpp"
#include "core/protocol/topic.hpp"

namespace mqtt_sim::broker {

using protocol::ReasonCode;
using storage::Message;

Retained::Retained(storage::Store& store, const BrokerOptions& options, Stats& stats)
    : store_(store), options_(options), stats_(stats) {
  for (const char* filter : {"#", "$SYS/#"}) {
    store_.match_retained(filter, [this](const Message& message) { expect(message); });
  }
}

void Retained::expect(const Message& message) {
  if (message.expires() != kNever) expiring_.insert(message);
}
void Retained::forget(const Message& message) {
  if (message.expires() != kNever) expiring_.erase(message);
}

ReasonCode Retained::keep(const protocol::Publish& publish, Instant now) {
  std::optional<Message> old = store_.find_retained(publish.topic);
  if (publish.payload.empty()) {  // [MQTT-3.3.1-6], [MQTT-3.3.1-7]
    if (!old) return ReasonCode::success;
    forget(*old);
    store_.erase_retained(publish.topic);
    return ReasonCode::success;
  }
  Message message = make_message(publish, now);
  const auto is_beyond_limits = [&] {
    const size_t count = store_.retained_count() + (old ? 0 : 1);
    const size_t bytes = store_.retained_bytes() + message.size() - (old ? old->size() : 0);
    return count > options_.max_retained || bytes > options_.max_retained_bytes;
  };
  while (is_beyond_limits()) {
    if (!remove_one_expired(now)) {
      ++stats_.refused_retained;
      return ReasonCode::quota_exceeded;
    }
    old = store_.find_retained(publish.topic);
  }
  if (old) forget(*old);
  expect(message);
  store_.put_retained(std::move(message));  // [MQTT-3.3.1-5], [MQTT-3.3.1-7] of 3.1.1
  return ReasonCode::success;
}

void Retained::keep_own(const protocol::Publish& publish, Instant now) {
  own_.erase(publish.topic);
  Message message = make_message(publish, now);
  const std::string_view topic = message.topic();
  own_.emplace(topic, std::move(message));
}

std::vector<Message> Retained::match(std::string_view filter, Instant now) const {
  std::vector<Message> found;
  if (filter.starts_with("$SYS/")) {
    for (const auto& [topic, message] : own_) {
      if (protocol::matches(filter, topic)) found.push_back(message);
    }
  }
  store_.match_retained(filter, [&](const Message& message) {
    if (!message.is_expired(now)) found.push_back(message);  // [MQTT-3.3.2-5]
  });
  return found;
}

std::optional<Message> Retained::find(std::string_view topic, Instant now) const {
  const auto own = own_.find(topic);
  std::optional<Message> found = own != own_.end() ? std::optional(own->second) : store_.find_retained(topic);
  if (found && found->is_expired(now)) found.reset();
  return found;
}

void Retained::sweep(Instant now) {
  for (size_t i = 0; i < kSweepLimit && remove_one_expired(now); ++i) {
  }
}

bool Retained::remove_one_expired(Instant now) {
  if (next_due() > now) return false;
  const Message message = *expiring_.begin();
  expiring_.erase(expiring_.begin());
  store_.erase_retained(message.topic());
  ++stats_.retained_expired;
  return true;
}

}  // namespace mqtt_sim::broker
