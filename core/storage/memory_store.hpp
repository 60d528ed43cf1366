// The Store that lives and dies with the process. Acknowledged messages survive their client's absence, not ours.
#pragma once

#include <map>
#include <string>

#include "core/protocol/topic_tree.hpp"
#include "core/storage/store.hpp"

namespace mqtt_sim::storage {

class MemoryStore final : public Store {
 public:
  void put_retained(Message) override;
  bool erase_retained(std::string_view topic) override;
  std::optional<Message> find_retained(std::string_view topic) const override;
  void match_retained(std::string_view filter, const std::function<void(const Message&)>& visit) const override;
  size_t retained_count() const override { return retained_count_; }
  size_t retained_bytes() const override { return retained_bytes_; }

  void put_session(std::string_view client_id, SessionState) override;
  void append_to_session(std::string_view client_id, Delivery) override;
  Delivery take_first_queued(std::string_view client_id) override;
  std::optional<SessionState> take_session(std::string_view client_id) override;
  bool erase_session(std::string_view client_id) override;
  void visit_sessions(const std::function<void(std::string_view, const SessionState&)>&) const override;
  size_t session_count() const override { return sessions_.size(); }

 private:
  struct Entry {
    SessionState state;
    size_t taken = 0;  // of state.queued, from the front: empty places until there are enough of them to move the rest

    void close_gap();
  };

  mutable protocol::TopicTree<Message> retained_;  // under the topic name; the tree looks up only when not const
  size_t retained_count_ = 0;
  size_t retained_bytes_ = 0;
  std::map<std::string, Entry, std::less<>> sessions_;
};

}  // namespace mqtt_sim::storage
