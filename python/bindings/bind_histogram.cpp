// Histograms: those that Python fills itself, and as text for tests and tools.
#include <pybind11/stl.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <vector>

#include "core/metrics/histogram.hpp"
#include "core/metrics/result.hpp"
#include "python/bindings/module.hpp"

namespace mqtt_sim::bindings {
namespace py = pybind11;

void bind_histogram(py::module_& module) {
  using metrics::Histogram;
  py::class_<Histogram>(module, "Histogram", "Of durations in nanoseconds (0 to 1 hour, 3 significant digits).")
      .def(py::init<>())
      .def(
          "record",
          [](Histogram& histogram, double seconds) {
            constexpr double kLongestS = 1e6;
            histogram.record(static_cast<int64_t>(std::clamp(seconds, 0.0, kLongestS) * 1e9 + 0.5));
          },
          py::arg("seconds"))
      .def(
          "document", [](const Histogram& histogram) { return metrics::to_json(histogram).dump(); },
          "As a metric in the report; JSON.");
  module.def(
      "histogram_of",
      [](const std::vector<int64_t>& values) {
        Histogram histogram;
        for (const int64_t value : values) histogram.record(value);
        return histogram.encode_v2();
      },
      py::arg("values"), "HdrHistogram V2 text of values in nanoseconds (0 to 1 hour, 3 significant digits).");
}

}  // namespace mqtt_sim::bindings
