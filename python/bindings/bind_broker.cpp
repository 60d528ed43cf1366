// Broker: the embedded broker alone.
#include <pybind11/stl.h>

#include "core/engine/broker_host.hpp"
#include "core/engine/broker_stats.hpp"
#include "python/bindings/module.hpp"

namespace mqtt_sim::bindings {
namespace py = pybind11;

namespace {

void reload(engine::BrokerHost& broker) {
  std::optional<Error> error;
  {
    const py::gil_scoped_release release;
    error = broker.reload();
  }
  if (error) raise_run_error("broker", error->text);
}

std::unique_ptr<engine::BrokerHost> make_broker(const std::string& options) {
  const auto config = engine::parse_broker_config(options);
  if (!config) raise_plan_error(config.error());
  auto broker = std::make_unique<engine::BrokerHost>(*config);
  reload(*broker);
  return broker;
}

std::vector<uint16_t> start(engine::BrokerHost& broker) {
  Expected<std::vector<Address>> bound = std::vector<Address>{};
  {
    const py::gil_scoped_release release;
    bound = broker.start();
  }
  if (!bound) raise_run_error("port_taken", bound.error().text);
  std::vector<uint16_t> ports;
  for (const Address& address : *bound) ports.push_back(address.port);
  return ports;
}

}  // namespace

void bind_broker(py::module_& module) {
  using Release = py::call_guard<py::gil_scoped_release>;
  py::class_<engine::BrokerHost>(module, "Broker", "The embedded broker (options: JSON object, see broker_config.hpp).")
      .def(py::init(&make_broker), py::arg("options"),
           "Raises PlanError for an option that is unknown or does not fit, RunError for a users or ACL file.")
      .def("start", &start,
           "Listens and serves on a thread of its own; the port of each listener. Raises RunError when one is taken.")
      .def("reload", &reload,
           "Reads users_file and acl_file again. Raises RunError and changes nothing when one of them is wrong.")
      .def("stop", &engine::BrokerHost::stop, Release(), "Tells the clients and ends; less than 2 s.")
      .def(
          "stats", [](engine::BrokerHost& broker) { return engine::to_json(broker.stats()); }, Release(),
          "Statistics as JSON.");
  module.def("default_broker_options", &engine::default_broker_options, "Every limit with its default, as JSON.");
}

}  // namespace mqtt_sim::bindings
