#include "core/engine/broker_access.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <random>

#include "core/broker/text_lines.hpp"

namespace mqtt_sim::engine {
namespace {

constexpr uint8_t kUnspecified = 0x80;  // not of the protocol

Expected<std::string> read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return make_error(kUnspecified, std::strerror(errno));
  std::string text;
  std::array<char, 65'536> part;
  while (file && text.size() <= broker::kLongestText) {
    file.read(part.data(), part.size());
    text.append(part.data(), static_cast<size_t>(file.gcount()));
  }
  if (file.bad()) return make_error(kUnspecified, std::strerror(errno));
  return text;
}

// A file as a table; `option` is the name of the option that gave the path, if it gave one.
template <class Table>
std::optional<Error> read_table(const char* option, const std::string& path, Table& to) {
  if (path.empty()) return std::nullopt;
  const auto text = read_file(path);
  auto table = text ? Table::parse(*text) : Expected<Table>(text.error());
  if (!table) return make_error(table.error().reason, std::string(option) + " " + path + ": " + table.error().text);
  to = std::move(*table);
  return std::nullopt;
}

}  // namespace

Expected<BrokerAccess::Tables> BrokerAccess::read() const {
  Tables tables;
  if (auto error = read_table("users_file", sources_.users_file, tables.users)) return std::move(*error);
  if (auto error = read_table("acl_file", sources_.acl_file, tables.access)) return std::move(*error);
  for (const auto& [name, password] : sources_.credentials) {
    if (const auto error = tables.users.add(name, password)) {
      return make_error(error->reason, "credentials: " + error->text);
    }
  }
  return tables;
}

std::vector<std::string> BrokerAccess::replace(Tables tables) {
  std::vector<std::string> outdated = users_.replace(std::move(tables.users));
  access_list_.replace(std::move(tables.access));
  return outdated;
}

broker::BrokerOptions BrokerAccess::add_to(broker::BrokerOptions options) {
  if (sources_.has_users()) {
    options.rules.push_back(&users_);
    options.authenticators.push_back(&scram_);
  }
  if (!sources_.acl_file.empty()) options.rules.push_back(&access_list_);
  return options;
}

std::string unpredictable_secret() {
  std::random_device device;
  std::string secret;
  while (secret.size() < 32) {
    const auto bits = device();
    for (unsigned shift = 0; shift < 32; shift += 8) secret += static_cast<char>(bits >> shift & 255);
  }
  return secret;
}

uint64_t unpredictable_seed() {
  std::random_device device;
  const uint64_t high = device();
  return high << 32 | device();
}

}  // namespace mqtt_sim::engine
