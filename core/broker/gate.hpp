// Decisions that take time: a Gate is asked about a packet before it is handled, and answers later by Broker::answer().
// Until then the packet waits and its connection reads nothing more, so that each client's packets stay in order; all
// other clients go on. An answer that does not come within BrokerOptions::gate_timeout is a refusal.
//
// Of a message on its way to a receiver only that waits, and what goes to the same receiver after it: see
// forwarding.hpp.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/broker/rule.hpp"

namespace mqtt_sim::broker {

class Connection;

enum class QuestionKind : uint8_t {
  connect,    // before a CONNECT is looked at any further
  publish,    // before a PUBLISH is routed
  subscribe,  // before the filters of a SUBSCRIBE are granted
  published,  // after a PUBLISH was routed, before it is acknowledged
  forward,    // before a message goes to one receiver, who has the connection
};

class QuestionKinds {
 public:
  constexpr QuestionKinds() = default;
  constexpr explicit QuestionKinds(uint8_t bits) : bits_(bits) {}
  constexpr bool has(QuestionKind kind) const { return (bits_ >> static_cast<unsigned>(kind) & 1u) != 0; }
  constexpr bool empty() const { return bits_ == 0; }

 private:
  uint8_t bits_ = 0;
};

// Views last for the call. `connect`, `publish` or `subscribe` is set, as the kind says.
struct Question {
  uint64_t number = 0;  // to answer it by; never used again
  QuestionKind kind{};
  const Connection* connection = nullptr;
  const protocol::Connect* connect = nullptr;
  const protocol::Publish* publish = nullptr;
  const protocol::Subscribe* subscribe = nullptr;
};

// What becomes of the packet. Of a SUBSCRIBE each filter has an answer; where there are fewer, the rest is refused.
struct Answer {
  std::vector<Verdict> verdicts;  // pass, refuse, drop or rewrite (not of CONNECT); close is for `published` as pass
  bool vouches_for_user = false;  // connect: the user name was looked at, and is the client's
};

class Gate {
 public:
  virtual ~Gate() = default;
  virtual void ask(const Question&, Instant now) = 0;
};

}  // namespace mqtt_sim::broker
