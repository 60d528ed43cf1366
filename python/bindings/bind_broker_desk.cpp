// What a script sees and does inside its broker: notes come out in one batch a call, orders go in and are waited for or
// not. The broker's thread never takes the GIL.
#include <pybind11/stl.h>

#include <memory>
#include <utility>

#include "core/broker/connection.hpp"
#include "core/protocol/topic.hpp"
#include "python/bindings/client_options.hpp"
#include "python/bindings/hosted_broker.hpp"
#include "python/bindings/module.hpp"

namespace mqtt_sim::bindings {
namespace py = pybind11;

namespace {

using broker::NoticeKind;
using broker::NoticeKinds;
using engine::DeskClient;
using engine::DeskMessage;
using engine::DeskNote;
using protocol::ReasonCode;

// The first item of a record, beyond the kinds of notices.
enum RecordKind : int { question = 100, settled = 101 };

py::str text_of(std::string_view text) {
  PyObject* made = PyUnicode_DecodeUTF8(text.data(), static_cast<Py_ssize_t>(text.size()), "replace");
  if (!made) throw py::error_already_set();
  return py::reinterpret_steal<py::str>(made);
}

py::object text_or_none(const std::optional<std::string>& text) {
  return text ? py::object(text_of(*text)) : py::object(py::none());
}

py::tuple facts_of(const DeskClient& client) {
  const char* version = "3.1.1";
  if (client.version == protocol::ProtocolVersion::v3_1) version = "3.1";
  if (client.version == protocol::ProtocolVersion::v5_0) version = "5.0";
  return py::make_tuple(client.number, text_of(client.client_id), text_or_none(client.user_name),
                        text_of(client.address), text_of(client.listener), version, client.clean_start,
                        client.keep_alive_s);
}

DeskClient client_of(const broker::Connection& connection) {
  const broker::ClientFacts facts = connection.facts();
  DeskClient client{.number = facts.number,
                    .client_id = std::string(facts.client_id),
                    .address = std::string(facts.address),
                    .listener = std::string(facts.listener),
                    .version = facts.version,
                    .clean_start = facts.clean_start,
                    .keep_alive_s = facts.keep_alive_s};
  if (facts.user_name) client.user_name = std::string(*facts.user_name);
  return client;
}

// Notes as records, with the script's own objects for clients and messages.
class DeskRecords {
 public:
  DeskRecords(HostedBroker& broker, const py::function& make_client, PyTypeObject* message_type)
      : broker_(broker), make_client_(make_client), message_type_(message_type) {}

  py::tuple record_of(const DeskNote& note) {
    if (note.settlement) return py::make_tuple(static_cast<int>(settled), py::none(), note.settlement->ticket);
    const py::object client = client_of(note);
    if (note.question) return question_of(note, client);
    const int kind = static_cast<int>(note.kind);
    switch (note.kind) {
      case NoticeKind::connack_sent: return py::make_tuple(kind, client, static_cast<int>(note.reason), note.flag);
      case NoticeKind::disconnecting:
      case NoticeKind::disconnected: return py::make_tuple(kind, client, text_of(broker::to_string(note.cause)));
      case NoticeKind::subscribed:
      case NoticeKind::unsubscribed: return py::make_tuple(kind, client, filters_of(note));
      case NoticeKind::published:
      case NoticeKind::sys_published:
      case NoticeKind::acknowledged:
        return py::make_tuple(kind, client, message_of(*note.message), note.is_listened_for, note.subscriptions);
      case NoticeKind::failed:
        return py::make_tuple(kind, client, static_cast<int>(note.reason), text_of(note.text), note.flag);
      default: return py::make_tuple(kind, client);
    }
  }

 private:
  py::object client_of(const DeskNote& note) {
    if (!note.client) return py::none();
    const py::int_ number(note.client->number);
    if (broker_.clients.contains(number)) return broker_.clients[number];
    py::object made = make_client_(facts_of(*note.client));
    const bool stays = !note.client->client_id.empty();
    if (stays) broker_.clients[number] = made;
    return made;
  }

  static py::list filters_of(const DeskNote& note) {
    py::list filters;
    for (const auto& [filter, qos] : note.filters) filters.append(py::make_tuple(text_of(filter), qos));
    return filters;
  }

  py::tuple question_of(const DeskNote& note, const py::object& client) {
    const engine::DeskQuestion& asked = *note.question;
    py::object about = py::none();
    if (note.message) about = message_of(*note.message);
    if (asked.kind == broker::QuestionKind::subscribe) about = filters_of(note);
    if (asked.kind == broker::QuestionKind::connect) {
      py::object password = py::none();
      if (asked.password) password = py::bytes(*asked.password);
      py::object will = py::none();
      if (asked.will) will = message_of(*asked.will);
      about = py::make_tuple(text_of(asked.client_id), text_or_none(asked.user_name), password, will);
    }
    return py::make_tuple(static_cast<int>(question), client, static_cast<int>(asked.kind), asked.number, about);
  }

  // An instance of the script's type, a subclass of tuple without fields of its own: what NamedTuple makes.
  py::object message_of(const DeskMessage& message) {
    PyObject* made = message_type_->tp_alloc(message_type_, 9);
    if (!made) throw py::error_already_set();
    const auto tuple = py::reinterpret_steal<py::object>(made);
    PyTuple_SET_ITEM(made, 0, text_of(message.topic).release().ptr());
    PyTuple_SET_ITEM(made, 1, py::bytes(message.payload).release().ptr());
    PyTuple_SET_ITEM(made, 2, py::int_(static_cast<int>(message.qos)).release().ptr());
    PyTuple_SET_ITEM(made, 3, py::bool_(message.retain).release().ptr());
    PyTuple_SET_ITEM(made, 4, py::bool_(message.dup).release().ptr());
    PyTuple_SET_ITEM(made, 5, py::int_(message.packet_id).release().ptr());
    PyTuple_SET_ITEM(made, 6, py::int_(message.number).release().ptr());
    PyTuple_SET_ITEM(made, 7, decode_properties(as_text(message.properties)).release().ptr());
    PyTuple_SET_ITEM(made, 8, py::none().release().ptr());  // a latency is for who receives it
    return tuple;
  }

  HostedBroker& broker_;
  const py::function& make_client_;
  PyTypeObject* message_type_;
};

py::list fetch(HostedBroker& self, const py::function& make_client, const py::type& message_type) {
  std::vector<DeskNote> batch;
  std::vector<uint64_t> gone;
  {
    const WithoutGil release;
    batch = self.desk().fetch();
    gone = self.desk().take_gone();
  }
  DeskRecords records(self, make_client, reinterpret_cast<PyTypeObject*>(message_type.ptr()));
  py::list list;
  for (const DeskNote& note : batch) list.append(records.record_of(note));
  for (const uint64_t number : gone) {
    if (self.clients.contains(py::int_(number))) self.clients.attr("pop")(number);
  }
  return list;
}

// A message as the script gives it; views into the arguments.
struct GivenMessage {
  std::string topic;
  std::string payload;
  std::string properties;
  int qos = 0;
  bool retain = false;

  protocol::Publish publish() const {
    protocol::Publish publish;
    publish.topic = topic;
    publish.payload = as_bytes(payload);
    publish.properties = protocol::PropertyList(as_bytes(properties));
    publish.qos = static_cast<protocol::QoS>(qos);
    publish.retain = retain;
    return publish;
  }
};

// An order under way, as the script may wait for it.
struct Ticket {
  std::shared_ptr<engine::DeskTicket> ticket;
  engine::BrokerDesk* desk;

  py::object outcome() const { return py::make_tuple(ticket->was_done, static_cast<int>(ticket->reason)); }
};

// To all, or to the one client that is named. None: the broker has ended.
std::unique_ptr<Ticket> publish(HostedBroker& self, std::string topic, std::string payload, int qos, bool retain,
                                std::string properties, std::string client_id, uint64_t number) {
  if (!protocol::is_valid_topic_name(topic)) throw py::value_error("not a topic name");
  auto given = std::make_shared<GivenMessage>(
      GivenMessage{std::move(topic), std::move(payload), std::move(properties), qos, retain});
  const WithoutGil release;
  auto ticket = self.desk().make_ticket();
  const bool is_taken = self.host().order(
      [given, client_id = std::move(client_id), number](broker::Broker& broker, Instant now) {
        if (number != 0) return broker.publish_to(client_id, number, given->publish(), now);
        return broker.publish(given->publish(), now);
      },
      ticket);
  return is_taken ? std::make_unique<Ticket>(Ticket{std::move(ticket), &self.desk()}) : nullptr;
}

bool watch(HostedBroker& self, NoticeKinds kinds) {
  return self.host().run([kinds](broker::Broker& broker, Instant) { broker.watch(kinds); });
}

py::list clients(HostedBroker& self) {
  std::vector<DeskClient> found;
  {
    const WithoutGil release;
    self.host().run([&](broker::Broker& broker, Instant) {
      broker.visit_clients([&](const broker::Connection& connection) { found.push_back(client_of(connection)); });
    });
  }
  py::list list;
  for (const DeskClient& client : found) list.append(facts_of(client));
  return list;
}

struct SessionFacts {
  std::vector<std::pair<std::string, int>> subscriptions;
  size_t in_flight = 0;
  size_t queued = 0;
  bool is_connected = false;
};

py::object session(HostedBroker& self, const std::string& client_id, uint64_t number) {
  std::optional<SessionFacts> facts;
  {
    const WithoutGil release;
    self.host().run([&](broker::Broker& broker, Instant) {
      const broker::Session* session = broker.find_session(client_id, number);
      if (!session) return;
      facts.emplace();
      for (const auto& [filter, subscription] : session->subscriptions) {
        facts->subscriptions.emplace_back(filter, static_cast<int>(subscription.options.qos));
      }
      facts->is_connected = session->connection != nullptr;
      facts->in_flight = session->outgoing ? session->outgoing->in_flight() : 0;
      facts->queued = session->outgoing ? session->outgoing->queued() : session->kept_messages;
      if (session->forwarding) facts->queued += session->forwarding->waiting.size();
    });
  }
  if (!facts) return py::none();
  return py::make_tuple(facts->subscriptions, facts->in_flight, facts->queued, facts->is_connected);
}

// (action, reason, topic, payload, qos, retain, properties): 0 pass, 1 refuse, 2 drop, 3 rewrite; None leaves as it is.
using GivenVerdict = std::tuple<int, int, std::optional<std::string>, std::optional<std::string>, std::optional<int>,
                                std::optional<bool>, std::optional<std::string>>;

std::optional<std::vector<uint8_t>> octets_of(const std::optional<std::string>& text) {
  if (!text) return std::nullopt;
  return std::vector<uint8_t>(text->begin(), text->end());
}

broker::Verdict verdict_of(const GivenVerdict& given) {
  const auto& [action, reason, topic, payload, qos, retain, properties] = given;
  switch (action) {
    case 0: return broker::Verdict::pass();
    case 2: return broker::Verdict::drop();
    case 3: break;
    default: return broker::Verdict::refuse(static_cast<ReasonCode>(reason));
  }
  broker::Rewrite rewrite;
  rewrite.topic = topic;
  rewrite.payload = octets_of(payload);
  if (qos) rewrite.qos = static_cast<protocol::QoS>(*qos);
  rewrite.retain = retain;
  rewrite.properties = octets_of(properties);
  return broker::Verdict::change(std::move(rewrite));
}

void answer(HostedBroker& self, uint64_t number, const std::vector<GivenVerdict>& verdicts, bool vouches_for_user) {
  auto answer = std::make_shared<broker::Answer>();
  answer->vouches_for_user = vouches_for_user;
  for (const GivenVerdict& given : verdicts) answer->verdicts.push_back(verdict_of(given));
  const WithoutGil release;
  self.host().order(
      [number, answer](broker::Broker& broker, Instant now) {
        broker.answer(number, std::move(*answer), now);
        return ReasonCode::success;
      },
      self.desk().make_ticket());
}

// To many questions at once, each of which has one verdict.
void answer_all(HostedBroker& self, const std::vector<std::pair<uint64_t, GivenVerdict>>& given) {
  auto answers = std::make_shared<std::vector<std::pair<uint64_t, broker::Answer>>>(given.size());
  for (size_t i = 0; i < given.size(); ++i) {
    (*answers)[i].first = given[i].first;
    (*answers)[i].second.verdicts.push_back(verdict_of(given[i].second));
  }
  const WithoutGil release;
  self.host().order(
      [answers](broker::Broker& broker, Instant now) {
        for (auto& [number, answer] : *answers) broker.answer(number, std::move(answer), now);
        return ReasonCode::success;
      },
      self.desk().make_ticket());
}

}  // namespace

void bind_broker_desk(py::class_<HostedBroker>& broker) {
  using Release = py::call_guard<WithoutGil>;
  py::class_<Ticket>(broker, "Ticket", "An order under way; as long as the broker is there.")
      .def(
          "watch", [](Ticket& self) { return self.desk->watch(*self.ticket); }, Release(),
          "Whether it is settled; if not, a record will tell.")
      .def(
          "wait",
          [](Ticket& self, double patience_s) {
            return self.desk->wait(*self.ticket,
                                   std::chrono::duration_cast<Duration>(std::chrono::duration<double>(patience_s)));
          },
          py::arg("patience_s"), Release(), "False: not settled in time.")
      .def("outcome", &Ticket::outcome, "(was done, reason), once settled.")
      .def_property_readonly("number", [](const Ticket& self) { return self.ticket->number; });

  broker.def("abandon", &HostedBroker::abandon, "After a fork, in the child: to be touched no more.")
      .def(
          "descriptor", [](HostedBroker& self) { return self.desk().descriptor(); }, "Readable while something waits.")
      .def("fetch", &fetch, py::arg("make_client"), py::arg("message_type"), "[(kind, client, ...), ...]")
      .def(
          "events_dropped", [](HostedBroker& self) { return self.desk().dropped(); }, Release())
      .def(
          "listen_for",
          [](HostedBroker& self, uint32_t bits) { return watch(self, self.desk().listen_for(NoticeKinds(bits))); },
          py::arg("kinds"), Release(), "False: the broker has ended.")
      .def(
          "subscribe",
          [](HostedBroker& self, uint32_t number, const std::string& filter) {
            const auto kinds = self.desk().subscribe(number, filter);
            if (!kinds) throw py::value_error(kinds.error().text);
            const WithoutGil release;
            return watch(self, *kinds);
          },
          py::arg("number"), py::arg("filter"), "Raises ValueError.")
      .def(
          "unsubscribe",
          [](HostedBroker& self, uint32_t number) { return watch(self, self.desk().unsubscribe(number)); },
          py::arg("number"), Release())
      .def("publish", &publish, py::arg("topic"), py::arg("payload"), py::arg("qos"), py::arg("retain"),
           py::arg("properties"), py::arg("client_id") = "", py::arg("number") = 0, py::keep_alive<0, 1>(),
           "None: the broker has ended. Raises ValueError.")
      .def("clients", &clients)
      .def("session", &session, py::arg("client_id"), py::arg("number"),
           "(subscriptions, in flight, queued, is connected) or None.")
      .def(
          "disconnect",
          [](HostedBroker& self, const std::string& client_id, uint64_t number, int reason) {
            bool is_done = false;
            self.host().run([&](broker::Broker& to, Instant now) {
              is_done = to.disconnect(client_id, number, static_cast<ReasonCode>(reason), now);
            });
            return is_done;
          },
          py::arg("client_id"), py::arg("number"), py::arg("reason"), Release())
      .def(
          "cut_off",
          [](HostedBroker& self, const std::string& client_id, uint64_t number) {
            bool is_done = false;
            self.host().run([&](broker::Broker& to, Instant now) { is_done = to.cut_off(client_id, number, now); });
            return is_done;
          },
          py::arg("client_id"), py::arg("number"), Release())
      .def(
          "subscribe_for",
          [](HostedBroker& self, const std::string& client_id, uint64_t number, const std::string& filter, int bits) {
            ReasonCode reason = ReasonCode::session_taken_over;
            const protocol::SubscribeEntry entry{
                filter,
                {static_cast<protocol::QoS>(bits & 3), (bits & 4) != 0, (bits & 8) != 0,
                 static_cast<protocol::RetainHandling>(bits >> 4 & 3)}};
            self.host().run(
                [&](broker::Broker& to, Instant now) { reason = to.subscribe_for(client_id, number, entry, now); });
            return static_cast<int>(reason);
          },
          py::arg("client_id"), py::arg("number"), py::arg("filter"), py::arg("options"), Release(),
          "The QoS granted, or a reason code of 0x80 or above.")
      .def(
          "unsubscribe_for",
          [](HostedBroker& self, const std::string& client_id, uint64_t number, const std::string& filter) {
            bool was_there = false;
            self.host().run([&](broker::Broker& to, Instant now) {
              was_there = to.unsubscribe_for(client_id, number, filter, now);
            });
            return was_there;
          },
          py::arg("client_id"), py::arg("number"), py::arg("filter"), Release())
      .def(
          "empty_queue",
          [](HostedBroker& self, const std::string& client_id, uint64_t number) {
            size_t count = 0;
            self.host().run([&](broker::Broker& to, Instant) { count = to.empty_queue(client_id, number); });
            return count;
          },
          py::arg("client_id"), py::arg("number"), Release())
      .def(
          "ask_about",
          [](HostedBroker& self, uint8_t bits) {
            const NoticeKinds kinds = self.desk().decide();
            return self.host().run([bits, kinds](broker::Broker& to, Instant) {
              to.watch(kinds);
              to.ask_about(broker::QuestionKinds(bits));
            });
          },
          py::arg("kinds"), Release())
      .def("answer_all", &answer_all, py::arg("answers"), "[(number, verdict), ...]")
      .def("answer", &answer, py::arg("number"), py::arg("verdicts"), py::arg("vouches_for_user") = false,
           "`vouches_for_user`: of CONNECT, its user name was looked at.");
}

}  // namespace mqtt_sim::bindings
