// Broker: the embedded broker alone.
#include "core/engine/broker_host.hpp"
#include "python/bindings/module.hpp"

namespace mqtt_sim::bindings {
namespace py = pybind11;

namespace {

constexpr uint64_t kSeed = 1;

struct HostedBroker {
  explicit HostedBroker(const engine::BrokerConfig& config) : at(config.at), host(config.options, kSeed) {}
  Address at;
  engine::BrokerHost host;
};

std::unique_ptr<HostedBroker> make_broker(const std::string& options) {
  const auto config = engine::parse_broker_config(options);
  if (!config) raise_plan_error({"broker", options, config.error().text});
  return std::make_unique<HostedBroker>(*config);
}

uint16_t start(HostedBroker& broker) {
  Expected<Address> bound = Address{};
  {
    const py::gil_scoped_release release;
    bound = broker.host.start(broker.at);
  }
  if (!bound) raise_run_error("port_taken", bound.error().text);
  return bound->port;
}

}  // namespace

void bind_broker(py::module_& module) {
  using Release = py::call_guard<py::gil_scoped_release>;
  py::class_<HostedBroker>(module, "Broker", "The embedded broker (options: JSON object with host, port and limits).")
      .def(py::init(&make_broker), py::arg("options"),
           "Raises PlanError for an option that is unknown or does not fit.")
      .def("start", &start,
           "Listens and serves on a thread of its own; the port. Raises RunError when the address is taken.")
      .def(
          "stop", [](HostedBroker& broker) { broker.host.stop(); }, Release(),
          "Tells the clients and ends; at most 2 s.")
      .def(
          "stats", [](HostedBroker& broker) { return engine::to_json(broker.host.stats()); }, Release(),
          "Statistics as JSON.");
}

}  // namespace mqtt_sim::bindings
