// Scripted clients as Python commands them: orders go in one call each and wait for nothing; what happened comes out in
// one batch a call. With the GIL; nothing here is ever called by the engine.
#pragma once

#include <pybind11/pybind11.h>

#include <memory>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "core/engine/scripted_clients.hpp"

namespace mqtt_sim::bindings {

class ScriptedClients {
 public:
  explicit ScriptedClients(std::shared_ptr<engine::ScriptedClients> clients) : clients_(std::move(clients)) {}

  void connect(uint64_t client);
  void end(uint64_t client, double patience_s, int reason, const std::string& properties);
  void kill(uint64_t client);
  // False: not a topic name.
  bool publish(uint64_t client, uint64_t cookie, std::string topic, std::string_view payload, int qos, bool retain,
               const std::string& properties);
  // Options as in the SUBSCRIBE packet (section 3.8.3.1): QoS, no local, retain as published, retain handling.
  void subscribe(uint64_t client, uint64_t cookie, const std::vector<std::pair<std::string, int>>& entries,
                 const std::string& properties);
  void unsubscribe(uint64_t client, uint64_t cookie, std::vector<std::string> filters, const std::string& properties);
  void acknowledge(uint64_t client, uint64_t token, int reason);
  void authenticate(uint64_t client, const std::string& data, bool is_again);
  // Of a client that keeps its session itself; see scripted_session.cpp. `sent`: 0 no, 1 it may have been, 2 PUBREC
  // came.
  using Kept = std::tuple<uint64_t, int, std::string, std::string, int, bool, std::string, int>;
  void restore(uint64_t client, std::vector<Kept> publishes, const std::vector<int>& received);
  void publish_kept(uint64_t client, Kept publish);
  void continue_exchange(uint64_t client, bool is_received, int packet_id);
  void forget(uint64_t client, uint64_t cookie);
  void note_read(uint64_t client, uint64_t message_count, uint64_t byte_count);
  void trace_packets(uint64_t client, bool is_on);

  int descriptor() const { return clients_->descriptor(); }
  // [(client, messages dropped, [record, ...]), ...]; messages are made as instances of `message_type`.
  pybind11::list fetch(const pybind11::type& message_type);

 protected:
  // In a child process: their locks may be held for ever.
  void leak() { static_cast<void>(new std::shared_ptr<engine::ScriptedClients>(std::move(clients_))); }

 private:
  std::shared_ptr<engine::ScriptedClients> clients_;
};

}  // namespace mqtt_sim::bindings
