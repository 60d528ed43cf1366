// A client of a fleet while it waits for its turn to connect.
#pragma once

#include "core/base/time.hpp"

namespace mqtt_sim::load {

class Boarder {
 public:
  virtual void connect_at(Instant at) = 0;  // ask the fleet then
  virtual void connect() = 0;               // the fleet's answer

 protected:
  ~Boarder() = default;
};

}  // namespace mqtt_sim::load
