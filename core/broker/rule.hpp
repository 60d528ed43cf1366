// Policy from outside: a Rule looks at an event and answers a Verdict; the first that does not pass wins, except that a
// rewritten event goes on to the rules after it. Users files, access lists, quotas, hooks and fault injection are
// Rules. A broker without rules pays nothing for them.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/bytes.hpp"
#include "core/base/time.hpp"
#include "core/protocol/packet.hpp"

namespace mqtt_sim::broker {

enum class EventKind : uint8_t {
  connect,    // before a CONNECT is accepted: authentication
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
  std::string_view listener = {};  // connect: name of the listener it came in by
  std::string_view address = {};   // connect: host:port of the client
  bool is_authenticated = false;   // connect: enhanced authentication or a certificate has shown it is `user_name`
  bool is_will = false;            // publish
};

// What a rule puts in the place of what the event says; what is not set stays.
struct Rewrite {
  std::optional<std::string> topic = std::nullopt;             // publish, deliver: a name; subscribe: a filter
  std::optional<std::vector<uint8_t>> payload = std::nullopt;  // publish, deliver
  std::optional<protocol::QoS> qos = std::nullopt;             // subscribe and deliver only lower it
  std::optional<bool> retain = std::nullopt;
  std::optional<std::vector<uint8_t>> properties = std::nullopt;  // publish, deliver: all of them, encoded

  void apply(protocol::Publish& publish) const;  // which then points into this
};

struct Verdict {
  enum class Action : uint8_t {
    pass,
    refuse,   // answer with `reason`; below 5.0 a PUBLISH is acknowledged all the same
    drop,     // answer as if it had been done, and do nothing; on connect: close without an answer
    rewrite,  // go on with what `rewrite` says
    close,    // publish, subscribe: end the connection with `reason`; wills, deliver, connect: as drop
  };
  Action action = Action::pass;
  protocol::ReasonCode reason = protocol::ReasonCode::not_authorized;
  std::unique_ptr<Rewrite> rewrite;

  static Verdict pass() { return {}; }
  static Verdict drop() { return {Action::drop, {}, nullptr}; }
  static Verdict refuse(protocol::ReasonCode why) { return {Action::refuse, why, nullptr}; }
  static Verdict close(protocol::ReasonCode why) { return {Action::close, why, nullptr}; }
  static Verdict change(Rewrite changes) {
    return {Action::rewrite, {}, std::make_unique<Rewrite>(std::move(changes))};
  }
};

class Rule {
 public:
  virtual ~Rule() = default;
  virtual Verdict on_event(const Event&, Instant now) = 0;
  // Whether its answer to connect says who has the right to a user name. Where nobody says so, a name is worth nothing.
  virtual bool vouches_for_users() const { return false; }
};

}  // namespace mqtt_sim::broker
