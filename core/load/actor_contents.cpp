// The part of an actor whose messages are composed outside: asks ahead, and goes on when contents have come. A message
// that is due and not composed is not noticed before it is: its lateness is the generator's.
#include <algorithm>

#include "core/load/actor.hpp"
#include "core/load/fleet.hpp"

namespace mqtt_sim::load {

// Whether what message `turn` says is here. In virtual time it is waited for.
bool Actor::is_composed(uint64_t turn, Instant now) {
  Publishing& own = *publishing_;
  if (!own.shelf || own.shelf->holds(turn)) return true;
  ask_for_contents(now);
  fleet_.await_contents();
  const bool is_here = own.shelf->holds(turn);
  if (!is_here) own.lacks_content = true;
  return is_here;
}

void Actor::ask_for_contents(Instant now) {
  Publishing& own = *publishing_;
  ContentSource& source = *fleet_.context_.contents;
  auto wanted = own.shelf->want(own.offered, own.planned, source.has_room());
  if (!wanted) return;
  if (fleet_.start_ != kNever) wanted->asked = now - fleet_.start_;
  source.ask(*wanted);
}

void Actor::shelve(std::vector<ComposedContent>&& contents) {
  Publishing& own = *publishing_;
  if (!std::exchange(own.has_contents, true) && !fleet_.context_.plan.is_virtual) --fleet_.status_.uncomposed;
  own.shelf->put(std::move(contents));
}

void Actor::take_contents(std::vector<ComposedContent>&& contents, Instant now) {
  shelve(std::move(contents));
  Publishing& own = *publishing_;
  if (!own.lacks_content || is_finishing_) return;
  if (plan().publish->is_unpaced()) own.lacks_content = false;
  notice_due(now);
  if (own.shelf->holds(own.offered) || own.offered == own.planned) own.lacks_content = false;
  plan_next_deadline(now);
  pump(now);
  waker_->wake();
}

// What was due by now and never composed.
void Actor::note_uncomposed(Instant now) {
  Publishing& own = *publishing_;
  if (!own.lacks_content || plan().publish->is_unpaced() || fleet_.start_ == kNever) return;
  const uint64_t due = own.schedule.count_before(std::min(now, fleet_.end_) - fleet_.start_);
  if (due > own.offered) fleet_.tallies_[group_].content_late += std::min(due, own.planned) - own.offered;
  own.lacks_content = false;
}

uint32_t Actor::take_copies() {
  Publishing& own = *publishing_;
  if (!plan().publish->has_composed_topic) return fleet_.context_.topology.streams()[own.stream].copies;
  if (plan().publish->stamp == StampKind::none) return 0;  // nobody would recognise it
  const uint32_t copies = fleet_.expect_copies(own.shelf->front().topic);
  own.copies += copies;
  return copies;
}

void Actor::drop_content(Instant now) {
  Publishing& own = *publishing_;
  fleet_.context_.contents->note_taken(own.shelf->front().size());
  own.shelf->pop();
  if (!fleet_.context_.plan.is_virtual) ask_for_contents(now);
}

}  // namespace mqtt_sim::load
