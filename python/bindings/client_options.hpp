// How a client made in Python connects: from the dictionary that mqtt_sim.client.options writes, where every value has
// been judged, to the structs of the core. With the GIL.
#pragma once

#include <pybind11/pybind11.h>

#include <cstdint>
#include <string>
#include <vector>

#include "core/base/target.hpp"
#include "core/engine/client_host.hpp"
#include "core/load/scripted_client.hpp"

namespace mqtt_sim::bindings {

struct ClientSettings {
  load::ScriptedOptions options;
  engine::Inbox inbox;
};

// Raises KeyError or TypeError where the dictionary is not the one it should be.
ClientSettings read_client_settings(const pybind11::dict&);

// Targets as the Plan writes them, each a JSON object. Raises PlanError; also for TLS options that cannot work.
std::vector<Target> read_targets(const std::vector<std::string>& documents);

// Encoded properties for a packet type ("publish", "will", ...). Raises ValueError that names the property.
std::string encode_properties(const pybind11::list& properties, const std::string& packet);
// A dictionary by property name, or None when there are none.
pybind11::object decode_properties(std::string_view encoded);

}  // namespace mqtt_sim::bindings
