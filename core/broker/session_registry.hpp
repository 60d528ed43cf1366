// All sessions by client identifier, connected or away (section 4.1): where they are made, kept in the Store while
// their client is away, brought back, and ended; with the timetable of those that wait for their expiry or their will's
// delay. Owned by the broker.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "core/broker/options.hpp"
#include "core/broker/session.hpp"
#include "core/broker/stats.hpp"
#include "core/broker/subscription_index.hpp"
#include "core/broker/sys_topics.hpp"
#include "core/storage/store.hpp"

namespace mqtt_sim::broker {

class SessionRegistry {
 public:
  // Sessions that the store still holds from an earlier broker are back at once.
  SessionRegistry(storage::Store& store, SubscriptionIndex& index, const BrokerOptions& options, Stats& stats);

  size_t size() const { return sessions_.size(); }
  Waiting waiting() const;  // of all sessions; looks at each
  Session* find(std::string_view client_id);
  Session& create(std::string_view client_id);
  // The client is away from now on; the session stays until it expires.
  void keep(Session& session, Instant now);
  // The client is back: what was in the store is in the session again, and no time runs.
  void resume(Session& session);
  // Adds a message for a client that is away; false when its queue is full, and nothing in it gave way.
  bool append(Session& session, storage::Delivery delivery);
  // Ends the session: its subscriptions and messages are gone. `session` no longer exists.
  void end(Session& session);

  // Adds or replaces. False: the session has as many as are allowed.
  bool subscribe(Session& session, std::string_view filter, const protocol::SubscriptionOptions& options,
                 uint32_t identifier, bool& is_new);
  // `filter` as the client asked for it. False: there was none.
  bool unsubscribe(Session& session, std::string_view filter);
  // Before subscribe(): the client asked for `asked` and gets `granted`. False: too many are remembered already.
  bool remember_asked(Session& session, std::string_view asked, std::string_view granted);

  std::optional<Instant> next_due() const;
  Session* find_due(Instant now);     // the first session whose time has come, or nullptr
  void reschedule(Session& session);  // after its will_due or expires changed

 private:
  bool erase_subscription(Session& session, std::string_view filter);
  bool forget_asked(Session& session, std::string_view asked);
  void unschedule(Session& session);

  storage::Store& store_;
  SubscriptionIndex& index_;
  const BrokerOptions& options_;
  Stats& stats_;
  std::unordered_map<std::string_view, std::unique_ptr<Session>> sessions_;  // keys point into the sessions
  std::map<std::pair<Instant, uint64_t>, Session*> timetable_;               // by time, then age of the session
  uint64_t created_ = 0;
};

}  // namespace mqtt_sim::broker
