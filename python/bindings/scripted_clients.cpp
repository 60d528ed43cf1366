#include "python/bindings/scripted_clients.hpp"

#include <pybind11/stl.h>

#include <algorithm>
#include <chrono>

#include "core/protocol/topic.hpp"
#include "python/bindings/client_options.hpp"
#include "python/bindings/module.hpp"

namespace mqtt_sim::bindings {
namespace py = pybind11;

namespace {

using load::Bytes;
using protocol::ReasonCode;

// The first item of a record of fetch().
enum RecordKind : int { messages, settled, state, connected, refused, ended, answered, auth, trace, sent, advanced };

Bytes bytes_of(const std::string& text) { return {text.begin(), text.end()}; }
std::string_view text_of(const Bytes& bytes) { return as_text(bytes); }

py::object properties_of(const Bytes& encoded) { return decode_properties(text_of(encoded)); }

// An instance of `type`, a subclass of tuple without fields of its own: what NamedTuple makes.
PyObject* make_message(PyTypeObject* type, const load::MessageNote& note) {
  PyObject* tuple = type->tp_alloc(type, 9);
  if (!tuple) throw py::error_already_set();
  const std::string_view topic = note.topic();
  const std::string_view payload = note.payload();
  PyTuple_SET_ITEM(tuple, 0, PyUnicode_DecodeUTF8(topic.data(), static_cast<Py_ssize_t>(topic.size()), "replace"));
  PyTuple_SET_ITEM(tuple, 1, PyBytes_FromStringAndSize(payload.data(), static_cast<Py_ssize_t>(payload.size())));
  PyTuple_SET_ITEM(tuple, 2, PyLong_FromLong(static_cast<long>(note.qos)));
  PyTuple_SET_ITEM(tuple, 3, PyBool_FromLong(note.retain));
  PyTuple_SET_ITEM(tuple, 4, PyBool_FromLong(note.dup));
  PyTuple_SET_ITEM(tuple, 5, PyLong_FromLong(note.packet_id));
  PyTuple_SET_ITEM(tuple, 6, PyLong_FromUnsignedLongLong(note.token));
  PyTuple_SET_ITEM(tuple, 7, decode_properties(note.properties()).release().ptr());
  PyTuple_SET_ITEM(tuple, 8,
                   note.latency ? PyFloat_FromDouble(std::chrono::duration<double>(*note.latency).count())
                                : py::none().release().ptr());
  if (PyErr_Occurred()) {
    Py_DECREF(tuple);
    throw py::error_already_set();
  }
  return tuple;
}

// Notes of a client as records. Messages that follow each other make one record, and so do settlements.
class Records {
 public:
  explicit Records(PyTypeObject* message_type) : message_type_(message_type) {}

  py::list take(const std::vector<load::Note>& notes) {
    for (const load::Note& note : notes) std::visit(*this, note);
    return std::move(records_);
  }

  void operator()(const load::DroppedNote&) {}
  void operator()(const load::MessageNote& note) {
    PyObject* message = make_message(message_type_, note);
    const int outcome = PyList_Append(run_of(messages).ptr(), message);
    Py_DECREF(message);
    if (outcome != 0) throw py::error_already_set();
  }
  void operator()(const load::SettledNote& note) {
    run_of(settled).append(py::make_tuple(note.cookie, static_cast<int>(note.how), static_cast<int>(note.reason),
                                          note.text, properties_of(note.properties)));
  }
  void operator()(const load::StateNote& note) { add(state, to_string(note.from), to_string(note.to)); }
  void operator()(const load::ConnectedNote& note) {
    add(connected, note.session_present, note.client_id, properties_of(note.properties));
  }
  void operator()(const load::RefusedNote& note) {
    add(refused, static_cast<int>(note.reason), int{note.code}, properties_of(note.properties));
  }
  void operator()(const load::EndedNote& note) {
    add(ended, client::to_string(note.cause), to_string(note.close), static_cast<int>(note.reason), note.text,
        note.detail, note.was_connected, note.is_final, properties_of(note.properties));
  }
  void operator()(const load::AnsweredNote& note) {
    const std::string_view codes = text_of(note.codes);
    add(answered, note.cookie, note.is_closed, py::bytes(codes.data(), codes.size()), properties_of(note.properties));
  }
  void operator()(const load::AuthNote& note) { add(auth, static_cast<int>(note.reason), py::bytes(note.data)); }
  void operator()(const load::TraceNote& note) {
    const std::string_view name = protocol::to_string(static_cast<protocol::PacketType>(note.first >> 4));
    add(trace, note.is_sent, py::str(name.data(), name.size()), note.first & 0x0F, note.size, note.packet_id,
        note.topic, note.reason);
  }
  void operator()(const load::SentNote& note) { add(sent, note.cookie); }
  void operator()(const load::AdvancedNote& note) {
    add(advanced, note.received == protocol::PacketType::pubrel, note.packet_id);
  }

 private:
  template <class... Items>
  void add(RecordKind kind, Items&&... items) {
    run_kind_ = -1;
    records_.append(py::make_tuple(static_cast<int>(kind), std::forward<Items>(items)...));
  }
  py::list& run_of(RecordKind kind) {
    if (run_kind_ == kind) return run_;
    run_ = py::list();
    add(kind, run_);
    run_kind_ = kind;
    return run_;
  }

  PyTypeObject* message_type_;
  py::list records_;
  py::list run_;
  int run_kind_ = -1;
};

}  // namespace

void ScriptedClients::connect(uint64_t client) {
  clients_->command(client, [](load::ScriptedClient& to, Instant now) { to.connect(now); });
}

void ScriptedClients::end(uint64_t client, double patience_s, int reason, const std::string& properties) {
  const auto patience = std::chrono::duration_cast<Duration>(std::chrono::duration<double>(std::min(patience_s, 3e7)));
  clients_->command(client, [=, given = bytes_of(properties)](load::ScriptedClient& to, Instant now) {
    to.end(now, patience, static_cast<ReasonCode>(reason), given);
  });
}

void ScriptedClients::kill(uint64_t client) {
  clients_->command(client, [](load::ScriptedClient& to, Instant now) { to.kill(now); });
}

bool ScriptedClients::publish(uint64_t client, uint64_t cookie, std::string topic, std::string_view payload, int qos,
                              bool retain, const std::string& properties) {
  const bool is_alias_alone = topic.empty() && !properties.empty();
  if (!is_alias_alone && !protocol::is_valid_topic_name(topic)) return false;
  clients_->order(client, load::PublishOrder{cookie, static_cast<protocol::QoS>(qos), retain, std::move(topic),
                                             std::string(payload), bytes_of(properties)});
  return true;
}

void ScriptedClients::subscribe(uint64_t client, uint64_t cookie,
                                const std::vector<std::pair<std::string, int>>& entries,
                                const std::string& properties) {
  load::SubscribeOrder order{cookie, {}, bytes_of(properties)};
  for (const auto& [filter, bits] : entries) {
    order.entries.emplace_back(
        filter, protocol::SubscriptionOptions{static_cast<protocol::QoS>(bits & 3), (bits & 4) != 0, (bits & 8) != 0,
                                              static_cast<protocol::RetainHandling>(bits >> 4 & 3)});
  }
  clients_->order(client, std::move(order));
}

void ScriptedClients::unsubscribe(uint64_t client, uint64_t cookie, std::vector<std::string> filters,
                                  const std::string& properties) {
  clients_->order(client, load::UnsubscribeOrder{cookie, std::move(filters), bytes_of(properties)});
}

void ScriptedClients::acknowledge(uint64_t client, uint64_t token, int reason) {
  clients_->command(client, [=](load::ScriptedClient& to, Instant now) {
    to.acknowledge(token, static_cast<ReasonCode>(reason), now);
  });
}

void ScriptedClients::authenticate(uint64_t client, const std::string& data, bool is_again) {
  clients_->command(client, [=](load::ScriptedClient& to, Instant now) {
    if (is_again) return to.reauthenticate(data, now);
    to.authenticate(data, now);
  });
}

void ScriptedClients::note_read(uint64_t client, uint64_t message_count, uint64_t byte_count) {
  clients_->command(client, [=](load::ScriptedClient& to, Instant) { to.note_read(message_count, byte_count); });
}

void ScriptedClients::trace_packets(uint64_t client, bool is_on) {
  clients_->command(client, [=](load::ScriptedClient& to, Instant) { to.trace(is_on); });
}

py::list ScriptedClients::fetch(const py::type& message_type) {
  std::vector<engine::ScriptedClients::Delivery> batch;
  {
    const WithoutGil release;
    batch = clients_->fetch();
  }
  py::list deliveries;
  for (const auto& delivery : batch) {
    Records records(reinterpret_cast<PyTypeObject*>(message_type.ptr()));
    deliveries.append(py::make_tuple(delivery.client, delivery.dropped, records.take(delivery.notes)));
  }
  return deliveries;
}

void bind_scripted_clients(py::module_& module) {
  py::class_<ScriptedClients>(module, "ScriptedClients", "Clients that a script commands; see scripted_clients.hpp.")
      .def("descriptor", &ScriptedClients::descriptor, "Readable while fetch() has something; -1: there is none.")
      .def("fetch", &ScriptedClients::fetch, py::arg("message_type"),
           "[(client, messages dropped, [record, ...]), ...]")
      .def("connect", &ScriptedClients::connect, py::arg("client"))
      .def("end", &ScriptedClients::end, py::arg("client"), py::arg("patience_s"), py::arg("reason"),
           py::arg("properties"))
      .def("kill", &ScriptedClients::kill, py::arg("client"))
      .def("publish", &ScriptedClients::publish, py::arg("client"), py::arg("cookie"), py::arg("topic"),
           py::arg("payload"), py::arg("qos"), py::arg("retain"), py::arg("properties"), "False: not a topic name.")
      .def("subscribe", &ScriptedClients::subscribe, py::arg("client"), py::arg("cookie"), py::arg("entries"),
           py::arg("properties"))
      .def("unsubscribe", &ScriptedClients::unsubscribe, py::arg("client"), py::arg("cookie"), py::arg("filters"),
           py::arg("properties"))
      .def("acknowledge", &ScriptedClients::acknowledge, py::arg("client"), py::arg("token"), py::arg("reason"))
      .def("authenticate", &ScriptedClients::authenticate, py::arg("client"), py::arg("data"), py::arg("is_again"))
      .def("restore", &ScriptedClients::restore, py::arg("client"), py::arg("publishes"), py::arg("received"),
           "Before connect(). Publishes: (cookie, packet id, topic, payload, qos, retain, properties, 0 not sent, 1 "
           "perhaps sent, 2 released).")
      .def("publish_kept", &ScriptedClients::publish_kept, py::arg("client"), py::arg("publish"))
      .def("continue_exchange", &ScriptedClients::continue_exchange, py::arg("client"), py::arg("is_received"),
           py::arg("packet_id"))
      .def("forget", &ScriptedClients::forget, py::arg("client"), py::arg("cookie"))
      .def("note_read", &ScriptedClients::note_read, py::arg("client"), py::arg("message_count"), py::arg("byte_count"))
      .def("trace_packets", &ScriptedClients::trace_packets, py::arg("client"), py::arg("is_on"));
}

}  // namespace mqtt_sim::bindings
