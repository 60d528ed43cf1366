// A seeded source of random numbers (xoshiro256**, seeded through splitmix64). Same seed, same numbers, on every
// platform: nothing here uses the standard distributions, whose results differ between libraries. One owner, one
// thread; fork() derives an independent stream for a named purpose, so that adding a consumer of randomness does
// not shift the others.
#pragma once

#include <array>
#include <cstdint>

namespace mqtt_sim::inline base {

class Random {
 public:
  explicit Random(uint64_t seed);

  uint64_t next();
  double uniform();                     // in [0, 1)
  uint64_t below(uint64_t bound);       // in [0, bound), bound > 0, unbiased
  double exponential(double mean);      // mean > 0
  Random fork(uint64_t purpose) const;  // depends on the seed and the purpose only, not on numbers already drawn

 private:
  uint64_t seed_;
  std::array<uint64_t, 4> state_;
};

}  // namespace mqtt_sim::inline base
