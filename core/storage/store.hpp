// What a broker must not forget: the retained messages, and the sessions of clients that are away. A Store keeps plain
// data, knows no connection and decides nothing; limits, expiry and order are the broker's. MemoryStore forgets with
// the process; a durable store is one more file that implements this. One owner, one thread.
#pragma once

#include <functional>
#include <optional>
#include <string_view>

#include "core/storage/message.hpp"
#include "core/storage/session_state.hpp"

namespace mqtt_sim::storage {

class Store {
 public:
  virtual ~Store() = default;

  // Retained messages, one for each topic name.
  virtual void put_retained(Message) = 0;                   // replaces that of the same topic
  virtual bool erase_retained(std::string_view topic) = 0;  // false: there was none
  virtual std::optional<Message> find_retained(std::string_view topic) const = 0;
  // Calls `visit` for each whose topic matches `filter` (valid, not shared); `visit` must not change the store.
  virtual void match_retained(std::string_view filter, const std::function<void(const Message&)>& visit) const = 0;
  virtual size_t retained_count() const = 0;
  virtual size_t retained_bytes() const = 0;

  // Sessions, by client identifier.
  virtual void put_session(std::string_view client_id, SessionState) = 0;    // replaces
  virtual void append_to_session(std::string_view client_id, Delivery) = 0;  // at the end of `queued`; must be present
  // The first one of `queued`, out of the store; the session must be present and have one.
  virtual Delivery take_first_queued(std::string_view client_id) = 0;
  virtual std::optional<SessionState> take_session(std::string_view client_id) = 0;  // out of the store
  virtual bool erase_session(std::string_view client_id) = 0;
  // In the order of client identifiers, as a broker that starts needs it.
  virtual void visit_sessions(const std::function<void(std::string_view, const SessionState&)>&) const = 0;
  virtual size_t session_count() const = 0;
};

}  // namespace mqtt_sim::storage
