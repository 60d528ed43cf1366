// What a listener answers to plain HTTP, as a user configures it: a JSON object, checked.
//
//   pages              /crawl, /stats.json, /metrics, /healthz; on unless said otherwise
//   bundle             our client for browsers at /mqtt.js, unless a static file has that name
//   static             [{path, directory}]: directories of the user's, the longest path first
//   allow_root_static  lets a directory be /, the whole file system
//   other_brokers      the crawl page may connect to other hosts than its own, as its address says
//   history            so many of the last messages in /stats.json
//   headers            {name: value}, sent with every answer
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "core/base/http.hpp"
#include "core/load/plan.hpp"

namespace mqtt_sim::engine {

struct StaticDirectory {
  std::string path = "/";  // begins and ends with a slash
  std::string directory;
};

struct HttpConfig {
  bool pages = true;
  bool bundle = false;
  std::vector<StaticDirectory> directories;
  bool allow_root_static = false;
  bool other_brokers = false;
  uint32_t history = 0;
  std::vector<HttpField> headers;
};

// Error: the path from "http" on, what stands there, and what should. Directories must exist.
std::optional<load::PlanError> read_http(const nlohmann::json& value, HttpConfig& to);

}  // namespace mqtt_sim::engine
