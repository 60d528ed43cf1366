// Run: the engine's run for Python. Every call that may wait does so without the GIL, and no callback comes back, so
// the message path never meets Python.
#include <chrono>
#include <nlohmann/json.hpp>

#include "core/engine/run.hpp"
#include "python/bindings/module.hpp"

namespace mqtt_sim::bindings {
namespace py = pybind11;

namespace {

std::unique_ptr<engine::Run> make_run(const std::string& plan) {
  boost::system::result<std::unique_ptr<engine::Run>, load::PlanError> run = load::PlanError{};
  {
    const py::gil_scoped_release release;
    run = engine::Run::make(plan);
  }
  if (!run) raise_plan_error(run.error());
  return std::move(*run);
}

void start(engine::Run& run) {
  std::optional<engine::RunError> error;
  {
    const py::gil_scoped_release release;
    error = run.start();
  }
  if (error) raise_run_error(error->kind, error->text);
}

std::string poll(engine::Run& run, double timeout_s) {
  const double bounded_s = std::min(std::max(timeout_s, 0.0), 3600.0);
  return run.poll(std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::duration<double>(bounded_s)));
}

}  // namespace

void bind_run(py::module_& module) {
  using Release = py::call_guard<py::gil_scoped_release>;
  py::class_<engine::Run>(
      module, "Run",
      "One run of a plan (JSON text, version 1). Call start() once, poll() until is_done(), then result().")
      .def(py::init(&make_run), py::arg("plan"), "Raises PlanError.")
      .def("start", &start,
           "Begins the run on threads of its own. Raises RunError, e.g. when the broker's port is taken.")
      .def("poll", &poll, py::arg("timeout_s"), Release(),
           "Waits at most timeout_s seconds for a snapshot (JSON); \"\" when there is none.")
      .def("is_done", &engine::Run::is_done, Release(), "Whether the run is over.")
      .def("interrupt", &engine::Run::interrupt,
           "Ends the run in good order: no more sends, a short drain, a partial result.")
      .def("abort", &engine::Run::abort, "Ends the run at once.")
      .def("result", &engine::Run::result, Release(), "Waits for the end; the result as JSON.");
  module.def(
      "check_plan",
      [](const std::string& plan) {
        auto parsed = load::parse_plan(plan);
        if (!parsed) raise_plan_error(parsed.error());
        const auto topology = load::Topology::make(*parsed);
        if (!topology) raise_plan_error(topology.error());
        return nlohmann::json{{"clients", parsed->client_count()}, {"streams", parsed->stream_count()}}.dump();
      },
      py::arg("plan"), "Checks a plan without running it: {\"clients\", \"streams\"} as JSON. Raises PlanError.");
}

}  // namespace mqtt_sim::bindings
