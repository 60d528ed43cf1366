#include "core/broker/rule_chain.hpp"

#include <algorithm>
#include <utility>

#include "core/broker/message_properties.hpp"
#include "core/protocol/topic.hpp"

namespace mqtt_sim::broker {

using protocol::ReasonCode;

namespace {

bool is_lowered_only(EventKind kind) { return kind == EventKind::subscribe || kind == EventKind::deliver; }

// Whether the event is still one that may be.
bool take(Rewrite& rewrite, Event& event, Changes& changes) {
  if (rewrite.topic) {
    const bool is_filter = event.kind == EventKind::subscribe;
    if (!(is_filter ? protocol::is_valid_topic_filter : protocol::is_valid_topic_name)(*rewrite.topic)) return false;
    changes.topic = std::move(rewrite.topic);
    event.topic = *changes.topic;
  }
  if (rewrite.payload) {
    changes.payload = std::move(rewrite.payload);
    event.payload = *changes.payload;
  }
  if (rewrite.qos) {
    event.qos = is_lowered_only(event.kind) ? std::min(event.qos, *rewrite.qos) : *rewrite.qos;
    changes.qos = event.qos;
  }
  if (rewrite.retain) changes.retain = event.retain = *rewrite.retain;
  if (rewrite.properties) changes.properties = std::move(rewrite.properties);
  return true;
}

}  // namespace

void Rewrite::apply(protocol::Publish& publish) const {
  if (topic) publish.topic = *topic;
  if (payload) publish.payload = *payload;
  if (qos) publish.qos = *qos;
  if (retain) publish.retain = *retain;
  if (properties) publish.properties = protocol::PropertyList(*properties);
}

storage::Message rewritten(const storage::Message& message, const Rewrite& rewrite, Instant now) {
  if (!rewrite.topic && !rewrite.payload && !rewrite.properties) return message;
  const std::string_view topic = rewrite.topic ? std::string_view(*rewrite.topic) : message.topic();
  const ByteView payload = rewrite.payload ? ByteView(*rewrite.payload) : message.payload();
  if (!rewrite.properties) {
    return {topic, message.properties().encoded(), payload, message.qos(), message.expires()};
  }
  protocol::Publish publish;
  publish.qos = message.qos();
  publish.topic = topic;
  publish.properties = protocol::PropertyList(*rewrite.properties);
  publish.payload = payload;
  return make_message(publish, now);
}

Verdict ask_rules(const std::vector<Rule*>& rules, Event& event, Changes& changes, Instant now) {
  for (Rule* rule : rules) {
    Verdict verdict = rule->on_event(event, now);
    if (verdict.action == Verdict::Action::pass) continue;
    if (verdict.action != Verdict::Action::rewrite) return verdict;
    if (event.kind == EventKind::connect || !verdict.rewrite) continue;  // there is nothing to put in its place
    if (!take(*verdict.rewrite, event, changes)) {
      return Verdict::refuse(event.kind == EventKind::subscribe ? ReasonCode::topic_filter_invalid
                                                                : ReasonCode::topic_name_invalid);
    }
  }
  return Verdict::pass();
}

}  // namespace mqtt_sim::broker
