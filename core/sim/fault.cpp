#include "core/sim/fault.hpp"

namespace mqtt_sim::sim {

const char* to_string(SegmentKind kind) {
  switch (kind) {
    case SegmentKind::connect: return "connect";
    case SegmentKind::accept: return "accept";
    case SegmentKind::refuse: return "refuse";
    case SegmentKind::bytes: return "bytes";
    case SegmentKind::end: return "end";
    case SegmentKind::reset: return "reset";
  }
  return "unknown";
}

}  // namespace mqtt_sim::sim
