// Asking several rules about one event: the first Verdict that ends the matter wins, a rewritten event goes on.
#pragma once

#include <vector>

#include "core/broker/rule.hpp"
#include "core/storage/message.hpp"

namespace mqtt_sim::broker {

// All that the rules changed together; what `event` says afterwards points into it.
struct Changes : Rewrite {
  bool empty() const { return !topic && !payload && !qos && !retain && !properties; }
};

// The same message with what it puts in its place; of `qos` and `retain` the message itself does not speak.
storage::Message rewritten(const storage::Message& message, const Rewrite& rewrite, Instant now);

// Pass: `event` may go on, as `changes` made it. A topic that a rule put in and that is not valid is refused.
Verdict ask_rules(const std::vector<Rule*>& rules, Event& event, Changes& changes, Instant now);

}  // namespace mqtt_sim::broker
