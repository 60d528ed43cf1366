#include "core/engine/doorbell.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cstdint>

namespace mqtt_sim::engine {

Expected<Doorbell> Doorbell::make() {
  const int descriptor = ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  if (descriptor < 0) return make_error(0x97, "no file descriptor left");
  return Doorbell(descriptor);
}

Doorbell::~Doorbell() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

void Doorbell::ring() const {
  if (descriptor_ < 0) return;
  const uint64_t one = 1;
  static_cast<void>(::write(descriptor_, &one, sizeof one) == sizeof one);  // full only while it is readable anyway
}

void Doorbell::silence() const {
  if (descriptor_ < 0) return;
  uint64_t ignored = 0;
  static_cast<void>(::read(descriptor_, &ignored, sizeof ignored) == sizeof ignored);
}

}  // namespace mqtt_sim::engine
