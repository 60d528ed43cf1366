// Asking several rules about one event: the first Verdict that ends the matter wins, a rewritten event goes on.
#pragma once

#include <vector>

#include "core/broker/rule.hpp"
#include "core/storage/message.hpp"

namespace mqtt_sim::broker {

// All that the rules changed together; what `event` says afterwards points into it.
struct Changes : Rewrite {
  bool empty() const { return !topic && !payload && !qos && !retain; }
  // The same message with them.
  void apply(protocol::Publish& publish) const;
  storage::Message rewritten(const storage::Message& message) const;
};

// Pass: `event` may go on, as `changes` made it. A topic that a rule put in and that is not valid is refused.
Verdict ask_rules(const std::vector<Rule*>& rules, Event& event, Changes& changes, Instant now);

}  // namespace mqtt_sim::broker
