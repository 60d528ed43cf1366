#include "python/bindings/client_options.hpp"

#include <pybind11/stl.h>

#include <chrono>
#include <nlohmann/json.hpp>
#include <optional>

#include "core/load/target_reader.hpp"
#include "core/net/tls_check.hpp"
#include "python/bindings/module.hpp"

namespace mqtt_sim::bindings {
namespace py = pybind11;

namespace {

using protocol::PacketType;
using protocol::PropertyId;
using protocol::PropertyType;

template <class T>
T get(const py::dict& from, const char* key) {
  return from[key].cast<T>();
}

template <class T>
std::optional<T> get_optional(const py::dict& from, const char* key) {
  if (from[key].is_none()) return std::nullopt;
  return from[key].cast<T>();
}

Duration seconds(double s) {
  return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(std::min(s, 3.0e7)));
}

protocol::PropertyWriter writer_of(const std::string& encoded) {
  protocol::PropertyWriter writer;
  for (const protocol::Property& property : protocol::PropertyList(as_bytes(encoded))) writer.copy(property);
  return writer;
}

client::WillOptions read_will(const py::dict& from) {
  client::WillOptions will{get<std::string>(from, "topic"),
                           get<std::string>(from, "payload"),
                           static_cast<protocol::QoS>(get<uint8_t>(from, "qos")),
                           get<bool>(from, "retain"),
                           {}};
  will.properties = writer_of(get<std::string>(from, "properties"));
  return will;
}

client::TopicAliasMode alias_mode(const std::string& word) {
  if (word == "auto") return client::TopicAliasMode::automatic;
  return word == "use" ? client::TopicAliasMode::by_owner : client::TopicAliasMode::off;
}

client::ClientOptions read_options(const py::dict& from) {
  client::ClientOptions to;
  to.version = static_cast<protocol::ProtocolVersion>(get<uint8_t>(from, "protocol_version"));
  to.clean_start = get<bool>(from, "clean_start");
  to.session_expiry_interval_s = get<uint32_t>(from, "session_expiry_interval");
  to.keep_alive_s = get<uint16_t>(from, "keep_alive");
  to.connect_timeout = seconds(get<double>(from, "connect_timeout"));
  to.reconnect_period = seconds(get<double>(from, "reconnect_period"));
  to.reconnect_period_max = seconds(get<double>(from, "reconnect_period_max"));
  const bool has_jitter = get<std::string>(from, "reconnect_jitter") == "full";
  to.reconnect_jitter = has_jitter ? client::ReconnectJitter::full : client::ReconnectJitter::none;
  to.user_name = get_optional<std::string>(from, "username");
  to.password = get_optional<std::string>(from, "password");
  if (!from["will"].is_none()) to.will = read_will(from["will"]);
  to.receive_maximum = get<uint16_t>(from, "receive_maximum");
  to.in_flight_maximum = get<uint16_t>(from, "in_flight_maximum");
  to.maximum_packet_size = get<uint32_t>(from, "maximum_packet_size");
  to.topic_alias_maximum = get<uint16_t>(from, "topic_alias_maximum");
  to.topic_alias_mode = alias_mode(get<std::string>(from, "topic_alias"));
  to.request_problem_information = get<bool>(from, "request_problem_information");
  to.request_response_information = get<bool>(from, "request_response_information");
  to.user_properties = get<client::UserProperties>(from, "user_properties");
  to.adopts_session = get<bool>(from, "adopt_session");
  to.acknowledges_by_owner = get<bool>(from, "manual_acknowledge");
  if (!from["authentication"].is_none()) {
    const py::dict by = from["authentication"];
    to.authentication = client::AuthenticationOptions{get<std::string>(by, "method"), get<std::string>(by, "username"),
                                                      get<std::string>(by, "password"), get<std::string>(by, "data")};
  }
  return to;
}

load::RetryRefused retry_refused(const py::object& value) {
  if (value.is_none()) return load::RetryRefused::by_reason;
  return value.cast<bool>() ? load::RetryRefused::always : load::RetryRefused::never;
}

uint32_t place_of(const std::string& packet) {
  if (packet == "will") return protocol::kWillProperties;
  for (const PacketType type : {PacketType::connect, PacketType::publish, PacketType::subscribe,
                                PacketType::unsubscribe, PacketType::disconnect}) {
    std::string name(protocol::to_string(type));
    std::ranges::transform(name, name.begin(), [](char letter) { return static_cast<char>(letter | 0x20); });
    if (name == packet) return protocol::place_of(type);
  }
  throw py::value_error("no packet " + packet);
}

const protocol::PropertyRow* row_of(const std::string& name, uint32_t place) {
  for (const protocol::PropertyRow& row : protocol::property_table()) {
    if (row.name == name && (row.allowed_in & place) != 0) return &row;
  }
  return nullptr;
}

std::string known_names(uint32_t place) {
  std::string names;
  for (const protocol::PropertyRow& row : protocol::property_table()) {
    if ((row.allowed_in & place) != 0) names += (names.empty() ? "" : ", ") + std::string(row.name);
  }
  return names;
}

std::string text_of(const std::string& name, const py::handle& value) {
  if (!py::isinstance<py::bytes>(value) && !py::isinstance<py::str>(value)) {
    throw py::value_error(name + ": should be bytes or text");
  }
  std::string text = value.cast<std::string>();
  if (text.size() > 65'535) throw py::value_error(name + ": should have at most 65535 bytes");
  return text;
}

uint32_t number_of(const std::string& name, PropertyType type, const py::handle& value) {
  const uint64_t most = type == PropertyType::byte                    ? 255
                        : type == PropertyType::two_byte_integer      ? 65'535
                        : type == PropertyType::variable_byte_integer ? 268'435'455
                                                                      : 4'294'967'295;
  const bool is_whole = py::isinstance<py::int_>(value);
  int overflow = 0;
  const int64_t number = is_whole ? PyLong_AsLongLongAndOverflow(value.ptr(), &overflow) : -1;
  if (overflow != 0 || number < 0 || static_cast<uint64_t>(number) > most) {
    throw py::value_error(name + ": should be a whole number from 0 to " + std::to_string(most));
  }
  return static_cast<uint32_t>(number);
}

void write_property(protocol::PropertyWriter& writer, const protocol::PropertyRow& row, const py::handle& value) {
  const std::string name(row.name);
  switch (row.type) {
    case PropertyType::utf8_string_pair: {
      const auto [key, text] = value.cast<std::pair<std::string, std::string>>();
      writer.user_property(text_of(name, py::str(key)), text_of(name, py::str(text)));
      break;
    }
    case PropertyType::utf8_string:
      if (!py::isinstance<py::str>(value)) throw py::value_error(name + ": should be a text");
      writer.text(row.id, text_of(name, value));
      break;
    case PropertyType::binary: writer.text(row.id, text_of(name, value)); break;
    default: writer.number(row.id, number_of(name, row.type, value));
  }
}

py::object value_of(const protocol::Property& property, PropertyType type) {
  switch (type) {
    case PropertyType::utf8_string: return py::str(property.text.data(), property.text.size());
    case PropertyType::binary: return py::bytes(property.text.data(), property.text.size());
    case PropertyType::utf8_string_pair:
      return py::make_tuple(py::str(property.text.data(), property.text.size()),
                            py::str(property.value.data(), property.value.size()));
    default: return py::int_(property.number);
  }
}

}  // namespace

ClientSettings read_client_settings(const py::dict& from) {
  ClientSettings settings;
  load::ScriptedOptions& options = settings.options;
  options.client = read_options(from);
  options.client_id = get<std::string>(from, "client_id");
  options.client.session_of_owner = get<bool>(from, "keeps_session");
  if (options.client.session_of_owner) options.client.acknowledges_by_owner = true;
  options.seed = get<uint64_t>(from, "seed");
  options.resubscribes = get<bool>(from, "resubscribe");
  options.queues_qos0 = get<bool>(from, "queue_qos_zero");
  options.subscribe_batch = get<uint32_t>(from, "subscribe_batch_size");
  options.retry_refused = retry_refused(from["reconnect_on_connack_error"]);
  const auto policy = get<std::string>(from, "queue_policy");
  const auto limit = get<uint32_t>(from, "queue_limit");
  if (policy == "wait") {
    options.unread_messages_limit = limit;
    options.unread_bytes_limit = get<uint64_t>(from, "queue_bytes_limit");
  } else {
    settings.inbox.rule = policy == "drop_oldest" ? engine::InboxRule::drop_oldest : engine::InboxRule::drop_newest;
    settings.inbox.messages_limit = limit;
  }
  return settings;
}

std::vector<Target> read_targets(const std::vector<std::string>& documents) {
  std::vector<Target> targets;
  load::TargetReader reader;
  for (const std::string& text : documents) {
    const nlohmann::json document = nlohmann::json::parse(text, nullptr, false);
    std::optional<load::PlanError> error;
    targets.push_back(reader.read(load::Reader(document, "", error), Address{}));
    if (error) raise_plan_error(*error);
    if (!targets.back().tls) continue;
    if (const auto works = net::check(*targets.back().tls); !works) {
      raise_plan_error({"tls", "\"...\"", works.error().text});
    }
  }
  return targets;
}

std::string encode_properties(const py::list& properties, const std::string& packet) {
  const uint32_t place = place_of(packet);
  protocol::PropertyWriter writer;
  for (const py::handle& item : properties) {
    const auto [name, value] = item.cast<std::pair<std::string, py::object>>();
    const protocol::PropertyRow* row = row_of(name, place);
    if (!row) throw py::value_error("there is no property " + name + "; known are " + known_names(place));
    write_property(writer, *row, value);
  }
  const ByteView encoded = writer.list().encoded();
  if (const auto checked = protocol::check_properties(encoded, place); !checked) {
    throw py::value_error("properties: " + checked.error().text);
  }
  return std::string(as_text(encoded));
}

py::object decode_properties(std::string_view encoded) {
  if (encoded.empty()) return py::none();
  py::dict by_name;
  for (const protocol::Property& property : protocol::PropertyList(as_bytes(encoded))) {
    const protocol::PropertyRow* row = protocol::find_property_row(static_cast<uint8_t>(property.id));
    const bool is_list = row->id == PropertyId::user_property || row->id == PropertyId::subscription_identifier;
    const py::str name(row->name.data(), row->name.size());
    const py::object value = value_of(property, row->type);
    if (!is_list) {
      by_name[name] = value;
    } else if (by_name.contains(name)) {
      by_name[name].cast<py::list>().append(value);
    } else {
      py::list values;
      values.append(value);
      by_name[name] = values;
    }
  }
  return by_name;
}

}  // namespace mqtt_sim::bindings
