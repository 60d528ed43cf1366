// Acknowledgements that the owner of a client has still to give, in the order of their messages: what the standard asks
// the answers to keep. Owned by a Client whose owner acknowledges.
#pragma once

#include <cstdint>
#include <deque>

#include "core/protocol/packet.hpp"

namespace mqtt_sim::client {

struct OwedAnswer {
  protocol::PacketId packet_id = 0;
  protocol::QoS qos{};
  bool is_given = false;
  protocol::ReasonCode reason = protocol::ReasonCode::success;
};

struct Owed {
  uint64_t first_token = 1;  // of the front
  std::deque<OwedAnswer> answers;
  uint16_t at_least_once = 0;  // of them for QoS 1

  uint64_t add(const OwedAnswer& answer) {
    answers.push_back(answer);
    if (answer.qos == protocol::QoS::at_least_once) ++at_least_once;
    return first_token + answers.size() - 1;
  }
  OwedAnswer* find(uint64_t token) {
    const bool is_here = token >= first_token && token - first_token < answers.size();
    return is_here ? &answers[token - first_token] : nullptr;
  }
  void pop() {
    if (answers.front().qos == protocol::QoS::at_least_once) --at_least_once;
    answers.pop_front();
    ++first_token;
  }
};

}  // namespace mqtt_sim::client
