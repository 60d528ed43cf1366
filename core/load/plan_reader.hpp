// Reads the members of the Plan's JSON document with their type and range checked. Used by the readers of plans alone;
// a member that a later version added may be absent and then has its default.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/load/plan.hpp"

namespace mqtt_sim::load {

using Json = nlohmann::json;

// A place inside the document: reads members with their type and range checked, and remembers the first thing wrong.
class Reader {
 public:
  Reader(const Json& json, std::string path, std::optional<PlanError>& error)
      : json_(json), path_(std::move(path)), error_(error) {}

  const Json& json() const { return json_; }
  const std::string& path() const { return path_; }
  bool is_null(const char* key) const { return !json_.contains(key) || json_[key].is_null(); }

  Reader at(const char* key) const { return Reader(member(key), join(key), error_); }
  std::vector<Reader> items(const char* key) const {
    std::vector<Reader> readers;
    const Json& list = member(key);
    if (!list.is_array()) return fail(key, "a list"), readers;
    for (size_t i = 0; i < list.size(); ++i) readers.emplace_back(list[i], join(key) + "." + std::to_string(i), error_);
    return readers;
  }

  bool boolean(const char* key) const {
    const Json& value = member(key);
    if (!value.is_boolean()) return fail(key, "true or false"), false;
    return value.get<bool>();
  }
  std::string text(const char* key) const {
    const Json& value = member(key);
    if (!value.is_string()) return fail(key, "a text"), std::string();
    return value.get<std::string>();
  }
  std::optional<std::string> optional_text(const char* key) const {
    if (is_null(key)) return std::nullopt;
    return text(key);
  }
  std::string text_or(const char* key, std::string otherwise) const { return is_null(key) ? otherwise : text(key); }
  // Absent: none.
  std::vector<std::string> texts(const char* key) const {
    std::vector<std::string> list;
    if (is_null(key)) return list;
    if (!member(key).is_array()) return fail(key, "a list of texts"), list;
    for (const Json& item : member(key)) {
      if (!item.is_string()) return fail(key, "a list of texts"), list;
      list.push_back(item.get<std::string>());
    }
    return list;
  }
  // A text that MQTT can carry as a string, as far as its length goes.
  std::string short_text(const char* key) const {
    std::string value = text(key);
    if (value.size() > kLongestText) return fail(key, "a text of at most 65535 bytes"), std::string();
    return value;
  }
  client::UserProperties user_properties(const char* key) const {
    client::UserProperties properties;
    if (is_null(key)) return properties;
    const auto is_text = [](const Json& value) {
      return value.is_string() && value.get_ref<const std::string&>().size() <= kLongestText;
    };
    if (!member(key).is_array()) return fail(key, "a list of pairs of texts"), properties;
    for (const Json& pair : member(key)) {
      if (!pair.is_array() || pair.size() != 2 || !is_text(pair[0]) || !is_text(pair[1]))
        return fail(key, "a list of pairs of texts"), properties;
      properties.emplace_back(pair[0].get<std::string>(), pair[1].get<std::string>());
    }
    return properties;
  }
  bool boolean_or(const char* key, bool otherwise) const { return is_null(key) ? otherwise : boolean(key); }
  template <class Integer>
  Integer integer_or(const char* key, uint64_t least, uint64_t most, Integer otherwise) const {
    return is_null(key) ? otherwise : integer<Integer>(key, least, most);
  }
  template <class Integer>
  Integer integer(const char* key, uint64_t least, uint64_t most) const {
    const Json& value = member(key);
    const bool is_in_range =
        value.is_number_unsigned() && value.get<uint64_t>() >= least && value.get<uint64_t>() <= most;
    const bool is_signed_in_range =
        value.is_number_integer() && !value.is_number_unsigned() && value.get<int64_t>() >= 0;
    if (!is_in_range && !is_signed_in_range) {
      fail(key, "a whole number from " + std::to_string(least) + " to " + std::to_string(most));
      return static_cast<Integer>(least);
    }
    return static_cast<Integer>(value.get<uint64_t>());
  }
  double number(const char* key, double least, double most) const {
    const Json& value = member(key);
    if (!value.is_number() || !(value.get<double>() >= least) || !(value.get<double>() <= most))
      return fail(key, "a number from " + std::to_string(least) + " to " + std::to_string(most)), least;
    return value.get<double>();
  }
  Duration duration(const char* key) const {
    constexpr uint64_t kLongest = uint64_t{366} * 86'400 * 1'000'000'000;  // a year
    return Duration(integer<int64_t>(key, 0, kLongest));
  }
  protocol::QoS qos() const { return static_cast<protocol::QoS>(integer<uint8_t>("qos", 0, 2)); }
  template <class Enum>
  Enum choice(const char* key, std::initializer_list<std::pair<const char*, Enum>> choices) const {
    const std::string value = text(key);
    std::string names;
    for (const auto& [name, meaning] : choices) {
      if (value == name) return meaning;
      names += (names.empty() ? "" : ", ") + std::string(name);
    }
    fail(key, "one of " + names);
    return choices.begin()->second;
  }

  void fail(const char* key, std::string message) const {
    if (error_) return;
    error_ = PlanError{join(key), json_.contains(key) ? json_[key].dump() : "nothing", std::move(message)};
  }

 private:
  static constexpr size_t kLongestText = 65'535;

  const Json& member(const char* key) const {
    static const Json kNothing;
    return json_.is_object() && json_.contains(key) ? json_[key] : kNothing;
  }
  std::string join(const char* key) const { return path_.empty() ? key : path_ + "." + key; }

  const Json& json_;
  std::string path_;
  std::optional<PlanError>& error_;
};

}  // namespace mqtt_sim::load
