// The compiled module: a table of contents. Each noun registers itself in bind_<noun>.cpp.
#include "python/bindings/module.hpp"

PYBIND11_MODULE(_core, module) {
  module.doc() =
      "The engine of mqtt_sim, raw. JSON texts go in and come out; see the mqtt_sim package for the surface.";
  module.attr("__version__") = MQTT_SIM_VERSION;
  mqtt_sim::bindings::bind_errors(module);
  mqtt_sim::bindings::bind_corpus(module);
  mqtt_sim::bindings::bind_histogram(module);
  mqtt_sim::bindings::bind_scripted_clients(module);
  mqtt_sim::bindings::bind_run(module);
  mqtt_sim::bindings::bind_contents(module);
  mqtt_sim::bindings::bind_broker(module);
  mqtt_sim::bindings::bind_client(module);
  mqtt_sim::bindings::bind_certificates(module);
}
