// Policy from outside: a Rule looks at an event and answers a Verdict; the first that does not pass wins. Access lists,
// quotas and fault injection are Rules. A broker without rules pays nothing for them.
#pragma once

#include <optional>
#include <string_view>

#include "core/base/bytes.hpp"
#include "core/base/time.hpp"
#include "core/protocol/packet.hpp"

namespace mqtt_sim::broker {

enum class EventKind : uint8_t {
  connect,    // before a CONNECT is accepted
  publish,    // before a message from a client, a will or the owner is taken
  subscribe,  // before one filter of a SUBSCRIBE is granted
  deliver,    // before a message goes to one subscriber
};

// Views last for the call. Members that the kind does not have are empty.
struct Event {
  EventKind kind{};
  std::string_view client_id = {};  // of the client that connects, publishes, subscribes, receives; empty for the owner
  std::optional<std::string_view> user_name = std::nullopt;
  std::optional<ByteView> password = std::nullopt;  // connect
  std::string_view topic = {};                      // publish, deliver: name; subscribe: filter
  ByteView payload = {};                            // publish, deliver
  protocol::QoS qos{};
  bool retain = false;
};

struct Verdict {
  enum class Action : uint8_t {
    pass,
    refuse,  // answer with `reason`
    drop,    // answer as if it had been done, and do nothing; on connect: close without an answer
  };
  Action action = Action::pass;
  protocol::ReasonCode reason = protocol::ReasonCode::not_authorized;

  static Verdict pass() { return {}; }
  static Verdict drop() { return {Action::drop, {}}; }
  static Verdict refuse(protocol::ReasonCode why) { return {Action::refuse, why}; }
};

class Rule {
 public:
  virtual ~Rule() = default;
  virtual Verdict on_event(const Event&, Instant now) = 0;
};

}  // namespace mqtt_sim::broker
