#include "core/engine/http_config.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <system_error>
#include <utility>

#include "core/engine/message_history.hpp"

namespace mqtt_sim::engine {
namespace {

namespace fs = std::filesystem;
using load::PlanError;
using nlohmann::json;

// The answer of each reader: what would be right, as path within the value and text; none when all is.
using Complaint = std::optional<PlanError>;

Complaint complain(std::string path, const json& value, std::string remedy) {
  return PlanError{std::move(path), value.dump(), std::move(remedy)};
}

Complaint read_bool(const std::string& path, const json& value, bool& to) {
  if (!value.is_boolean()) return complain(path, value, "true or false");
  to = value.get<bool>();
  return std::nullopt;
}

Complaint read_directory(const std::string& path, const json& value, std::string& to) {
  if (!value.is_string() || value.get<std::string>().empty()) return complain(path, value, "a directory");
  to = value.get<std::string>();
  std::error_code error;
  if (!fs::is_directory(to, error)) return complain(path, value, "a directory that is there");
  return std::nullopt;
}

// Plain segments between slashes; a slash is added at the end.
Complaint read_mount(const std::string& path, const json& value, std::string& to) {
  if (value.is_string()) to = value.get<std::string>();
  if (!to.ends_with('/')) to += '/';
  const bool is_plain = value.is_string() && to.starts_with('/') && to.find("//") == std::string::npos &&
                        to.find("/.") == std::string::npos && to.find_first_of("?#%\\ ") == std::string::npos;
  if (!is_plain) return complain(path, value, R"(a path such as "/" or "/files/")");
  return std::nullopt;
}

Complaint read_static(const json& list, std::vector<StaticDirectory>& to) {
  if (!list.is_array()) return complain("http.static", list, "a list of objects {path, directory}");
  for (const json& item : list) {
    const std::string path = "http.static[" + std::to_string(to.size()) + "]";
    StaticDirectory& mount = to.emplace_back();
    if (!item.is_object()) return complain(path, item, "an object {path, directory}");
    for (const auto& [key, value] : item.items()) {
      Complaint wrong = complain(path + "." + key, value, "path or directory");
      if (key == "path") wrong = read_mount(path + ".path", value, mount.path);
      if (key == "directory") wrong = read_directory(path + ".directory", value, mount.directory);
      if (wrong) return wrong;
    }
    if (mount.directory.empty()) return complain(path, item, "an object with a directory");
    const auto is_same = [&](const StaticDirectory& other) { return other.path == mount.path; };
    if (std::ranges::count_if(to, is_same) > 1) return complain(path + ".path", mount.path, "a path of its own");
  }
  std::ranges::stable_sort(to, std::ranges::greater{}, [](const StaticDirectory& d) { return d.path.size(); });
  return std::nullopt;
}

bool is_token(std::string_view name) {
  const auto is_allowed = [](unsigned char c) {
    return std::isalnum(c) != 0 || std::string_view("!#$%&'*+-.^_`|~").find(static_cast<char>(c)) != std::string::npos;
  };
  return !name.empty() && std::ranges::all_of(name, is_allowed);
}

Complaint read_headers(const json& object, std::vector<HttpField>& to) {
  if (!object.is_object()) return complain("http.headers", object, "an object of names and values");
  for (const auto& [name, value] : object.items()) {
    const std::string path = "http.headers." + name;
    const auto is_same = [&](std::string_view ours) { return is_same_field_name(name, ours); };
    constexpr std::array ours = {"Connection", "Content-Length", "Content-Type", "ETag", "Transfer-Encoding"};
    if (!is_token(name) || std::ranges::any_of(ours, is_same))
      return complain(path, value, "a name that we do not set");
    const auto is_control = [](unsigned char c) { return c < ' ' || c == 0x7F; };
    if (!value.is_string() || std::ranges::any_of(value.get<std::string>(), is_control))
      return complain(path, value, "text of one line");
    to.push_back({name, value.get<std::string>()});
  }
  return std::nullopt;
}

Complaint read_key(const std::string& key, const json& value, HttpConfig& to) {
  if (key == "pages") return read_bool("http.pages", value, to.pages);
  if (key == "bundle") return read_bool("http.bundle", value, to.bundle);
  if (key == "allow_root_static") return read_bool("http.allow_root_static", value, to.allow_root_static);
  if (key == "other_brokers") return read_bool("http.other_brokers", value, to.other_brokers);
  if (key == "static") return read_static(value, to.directories);
  if (key == "headers") return read_headers(value, to.headers);
  if (key != "history") return complain("http." + key, value, "a known option");
  if (!value.is_number_unsigned() || value.get<uint64_t>() > MessageHistory::kLimit)
    return complain("http.history", value, "a whole number from 0 to " + std::to_string(MessageHistory::kLimit));
  to.history = value.get<uint32_t>();
  return std::nullopt;
}

bool is_root(const std::string& directory) {
  std::error_code error;
  return fs::canonical(directory, error) == "/";
}

}  // namespace

std::optional<PlanError> read_http(const json& value, HttpConfig& to) {
  if (!value.is_object()) return complain("http", value, "an object");
  for (const auto& [key, item] : value.items()) {
    if (auto wrong = read_key(key, item, to)) return wrong;
  }
  if (to.allow_root_static) return std::nullopt;
  const auto root = std::ranges::find_if(to.directories, [](const StaticDirectory& d) { return is_root(d.directory); });
  if (root == to.directories.end()) return std::nullopt;
  return complain("http.static", root->directory,
                  "a directory below /, since everybody could read the whole file system "
                  "(allow_root_static: true if that is meant)");
}

}  // namespace mqtt_sim::engine
