// ClientHost: clients commanded from Python. Orders go in one call each and wait for nothing; what happened comes out
// in one batch a call. The engine's thread never takes the GIL.
#include <pybind11/stl.h>

#include <memory>
#include <utility>

#include "core/engine/client_host.hpp"
#include "core/protocol/topic.hpp"
#include "python/bindings/client_options.hpp"
#include "python/bindings/module.hpp"
#include "python/bindings/scripted_clients.hpp"

namespace mqtt_sim::bindings {
namespace py = pybind11;

namespace {

using protocol::ReasonCode;

// One host as Python holds it: gone with its last reference, except in a child process, which has none of its threads.
class Host : public ScriptedClients {
 public:
  Host() : Host(make()) {}
  ~Host() {
    if (is_abandoned_) {
      leak();
      static_cast<void>(new std::shared_ptr<engine::ClientHost>(std::move(host_)));
    } else {
      stop(0);
    }
  }
  Host(const Host&) = delete;
  Host& operator=(const Host&) = delete;

  bool stop(double patience_s) {
    const WithoutGil release;
    return host_->stop(std::chrono::duration_cast<Duration>(std::chrono::duration<double>(std::min(patience_s, 60.0))));
  }
  void abandon() { is_abandoned_ = true; }

  uint64_t add(const py::dict& options, const std::vector<std::string>& targets) {
    ClientSettings settings = read_client_settings(options);
    return host_->add(std::move(settings.options), read_targets(targets), settings.inbox);
  }
  void lead_to(uint64_t client, const std::vector<std::string>& targets) {
    host_->lead_to(client, read_targets(targets));
  }
  void remove(uint64_t client) { host_->remove(client); }

 private:
  explicit Host(std::shared_ptr<engine::ClientHost> host) : ScriptedClients(host), host_(std::move(host)) {}
  static std::shared_ptr<engine::ClientHost> make() {
    auto made = engine::ClientHost::make();
    if (!made) raise_run_error("descriptors", made.error().text);
    return std::move(*made);
  }

  std::shared_ptr<engine::ClientHost> host_;
  bool is_abandoned_ = false;
};

}  // namespace

void bind_client(py::module_& module) {
  py::class_<Host, ScriptedClients>(module, "ClientHost",
                                    "Clients of one event loop on a thread of their own; see client_host.hpp.")
      .def(py::init<>(), "Raises RunError when no descriptor or thread is left.")
      .def("stop", &Host::stop, py::arg("patience_s"), "Drops every stream; whether the thread has ended in time.")
      .def("abandon", &Host::abandon, "After a fork, in the child: to be touched no more.")
      .def("add", &Host::add, py::arg("options"), py::arg("targets"), "Its number. Raises PlanError.")
      .def("lead_to", &Host::lead_to, py::arg("client"), py::arg("targets"))
      .def("remove", &Host::remove, py::arg("client"));
  module.def(
      "encode_properties",
      [](const py::list& properties, const std::string& packet) {
        return py::bytes(encode_properties(properties, packet));
      },
      py::arg("properties"), py::arg("packet"), "Pairs of name and value as in the packet. Raises ValueError.");
  module.def("is_topic_name", &protocol::is_valid_topic_name, py::arg("text"));
  module.def("is_topic_filter", &protocol::is_valid_topic_filter, py::arg("text"));
  module.def(
      "topic_matches",
      [](const std::string& filter, const std::string& name) { return protocol::matches(filter, name); },
      py::arg("filter"), py::arg("name"));
  module.def(
      "reason_name", [](int code) { return protocol::to_string(static_cast<ReasonCode>(code)); }, py::arg("code"));
}

}  // namespace mqtt_sim::bindings
