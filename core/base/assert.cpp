#include "core/base/assert.hpp"

#include <cinttypes>
#include <cstdio>
#include <cstdlib>

#include "core/base/expected.hpp"

namespace mqtt_sim::inline base {

AssertContext& assert_context() {
  thread_local AssertContext context;
  return context;
}

void assertion_failed(const char* expression, const char* file, int line) {
  const AssertContext& context = assert_context();
  std::fprintf(stderr, "mqtt-sim: assertion failed: %s (%s:%d) seed=%" PRIu64 " now_ns=%" PRId64 "\n", expression, file,
               line, context.seed, to_ns(context.now));
  std::abort();
}

void throw_exception_from_error(const Error& error, const boost::source_location& where) {
  std::fprintf(stderr, "mqtt-sim: value() of an error: %s\n", error.text.c_str());
  assertion_failed("Expected holds a value", where.file_name(), static_cast<int>(where.line()));
}

}  // namespace mqtt_sim::inline base
