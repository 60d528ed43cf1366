#include "core/engine/broker_desk.hpp"

#include <algorithm>

#include "core/broker/connection.hpp"
#include "core/protocol/topic.hpp"

namespace mqtt_sim::engine {
namespace {

using broker::Notice;
using broker::NoticeKind;
using broker::NoticeKinds;

// What there may be many of, and what may be lost.
bool is_traffic(NoticeKind kind) {
  return kind == NoticeKind::published || kind == NoticeKind::sys_published || kind == NoticeKind::acknowledged ||
         kind == NoticeKind::ping;
}

size_t bytes_of(const DeskNote& note) {
  return note.message ? note.message->topic.size() + note.message->payload.size() + note.message->properties.size() : 0;
}

std::string text_of(ByteView bytes) { return std::string(as_text(bytes)); }

}  // namespace

Expected<std::unique_ptr<BrokerDesk>> BrokerDesk::make(DeskOptions options) {
  auto bell = Doorbell::make();
  if (!bell) return bell.error();
  std::unique_ptr<BrokerDesk> desk(new BrokerDesk(std::move(*bell), options));
  static std::atomic<uint64_t> desks = 0;
  constexpr unsigned kBitsOfOneDesk = 40;
  desk->messages_ = desks++ << kBitsOfOneDesk;
  return desk;
}

// --- from any thread

NoticeKinds BrokerDesk::listen_for(NoticeKinds kinds) {
  const std::lock_guard lock(mutex_);
  listened_ = kinds;
  return wanted();
}

NoticeKinds BrokerDesk::decide() {
  const std::lock_guard lock(mutex_);
  was_used_ = true;
  return wanted();
}

// Who goes must be known from the first time that anybody was told of.
NoticeKinds BrokerDesk::wanted() {
  NoticeKinds kinds = listened_;
  if (!filters_.empty()) kinds.add(NoticeKind::published);
  if (dollar_filters_ > 0) kinds.add(NoticeKind::sys_published);
  was_used_ = was_used_ || !kinds.empty();
  if (!was_used_) return kinds;
  kinds.add(NoticeKind::disconnecting);
  kinds.add(NoticeKind::disconnected);
  return kinds;
}

Expected<NoticeKinds> BrokerDesk::subscribe(uint32_t number, const std::string& filter) {
  if (!protocol::is_valid_topic_filter(filter) || protocol::parse_shared_filter(filter)) {
    return make_error(0x8F, "not a topic filter");
  }
  const std::lock_guard lock(mutex_);
  if (filters_.size() >= kSubscriptionsLimit) return make_error(0x97, "too many subscriptions");
  if (!filters_.emplace(number, filter).second) return make_error(0x80, "the number is taken");
  subscriptions_.insert(filter).push_back(number);
  if (filter.starts_with('$')) ++dollar_filters_;
  return wanted();
}

NoticeKinds BrokerDesk::unsubscribe(uint32_t number) {
  const std::lock_guard lock(mutex_);
  const auto found = filters_.find(number);
  if (found == filters_.end()) return wanted();
  if (std::vector<uint32_t>* numbers = subscriptions_.find(found->second)) {
    std::erase(*numbers, number);
    if (numbers->empty()) subscriptions_.erase(found->second);
  }
  if (found->second.starts_with('$')) --dollar_filters_;
  filters_.erase(found);
  return wanted();
}

std::vector<DeskNote> BrokerDesk::fetch() {
  std::vector<DeskNote> batch;
  const std::lock_guard lock(mutex_);
  while (batch.size() < kBatch && (!traffic_.empty() || !others_.empty())) {
    const bool takes_traffic =
        others_.empty() || (!traffic_.empty() && traffic_.front().sequence < others_.front().sequence);
    std::deque<DeskNote>& from = takes_traffic ? traffic_ : others_;
    if (takes_traffic) traffic_bytes_ -= bytes_of(from.front());
    batch.push_back(std::move(from.front()));
    from.pop_front();
  }
  const bool is_all = traffic_.empty() && others_.empty();
  if (is_all) {
    fetched_ = sequence_;
  } else if (!batch.empty()) {
    fetched_ = batch.back().sequence;
  }
  if (is_all && is_signalled_) {
    bell_.silence();
    is_signalled_ = false;
  }
  return batch;
}

uint64_t BrokerDesk::dropped() const {
  const std::lock_guard lock(mutex_);
  return dropped_;
}

std::vector<uint64_t> BrokerDesk::take_gone() {
  const std::lock_guard lock(mutex_);
  std::vector<uint64_t> numbers;
  std::erase_if(gone_, [&](const auto& entry) {
    if (entry.first > fetched_) return false;
    numbers.push_back(entry.second);
    return true;
  });
  return numbers;
}

std::shared_ptr<DeskTicket> BrokerDesk::make_ticket() {
  auto ticket = std::make_shared<DeskTicket>();
  const std::lock_guard lock(mutex_);
  ticket->number = ++tickets_;
  return ticket;
}

void BrokerDesk::settle(DeskTicket& ticket, bool was_done, protocol::ReasonCode reason) {
  const std::lock_guard lock(mutex_);
  if (std::exchange(ticket.is_settled, true)) return;
  ticket.was_done = was_done;
  ticket.reason = reason;
  settled_.notify_all();
  if (!ticket.is_watched) return;
  DeskNote& note = others_.emplace_back();
  note.sequence = ++sequence_;
  note.settlement = DeskSettlement{ticket.number};
  signal();
}

bool BrokerDesk::watch(DeskTicket& ticket) {
  const std::lock_guard lock(mutex_);
  if (!ticket.is_settled) ticket.is_watched = true;
  return ticket.is_settled;
}

bool BrokerDesk::wait(const DeskTicket& ticket, Duration patience) {
  std::unique_lock lock(mutex_);
  return settled_.wait_for(lock, patience, [&] { return ticket.is_settled; });
}

// --- on the broker's thread

void BrokerDesk::on_notice(const Notice& notice, Instant) {
  DeskNote note;
  note.kind = notice.kind;
  const bool is_wanted = is_for_somebody(notice, note);
  const bool is_the_end = notice.kind == NoticeKind::disconnected;
  if (is_the_end) {
    note.client = take_client(notice.connection);
  } else if (is_wanted || note.is_listened_for) {
    note.client = client_of(notice.connection);
  }
  if (is_wanted) {
    if (notice.publish) note.message = copy(*notice.publish);
    for (const auto& entry : notice.filters) {
      note.filters.emplace_back(entry.filter, static_cast<int>(entry.options.qos));
    }
    note.reason = notice.reason;
    note.cause = notice.cause;
    note.text = notice.text;
    note.flag = notice.flag;
    if (notice.kind == NoticeKind::failed) note.flag = notice.connection && notice.connection->session();
  }
  const uint64_t gone = is_the_end && note.client ? note.client->number : 0;
  const std::lock_guard lock(mutex_);
  if (is_wanted) put(std::move(note));
  if (gone == 0) return;
  gone_.emplace_back(sequence_, gone);
  if (gone_.size() >= kGoneBatch) signal();
}

bool BrokerDesk::is_for_somebody(const Notice& notice, DeskNote& note) {
  const std::lock_guard lock(mutex_);
  note.is_listened_for = listened_.has(notice.kind);
  // What is known of a client when it goes is all that will be known when it is gone.
  if (notice.kind == NoticeKind::disconnecting && !note.is_listened_for) {
    note.is_listened_for = listened_.has(NoticeKind::disconnected);
    return false;
  }
  const bool is_message = notice.kind == NoticeKind::published || notice.kind == NoticeKind::sys_published;
  if (is_message && !subscriptions_.empty()) {
    subscriptions_.match(notice.publish->topic, [&](const std::vector<uint32_t>& numbers) {
      note.subscriptions.insert(note.subscriptions.end(), numbers.begin(), numbers.end());
    });
    std::ranges::sort(note.subscriptions);  // the oldest first
  }
  return note.is_listened_for || !note.subscriptions.empty();
}

std::shared_ptr<const DeskClient> BrokerDesk::client_of(const broker::Connection* connection) {
  if (!connection) return nullptr;
  const broker::ClientFacts facts = connection->facts();
  if (const auto known = clients_.find(facts.number); known != clients_.end()) return known->second;
  auto client = std::make_shared<DeskClient>();
  client->number = facts.number;
  client->client_id = facts.client_id;
  if (facts.user_name) client->user_name = *facts.user_name;
  client->address = facts.address;
  client->listener = facts.listener;
  client->version = facts.version;
  client->clean_start = facts.clean_start;
  client->keep_alive_s = facts.keep_alive_s;
  if (connection->session()) clients_.emplace(facts.number, client);
  return client;
}

std::shared_ptr<const DeskClient> BrokerDesk::take_client(const broker::Connection* connection) {
  const auto known = clients_.find(connection->facts().number);
  if (known == clients_.end()) return nullptr;
  auto client = std::move(known->second);
  clients_.erase(known);
  return client;
}

std::unique_ptr<DeskMessage> BrokerDesk::copy(const protocol::Publish& publish) {
  auto message = std::make_unique<DeskMessage>();
  message->topic = publish.topic;
  message->payload = text_of(publish.payload);
  const ByteView properties = publish.properties.encoded();
  message->properties.assign(properties.begin(), properties.end());
  message->number = ++messages_;
  message->packet_id = publish.packet_id;
  message->qos = publish.qos;
  message->retain = publish.retain;
  message->dup = publish.dup;
  return message;
}

void BrokerDesk::ask(const broker::Question& question, Instant) {
  DeskNote note;
  note.client = client_of(question.connection);
  note.question = std::make_unique<DeskQuestion>();
  note.question->kind = question.kind;
  note.question->number = question.number;
  if (question.connect) {
    const protocol::Connect& connect = *question.connect;
    note.question->client_id = connect.client_id;
    if (connect.user_name) note.question->user_name = *connect.user_name;
    if (connect.password) note.question->password = text_of(*connect.password);
    if (connect.will) {
      DeskMessage& will = note.question->will.emplace();
      will.topic = connect.will->topic;
      will.payload = text_of(connect.will->payload);
      will.qos = connect.will->qos;
      will.retain = connect.will->retain;
    }
  }
  if (question.publish) note.message = copy(*question.publish);
  if (question.subscribe) {
    for (const auto& entry : question.subscribe->entries) {
      note.filters.emplace_back(entry.filter, static_cast<int>(entry.options.qos));
    }
  }
  const std::lock_guard lock(mutex_);
  note.sequence = ++sequence_;
  others_.push_back(std::move(note));
  signal();
}

void BrokerDesk::put(DeskNote note) {
  note.sequence = ++sequence_;
  if (is_traffic(note.kind)) return put_message(std::move(note));
  if (others_.size() >= kOthersLimit) {
    ++dropped_;
    return;
  }
  others_.push_back(std::move(note));
  signal();
}

void BrokerDesk::put_message(DeskNote note) {
  const size_t size = bytes_of(note);
  const auto is_full = [&] {
    return traffic_.size() >= options_.messages_limit || traffic_bytes_ + size > options_.bytes_limit;
  };
  if (options_.rule == DeskRule::drop_oldest) {
    while (is_full() && !traffic_.empty()) {
      traffic_bytes_ -= bytes_of(traffic_.front());
      traffic_.pop_front();
      ++dropped_;
    }
  }
  if (is_full()) {
    ++dropped_;
    return;
  }
  traffic_bytes_ += size;
  traffic_.push_back(std::move(note));
  signal();
}

void BrokerDesk::signal() {
  if (!std::exchange(is_signalled_, true)) bell_.ring();
}

}  // namespace mqtt_sim::engine
