// How a value of a broker's JSON configuration is read: read(value, to) for each type that an option can have. Its
// answer says what would be right, and is empty when the value is.
#pragma once

#include <algorithm>
#include <array>
#include <concepts>
#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/time.hpp"
#include "core/base/tls_options.hpp"
#include "core/broker/options.hpp"

namespace mqtt_sim::engine {

using Remedy = std::string;
constexpr const char* kUnknownOption = "a known option";

// The words for an enumeration, in its order.
template <class Enum>
struct Words;
template <>
struct Words<broker::DropPolicy> {
  static constexpr std::array<std::string_view, 3> list = {"newest", "oldest", "disconnect"};
};
template <>
struct Words<broker::Profile> {
  static constexpr std::array<std::string_view, 3> list = {"standard", "diffusion", "mosca"};
};
template <>
struct Words<broker::OnQos2Publish> {
  static constexpr std::array<std::string_view, 4> list = {"ignore", "noack", "drop_to_qos1", "disconnect"};
};
template <>
struct Words<ClientCertificate> {
  static constexpr std::array<std::string_view, 3> list = {"ignored", "requested", "required"};
};
template <>
struct Words<TlsVersion> {
  static constexpr std::array<std::string_view, 2> list = {"1.2", "1.3"};
};

inline Remedy read(const nlohmann::json& value, bool& to) {
  if (!value.is_boolean()) return "true or false";
  to = value.get<bool>();
  return {};
}

inline Remedy read(const nlohmann::json& value, std::string& to) {
  if (!value.is_string()) return "text";
  to = value.get<std::string>();
  return {};
}

inline Remedy read(const nlohmann::json& value, std::vector<std::string>& to) {
  const auto is_text = [](const nlohmann::json& item) { return item.is_string(); };
  if (!value.is_array() || !std::ranges::all_of(value, is_text)) return "a list of texts";
  to = value.get<std::vector<std::string>>();
  return {};
}

template <std::unsigned_integral Integer>
Remedy read(const nlohmann::json& value, Integer& to) {
  constexpr Integer most = std::numeric_limits<Integer>::max();
  if (!value.is_number_unsigned() || value.get<uint64_t>() > most) {
    return "a whole number from 0 to " + std::to_string(most);
  }
  to = value.get<Integer>();
  return {};
}

inline Remedy read(const nlohmann::json& value, Duration& to) {
  if (!value.is_number_unsigned() || value.get<uint64_t>() > uint64_t{INT64_MAX}) return "nanoseconds, not negative";
  to = Duration(value.get<int64_t>());
  return {};
}

inline Remedy read(const nlohmann::json& value, protocol::QoS& to) {
  if (!value.is_number_unsigned() || value.get<uint64_t>() > 2) return "0, 1 or 2";
  to = static_cast<protocol::QoS>(value.get<uint8_t>());
  return {};
}

template <class Enum>
  requires requires { Words<Enum>::list; }
Remedy read(const nlohmann::json& value, Enum& to) {
  const auto& words = Words<Enum>::list;
  const auto found = value.is_string() ? std::ranges::find(words, value.get<std::string>()) : words.end();
  if (found != words.end()) {
    to = static_cast<Enum>(found - words.begin());
    return {};
  }
  std::string remedy = "one of";
  for (const std::string_view word : words) remedy += " " + std::string(word);
  return remedy;
}

}  // namespace mqtt_sim::engine
