#include "core/broker/rule_chain.hpp"

#include <algorithm>
#include <utility>

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
  return true;
}

}  // namespace

void Changes::apply(protocol::Publish& publish) const {
  if (topic) publish.topic = *topic;
  if (payload) publish.payload = *payload;
  if (qos) publish.qos = *qos;
  if (retain) publish.retain = *retain;
}

storage::Message Changes::rewritten(const storage::Message& message) const {
  if (!topic && !payload) return message;
  return {topic ? *topic : message.topic(), message.properties().encoded(), payload ? *payload : message.payload(),
          message.qos(), message.expires()};
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
