// Between a broker's thread and a script of this process: what the script wants to know of the broker waits here until
// it fetches it, and the broker goes on. A file descriptor is readable while something waits, so that an event loop can
// sleep on it. The broker's thread never waits for the script: of messages, acknowledgements and pings only so many are
// kept, and one more is dropped, or drops the oldest, and is counted. Who comes and goes is not dropped before there
// are kOthersLimit of that.
//
// on_notice() and ask() are called on the broker's thread; all else may be called from any.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/base/expected.hpp"
#include "core/broker/gate.hpp"
#include "core/broker/notice.hpp"
#include "core/engine/doorbell.hpp"
#include "core/protocol/topic_tree.hpp"

namespace mqtt_sim::engine {

// Facts of a client that stay when it is gone.
struct DeskClient {
  uint64_t number = 0;
  std::string client_id = {};
  std::optional<std::string> user_name = {};
  std::string address = {};
  std::string listener = {};
  protocol::ProtocolVersion version{};
  bool clean_start = false;
  uint16_t keep_alive_s = 0;
};

struct DeskMessage {
  std::string topic = {};
  std::string payload = {};
  std::vector<uint8_t> properties = {};  // encoded
  uint64_t number = 0;                   // no other message that a desk of this process tells of has it
  protocol::PacketId packet_id = 0;
  protocol::QoS qos{};
  bool retain = false;
  bool dup = false;
};

struct DeskQuestion {
  broker::QuestionKind kind{};
  uint64_t number = 0;
  std::string client_id = {};  // connect
  std::optional<std::string> user_name = {};
  std::optional<std::string> password = {};
  std::optional<DeskMessage> will = {};
};

// The script has ordered something; `reason` says what became of it.
struct DeskSettlement {
  uint64_t ticket = 0;
};

struct DeskNote {
  uint64_t sequence = 0;
  broker::NoticeKind kind{};                      // unless it is a question or a settlement
  std::shared_ptr<const DeskClient> client = {};  // none: nobody in particular
  std::unique_ptr<DeskMessage> message = {};      // published, acknowledged, questions about a PUBLISH
  std::unique_ptr<DeskQuestion> question = {};
  std::optional<DeskSettlement> settlement = {};
  std::vector<std::pair<std::string, int>> filters = {};  // with their QoS
  std::vector<uint32_t> subscriptions = {};               // of the script, that the message is for
  bool is_listened_for = true;                            // false: it is for `subscriptions` alone
  protocol::ReasonCode reason{};
  broker::EndCause cause{};
  bool flag = false;  // connack_sent: session present; failed: there was a client
  std::string text = {};
};

// One order of the script that it may wait for.
struct DeskTicket {
  uint64_t number = 0;
  bool is_settled = false;  // under the desk's mutex, like the rest
  bool is_watched = false;  // a note is to tell of it
  bool was_done = false;    // false: the broker ended before
  protocol::ReasonCode reason{};
};

enum class DeskRule : uint8_t { drop_oldest, drop_newest };

struct DeskOptions {
  size_t messages_limit = 65'536;
  size_t bytes_limit = 64u << 20;  // of them
  DeskRule rule = DeskRule::drop_oldest;
};

class BrokerDesk final : public broker::Witness, public broker::Gate {
 public:
  static constexpr size_t kOthersLimit = 1'000'000;
  static constexpr size_t kBatch = 1'024;
  static constexpr size_t kSubscriptionsLimit = 10'000;
  static constexpr size_t kGoneBatch = 1'024;

  // Error: no descriptor is left.
  static Expected<std::unique_ptr<BrokerDesk>> make(DeskOptions options);

  // What the script listens for. Result: what the broker is to be told to tell.
  broker::NoticeKinds listen_for(broker::NoticeKinds kinds);
  // The script answers questions from now on. Result as above.
  broker::NoticeKinds decide();
  // The script wants the messages that match `filter`, under a number of its own. Result as above; an error for a
  // filter that is none, or one too many.
  Expected<broker::NoticeKinds> subscribe(uint32_t number, const std::string& filter);
  broker::NoticeKinds unsubscribe(uint32_t number);

  int descriptor() const { return bell_.descriptor(); }  // readable while something waits; owned here
  std::vector<DeskNote> fetch();                         // at most kBatch, in the order in which they happened
  uint64_t dropped() const;                              // of all kinds, since the beginning
  std::vector<uint64_t> take_gone();                     // numbers of clients that no later note will be about

  std::shared_ptr<DeskTicket> make_ticket();
  // Settles the ticket, once.
  void settle(DeskTicket& ticket, bool was_done, protocol::ReasonCode reason);
  // True: it is settled. False: a note will tell.
  bool watch(DeskTicket& ticket);
  // Waits until it is settled; false: not within the time.
  bool wait(const DeskTicket& ticket, Duration patience);

  void on_notice(const broker::Notice&, Instant now) override;
  void ask(const broker::Question&, Instant now) override;

 private:
  BrokerDesk(Doorbell bell, DeskOptions options) : bell_(std::move(bell)), options_(options) {}

  broker::NoticeKinds wanted();
  bool is_for_somebody(const broker::Notice& notice, DeskNote& note);
  std::shared_ptr<const DeskClient> client_of(const broker::Connection* connection);
  std::shared_ptr<const DeskClient> take_client(const broker::Connection* connection);
  std::unique_ptr<DeskMessage> copy(const protocol::Publish& publish);
  void put(DeskNote note);
  void put_message(DeskNote note);
  void signal();

  const Doorbell bell_;
  const DeskOptions options_;

  std::unordered_map<uint64_t, std::shared_ptr<const DeskClient>> clients_;  // of the broker's thread
  uint64_t messages_ = 0;                                                    // likewise

  mutable std::mutex mutex_;
  std::condition_variable settled_;
  broker::NoticeKinds listened_;
  protocol::TopicTree<std::vector<uint32_t>> subscriptions_;
  std::unordered_map<uint32_t, std::string> filters_;
  size_t dollar_filters_ = 0;  // of them
  std::deque<DeskNote> traffic_;
  std::deque<DeskNote> others_;
  std::vector<std::pair<uint64_t, uint64_t>> gone_;  // by the last note that may be about them
  size_t traffic_bytes_ = 0;
  uint64_t sequence_ = 0;
  uint64_t fetched_ = 0;  // all notes up to this one
  uint64_t tickets_ = 0;
  uint64_t dropped_ = 0;
  bool is_signalled_ = false;
  bool was_used_ = false;
};

}  // namespace mqtt_sim::engine
