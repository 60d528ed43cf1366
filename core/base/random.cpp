#include "core/base/random.hpp"

#include <bit>
#include <cmath>

#include "core/base/assert.hpp"

namespace mqtt_sim::inline base {
namespace {

uint64_t splitmix64(uint64_t& state) {
  state += 0x9e3779b97f4a7c15;
  uint64_t z = state;
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
  z = (z ^ z >> 27) * 0x94d049bb133111eb;
  return z ^ z >> 31;
}

}  // namespace

Random::Random(uint64_t seed) : seed_(seed) {
  uint64_t mix = seed;
  for (uint64_t& word : state_) word = splitmix64(mix);
}

uint64_t Random::next() {
  const uint64_t result = std::rotl(state_[1] * 5, 7) * 9;
  const uint64_t shifted = state_[1] << 17;
  state_[2] ^= state_[0];
  state_[3] ^= state_[1];
  state_[1] ^= state_[2];
  state_[0] ^= state_[3];
  state_[2] ^= shifted;
  state_[3] = std::rotl(state_[3], 45);
  return result;
}

double Random::uniform() { return static_cast<double>(next() >> 11) * 0x1.0p-53; }

uint64_t Random::below(uint64_t bound) {
  MQTT_SIM_ASSERT(bound > 0);
  const uint64_t biased = -bound % bound;  // values below this would make some results likelier than others
  for (;;) {
    const uint64_t value = next();
    if (value >= biased) return value % bound;
  }
}

double Random::exponential(double mean) { return -mean * std::log1p(-uniform()); }

Random Random::fork(uint64_t purpose) const {
  uint64_t mix = seed_ ^ std::rotl(purpose * 0xd1342543de82ef95 + 1, 32);
  return Random(splitmix64(mix));
}

}  // namespace mqtt_sim::inline base
