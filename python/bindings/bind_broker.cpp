// Broker: the embedded broker alone.
#include <pybind11/stl.h>

#include "core/engine/broker_stats.hpp"
#include "python/bindings/hosted_broker.hpp"
#include "python/bindings/module.hpp"

namespace mqtt_sim::bindings {
namespace py = pybind11;

namespace {

void reload(HostedBroker& broker) {
  std::optional<Error> error;
  {
    const WithoutGil release;
    error = broker.host().reload();
  }
  if (error) raise_run_error("broker", error->text);
}

std::unique_ptr<HostedBroker> make_broker(const std::string& options, size_t event_queue, bool drops_oldest,
                                          uint32_t hook_queue, double hook_timeout_s) {
  auto config = engine::parse_broker_config(options);
  if (!config) raise_plan_error(config.error());
  config->desk = engine::DeskOptions{
      .messages_limit = event_queue,
      .rule = drops_oldest ? engine::DeskRule::drop_oldest : engine::DeskRule::drop_newest,
  };
  config->options.max_forwards = hook_queue;
  config->options.gate_timeout = std::chrono::duration_cast<Duration>(std::chrono::duration<double>(hook_timeout_s));
  auto broker = std::make_unique<HostedBroker>(*config);
  if (!broker->host().desk()) raise_run_error("descriptors", "no file descriptor left");
  reload(*broker);
  return broker;
}

std::vector<uint16_t> start(HostedBroker& broker) {
  Expected<std::vector<Address>> bound = std::vector<Address>{};
  {
    const WithoutGil release;
    bound = broker.host().start();
  }
  if (!bound) raise_run_error("port_taken", bound.error().text);
  std::vector<uint16_t> ports;
  for (const Address& address : *bound) ports.push_back(address.unix_path.empty() ? address.port : uint16_t{0});
  return ports;
}

}  // namespace

void bind_broker(py::module_& module) {
  using Release = py::call_guard<WithoutGil>;
  py::class_<HostedBroker> broker(module, "Broker",
                                  "The embedded broker (options: JSON object, see broker_config.hpp).");
  broker
      .def(
          py::init(&make_broker), py::arg("options"), py::arg("event_queue") = engine::DeskOptions().messages_limit,
          py::arg("drops_oldest") = true, py::arg("hook_queue") = broker::BrokerOptions().max_forwards,
          py::arg("hook_timeout_s") = 5.0,
          "Raises PlanError for an option that is unknown or does not fit, also for a certificate that cannot be used, "
          "and RunError for a users or ACL file.")
      .def("start", &start,
           "Listens and serves on a thread of its own; the port of each listener, 0 of a Unix socket. Raises RunError "
           "when one is taken.")
      .def(
          "ca_pem", [](HostedBroker& self) { return self.host().ca_pem(); },
          "The authority of the certificates that were generated, in PEM form; \"\" when none was.")
      .def("reload", &reload,
           "Reads users_file and acl_file again. Raises RunError and changes nothing when one of them is wrong.")
      .def(
          "attach", [](HostedBroker& self, int descriptor) { return self.host().attach(descriptor); },
          py::arg("descriptor"), Release(),
          "Serves a connected stream socket that does not block. False: not running, and the descriptor was not taken.")
      .def(
          "offer_streams", [](HostedBroker& self, const std::string& name) { return self.host().offer_streams(name); },
          py::arg("name"), Release(), "As a target of the clients of this process. False: not running.")
      .def(
          "stop", [](HostedBroker& self) { self.host().stop(); }, Release(),
          "Tells the clients and ends; less than 2 s.")
      .def(
          "stats", [](HostedBroker& self) { return engine::to_json(self.host().stats()); }, Release(),
          "Statistics as JSON.");
  bind_broker_desk(broker);
  module.def("default_broker_options", &engine::default_broker_options, "Every limit with its default, as JSON.");
}

}  // namespace mqtt_sim::bindings
