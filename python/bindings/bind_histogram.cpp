// Histograms as text, for tests and tools.
#include <pybind11/stl.h>

#include <vector>

#include "core/metrics/histogram.hpp"
#include "python/bindings/module.hpp"

namespace mqtt_sim::bindings {
namespace py = pybind11;

void bind_histogram(py::module_& module) {
  module.def(
      "histogram_of",
      [](const std::vector<int64_t>& values) {
        metrics::Histogram histogram;
        for (const int64_t value : values) histogram.record(value);
        return histogram.encode_v2();
      },
      py::arg("values"), "HdrHistogram V2 text of values in nanoseconds (0 to 1 hour, 3 significant digits).");
}

}  // namespace mqtt_sim::bindings
