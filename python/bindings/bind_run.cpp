// Run: the engine's run for Python. Every call that may wait does so without the GIL, and no callback comes back, so
// the message path never meets Python.
#include <pybind11/stl.h>

#include <chrono>
#include <nlohmann/json.hpp>

#include "core/engine/run.hpp"
#include "python/bindings/module.hpp"
#include "python/bindings/scripted_clients.hpp"

namespace mqtt_sim::bindings {
namespace py = pybind11;

namespace {

std::unique_ptr<engine::Run> make_run(const std::string& plan) {
  boost::system::result<std::unique_ptr<engine::Run>, load::PlanError> run = load::PlanError{};
  {
    const WithoutGil release;
    run = engine::Run::make(plan);
  }
  if (!run) raise_plan_error(run.error());
  return std::move(*run);
}

void start(engine::Run& run) {
  std::optional<engine::RunError> error;
  {
    const WithoutGil release;
    error = run.start();
  }
  if (error) raise_run_error(error->kind, error->text);
}

std::string poll(engine::Run& run, double timeout_s) {
  const double bounded_s = std::min(std::max(timeout_s, 0.0), 3600.0);
  return run.poll(std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::duration<double>(bounded_s)));
}

py::object devices(const engine::Run& run) {
  if (!run.scripts()) return py::none();
  return py::cast(ScriptedClients(run.scripts()));
}

// ("running", the run's time zero in ns or None).
py::tuple stage(const engine::Run& run) {
  const engine::ScriptPort::Stage stage = run.scripts() ? run.scripts()->stage() : engine::ScriptPort::Stage();
  const py::object start = stage.start == kNever ? py::object(py::none()) : py::int_(to_ns(stage.start));
  return py::make_tuple(engine::to_string(stage.phase), start);
}

// (the time in ns, whether fetch() has something).
std::pair<int64_t, bool> advance(engine::Run& run, std::optional<int64_t> until_ns) {
  const Instant now = run.advance(until_ns ? instant_from_ns(*until_ns) : kNever);
  return {to_ns(now), run.scripts()->has_notes()};
}

}  // namespace

void bind_run(py::module_& module) {
  using Release = py::call_guard<WithoutGil>;
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
      .def("result", &engine::Run::result, Release(), "Waits for the end; the result as JSON.")
      .def(
          "ports",
          [](const engine::Run& run) {
            std::vector<uint16_t> ports;
            for (const Address& address : run.addresses())
              ports.push_back(address.unix_path.empty() ? address.port : uint16_t{0});
            return ports;
          },
          "Of the embedded broker's listeners, 0 of a Unix socket; none without it, and in virtual time.")
      .def("keep_broker", &engine::Run::keep_broker,
           "Before result(): the embedded broker outlasts the run, until stop_broker().")
      .def("devices", &devices, "The clients of the scripted groups, numbered from 1; None without such a group.")
      .def("stage", &stage, "(phase, the run's time zero in ns of its driver or None), as told to devices.")
      .def("advance", &advance, py::arg("until_ns"), Release(),
           "Virtual time with scripted groups: goes on until then, or until there is news. (the time in ns, whether "
           "there is something to fetch).")
      .def(
          "now", [](const engine::Run& run) { return to_ns(run.now()); }, "The time in ns of its first driver.")
      .def(
          "await_written",
          [](const engine::Run& run, uint64_t device) {
            if (run.scripts()) run.scripts()->await_written(device);
          },
          py::arg("device"), "From now on it is news when a message of this device at QoS 0 has been written.")
      .def(
          "set_stamping",
          [](const engine::Run& run, uint64_t device, bool is_on) {
            if (run.scripts()) run.scripts()->set_stamping(device, is_on);
          },
          py::arg("device"), py::arg("is_on"), "Whether what this device publishes from now on is stamped.")
      .def(
          "go_on",
          [](const engine::Run& run, uint64_t device, int64_t due_ns) {
            if (run.scripts()) run.scripts()->go_on(device, instant_from_ns(due_ns));
          },
          py::arg("device"), py::arg("due_ns"),
          "Until end_turn(): what this device publishes was meant to leave at that time of the first driver.")
      .def(
          "end_turn",
          [](const engine::Run& run) {
            if (run.scripts()) run.scripts()->end_turn();
          },
          "Sends off what was ordered since the last call.")
      .def("set_scripts_running", &engine::Run::set_scripts_running, py::arg("scripts"),
           "How many devices' scripts have not come to their end.")
      .def(
          "abandon", [](const py::object& self) { self.inc_ref(); },
          "After a fork, in the child: kept for ever, because its end would wait for threads that are not there.")
      .def("stop_broker", &engine::Run::stop_broker, Release(), "Ends it, if it still serves.");
  module.def(
      "check_plan",
      [](const std::string& plan) {
        const std::unique_ptr<engine::Run> run = make_run(plan);
        return nlohmann::json{{"clients", run->plan().client_count()}, {"streams", run->plan().stream_count()}}.dump();
      },
      py::arg("plan"), "Checks a plan without running it: {\"clients\", \"streams\"} as JSON. Raises PlanError.");
}

}  // namespace mqtt_sim::bindings
