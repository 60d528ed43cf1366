// What the simulated driver knows about an endpoint (Attachment) and about a stream between two of them (Stream).
// Part of the driver: nobody else includes this.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "core/base/driver.hpp"
#include "core/sim/fault.hpp"
#include "core/sim/link.hpp"
#include "core/sim/listeners.hpp"

namespace mqtt_sim::sim {

struct Stream;

// A client's endpoint keeps its attachment for good; an accepted one has it from on_accept to release.
//
//   phase    what leads out of it
//   idle     wish open -> opening (clients only)
//   opening  accept arrived -> open; refuse or reset arrived, wish close or abort -> idle
//   open     end or reset arrived, wish close with all output sent, wish abort -> idle
struct Attachment final : Waker {
  enum class Phase : uint8_t { idle, opening, open };

  Attachment(uint32_t number, std::vector<Attachment*>& dirty) : dirty_list(dirty), index(number) {}

  void wake() override {
    if (is_dirty || !endpoint) return;
    is_dirty = true;
    dirty_list.push_back(this);
  }
  Direction outward() const { return service ? Direction::to_client : Direction::to_server; }

  std::vector<Attachment*>& dirty_list;
  Endpoint* endpoint = nullptr;     // null: released, free to be used again
  ServiceEntry* service = nullptr;  // who accepted it; null for clients
  Stream* stream = nullptr;         // null when idle
  Instant started{};                // when connecting began
  uint32_t index;                   // among attachments
  uint32_t client = 0;              // which attach() call
  uint32_t target = 0;              // index of the address it connects to
  Phase phase = Phase::idle;
  bool is_dirty = false;
};

struct Stream {
  explicit Stream(uint32_t number) : index(number) {}

  // Where segments of this direction come from, go to.
  Attachment* sender(Direction direction) const { return ends[static_cast<size_t>(opposite(direction))]; }
  Attachment* receiver(Direction direction) const { return ends[static_cast<size_t>(direction)]; }
  Pipe& pipe(Direction direction) { return pipes[static_cast<size_t>(direction)]; }
  bool& is_gone(Direction direction) { return gone[static_cast<size_t>(direction)]; }

  std::array<Attachment*, 2> ends{};  // indexed by the Direction that leads there
  std::array<bool, 2> gone{};         // that end has closed, or will never be
  std::array<Pipe, 2> pipes;
  uint64_t connection = 0;
  uint32_t index;
  uint32_t client = 0;
};

}  // namespace mqtt_sim::sim
