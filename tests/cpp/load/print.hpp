// How values of core/load appear in a failed assertion.
#pragma once

#include <ostream>

#include "core/load/ledger.hpp"

namespace mqtt_sim::load {

inline void PrintTo(const LedgerCounts& counts, std::ostream* out) {
  *out << "expected " << counts.expected << " delivered " << counts.delivered << " lost " << counts.lost
       << " duplicated " << counts.duplicated << " reordered " << counts.reordered;
}

}  // namespace mqtt_sim::load
