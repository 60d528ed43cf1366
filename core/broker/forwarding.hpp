// Messages on the way to one connected client that wait for the gate to say whether they may go to it. They leave in
// the order in which they came, whatever order the answers come in. Before them, in Outgoing, are the messages in
// flight; behind them, in its queue, those that nobody has asked about yet, within the limits and by the policy of that
// queue. Owned by the session, from the first such message until its connection ends; what waits then is put back into
// the queue, and is asked about again when the client is back.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>

#include "core/base/assert.hpp"
#include "core/broker/ring.hpp"
#include "core/storage/session_state.hpp"

namespace mqtt_sim::broker {

struct Forwarding {
  static constexpr size_t kLimit = 1'024;  // messages of one client here at a time

  enum class State : uint8_t { asked, may_go, withheld };
  struct Waiting {
    uint64_t question = 0;  // rises from each to the next
    storage::Delivery delivery;
    std::unique_ptr<storage::Delivery> changed;  // what the gate put in its place; asking again begins with `delivery`
    State state = State::asked;
  };

  bool is_full() const { return waiting.size() >= kLimit; }
  Waiting& find(uint64_t question) {
    size_t low = 0;
    for (size_t high = waiting.size(); low < high;) {
      const size_t middle = low + (high - low) / 2;
      if (waiting[middle].question < question) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    MQTT_SIM_ASSERT(waiting[low].question == question);
    return waiting[low];
  }

  Ring<Waiting> waiting;
  bool is_in_line = false;  // for its turn to ask, when others have been answered
};

}  // namespace mqtt_sim::broker
