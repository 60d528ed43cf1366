// Scripted clients as their script commands them, whatever carries them: clients of a process on a thread of their own
// (ClientHost), or the devices of a run on its shards (ScriptPort). All functions may be called from any thread; none
// waits for what it orders.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "core/engine/note_batch.hpp"
#include "core/load/scripted_client.hpp"

namespace mqtt_sim::engine {

class ScriptedClients {
 public:
  using Delivery = NoteBatch::Delivery;
  using Work = std::function<void(load::ScriptedClient&, Instant)>;

  virtual ~ScriptedClients() = default;

  virtual void command(uint64_t client, Work work) = 0;  // done soon, on the client's thread, in the order of the calls
  virtual void order(uint64_t client, load::Order) = 0;

  virtual int descriptor() const = 0;         // readable while a batch waits; owned here. -1: there is none
  virtual std::vector<Delivery> fetch() = 0;  // the batch; empty when nothing waits
};

}  // namespace mqtt_sim::engine
