#include "core/broker/filter_overlap.hpp"

#include "core/protocol/topic.hpp"

namespace mqtt_sim::broker {
namespace {

// The levels of a filter one by one, with an end.
class Levels {
 public:
  explicit Levels(std::string_view filter) : cursor_(filter) { next(); }

  bool is_done() const { return is_done_; }
  bool is_all() const { return !is_done_ && level_ == "#"; }
  bool is_any() const { return !is_done_ && level_ == "+"; }
  std::string_view level() const { return level_; }
  void next() {
    is_done_ = cursor_.is_done();
    if (!is_done_) level_ = cursor_.take();
  }

 private:
  protocol::LevelCursor cursor_;
  std::string_view level_;
  bool is_done_ = false;
};

bool begins_with_wildcard(std::string_view filter) { return filter.starts_with('+') || filter.starts_with('#'); }

bool is_kept_apart(std::string_view a, std::string_view b) {  // [MQTT-4.7.2-1]
  return (begins_with_wildcard(a) && b.starts_with('$')) || (begins_with_wildcard(b) && a.starts_with('$'));
}

}  // namespace

std::optional<std::string> intersect(std::string_view a, std::string_view b) {
  if (is_kept_apart(a, b)) return std::nullopt;
  std::string common;
  bool is_first = true;
  const auto add = [&](std::string_view level) {
    if (!is_first) common += '/';
    is_first = false;
    common += level;
  };
  Levels left(a);
  Levels right(b);
  while (!left.is_done() && !right.is_done()) {
    if (left.is_all() || right.is_all()) {
      Levels& rest = left.is_all() ? right : left;
      for (; !rest.is_done(); rest.next()) add(rest.level());
      return common;
    }
    if (!left.is_any() && !right.is_any() && left.level() != right.level()) return std::nullopt;
    add(left.is_any() ? right.level() : left.level());
    left.next();
    right.next();
  }
  const Levels& rest = left.is_done() ? right : left;  // `a/#` matches `a` as well
  if (!rest.is_done() && !rest.is_all()) return std::nullopt;
  return common;
}

bool covers(std::string_view outer, std::string_view inner) {
  if (is_kept_apart(outer, inner)) return false;
  Levels wide(outer);
  Levels narrow(inner);
  for (; !wide.is_done(); wide.next(), narrow.next()) {
    if (wide.is_all()) return true;
    if (narrow.is_done() || narrow.is_all()) return false;
    if (!wide.is_any() && (narrow.is_any() || wide.level() != narrow.level())) return false;
  }
  return narrow.is_done();
}

}  // namespace mqtt_sim::broker
