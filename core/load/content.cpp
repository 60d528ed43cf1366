#include "core/load/content.hpp"

#include <algorithm>
#include <cmath>

namespace mqtt_sim::load {

uint32_t ContentShelf::ahead_of(const Plan& plan, const PublishPlan& publish) {
  uint32_t streams = 0;
  for (const GroupPlan& group : plan.groups)
    if (group.publish && group.publish->is_composed()) streams += group.count;
  const double seconds = std::chrono::duration<double>(kAheadTime).count();
  const double in_time = std::min(std::ceil(publish.rate_per_s * seconds) + 1, double{kReadyLimit});
  const uint32_t wanted = plan.is_virtual        ? kVirtualAhead
                          : publish.is_unpaced() ? kUnpacedAhead
                                                 : static_cast<uint32_t>(in_time);
  return std::clamp(kReadyLimit / std::max(streams, 1u), 1u, wanted);
}

std::optional<ContentRequest> ContentShelf::want(uint64_t turn, uint64_t planned, bool has_room) {
  const uint64_t end = std::min(planned, turn + (has_room ? ahead_ : 1));
  if (end <= asked_) return std::nullopt;
  const bool is_worth_it = asked_ <= turn || 2 * (end - asked_) >= ahead_ || end == planned;
  if (!is_worth_it) return std::nullopt;
  const ContentRequest request{stream_, asked_, static_cast<uint32_t>(end - asked_), {}};
  asked_ = end;
  return request;
}

}  // namespace mqtt_sim::load
