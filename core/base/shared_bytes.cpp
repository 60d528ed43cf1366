#include "core/base/shared_bytes.hpp"

namespace mqtt_sim::inline base {

void SharedBytes::free_block(Block* block) { ::operator delete(block); }

}  // namespace mqtt_sim::inline base
