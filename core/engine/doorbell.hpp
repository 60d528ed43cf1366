// A file descriptor that is readable from ring() until silence(), so that the event loop of another thread can sleep on
// it. The engine's side rings and does not wait. Both may be called from any thread.
#pragma once

#include <utility>

#include "core/base/expected.hpp"

namespace mqtt_sim::engine {

class Doorbell {
 public:
  Doorbell() = default;              // without a descriptor: nobody sleeps on it
  static Expected<Doorbell> make();  // error: no descriptor is left
  Doorbell(Doorbell&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  Doorbell& operator=(Doorbell&&) = delete;
  ~Doorbell();

  int descriptor() const { return descriptor_; }  // owned here; -1: there is none
  void ring() const;
  void silence() const;

 private:
  explicit Doorbell(int descriptor) : descriptor_(descriptor) {}

  int descriptor_ = -1;
};

}  // namespace mqtt_sim::engine
