// Which line of the corpus a producer speaks when. The rows are rendered to the tutorial's JSON once and shared by all
// producers; what a producer says k-th is arithmetic on its index, so nobody keeps a list of their own.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/load/plan.hpp"

namespace mqtt_sim::load {

// The speaker that client `index` of a by-speaker group plays: speakers in the order of their first line, over and
// over.
std::string_view speaker_of(const Corpus&, uint32_t index);

class Dialogue {
 public:
  // For one publishing group with a dialogue payload; `plan` must outlive it.
  Dialogue(const Plan& plan, const GroupPlan& group);

  // How many lines client `index` has; nothing when it speaks for ever.
  std::optional<uint64_t> line_limit(uint32_t index) const;
  // The row client `index` speaks k-th.
  uint32_t row(uint32_t index, uint64_t k) const;

 private:
  const std::vector<uint32_t>& lines_of(uint32_t index) const;

  const PayloadPlan& payload_;
  uint32_t producers_;
  std::vector<std::vector<uint32_t>> lines_;  // rows in speaking order: one list, or one per speaker
};

// {"character":"...","text":"..."} as JSON.stringify writes it, for every row.
std::vector<std::string> render_rows(const Corpus&);

}  // namespace mqtt_sim::load
