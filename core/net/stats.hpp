// What a NetDriver counted since it was made. A plain value; read it on the driver's thread, or between two
// calls of run_until().
#pragma once

#include <cstdint>

namespace mqtt_sim::net {

struct NetStats {
  uint64_t accepted = 0;          // streams that arrived, refused ones included
  uint64_t accept_errors = 0;     // accept() failed, most often for want of descriptors
  uint64_t connects_started = 0;  // openings begun; trying another address or source is not another opening
  uint64_t connects_failed = 0;   // openings that ended without a stream; those the endpoint withdrew do not count
  uint64_t bytes_in = 0;
  uint64_t bytes_out = 0;
  uint64_t reads = 0;   // recv calls that brought bytes
  uint64_t writes = 0;  // send calls that took bytes
  uint64_t turns = 0;   // turns of the loop
};

}  // namespace mqtt_sim::net
