// Clients of scripts: orders from another thread, one batch of notes, limits, and the end.
#include "core/engine/client_host.hpp"

#include <gtest/gtest.h>
#include <poll.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <thread>

#include "core/engine/broker_host.hpp"

namespace mqtt_sim::engine {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;
using load::Note;

class ScriptHost : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto config = parse_broker_config("{}");
    ASSERT_TRUE(config);
    broker.emplace(*config);
    const auto bound = broker->start();
    ASSERT_TRUE(bound);
    target = Target(bound->front());
    host = ClientHost::make().value();
  }
  void TearDown() override {
    EXPECT_TRUE(host->stop(2s));
    broker->stop();
  }

  uint64_t add(load::ScriptedOptions options = {}, Inbox inbox = {}) {
    if (options.client_id.empty()) options.client_id = "script";
    return host->add(std::move(options), {target}, inbox);
  }
  uint64_t connected(load::ScriptedOptions options = {}, Inbox inbox = {}) {
    const uint64_t id = add(std::move(options), inbox);
    connect(id);
    EXPECT_TRUE(wait([&] { return has<load::ConnectedNote>(); }));
    return id;
  }
  void connect(uint64_t id) {
    host->command(id, [](load::ScriptedClient& client, Instant now) { client.connect(now); });
  }
  void publish(uint64_t id, uint64_t cookie, protocol::QoS qos, std::string payload = "x") {
    load::PublishOrder order;
    order.cookie = cookie;
    order.qos = qos;
    order.topic = "t";
    order.payload = std::move(payload);
    host->order(id, std::move(order));
  }
  void subscribe(uint64_t id, uint64_t cookie) {
    load::SubscribeOrder order;
    order.cookie = cookie;
    order.entries = {{"t", {.qos = protocol::QoS::at_least_once}}};
    host->order(id, std::move(order));
    EXPECT_TRUE(wait([&] { return has<load::AnsweredNote>(); }));
  }

  bool wait(const std::function<bool()>& condition) {
    const auto limit = Clock::now() + 10s;
    while (!condition()) {
      if (Clock::now() > limit) return false;
      pollfd readable{host->descriptor(), POLLIN, 0};
      ::poll(&readable, 1, 100);
      for (auto& delivery : host->fetch()) {
        dropped += delivery.dropped;
        for (Note& note : delivery.notes) notes.push_back(std::move(note));
      }
    }
    return true;
  }
  template <class Kind>
  size_t count() const {
    return static_cast<size_t>(
        std::ranges::count_if(notes, [](const Note& note) { return std::holds_alternative<Kind>(note); }));
  }
  template <class Kind>
  bool has() const {
    return count<Kind>() > 0;
  }
  template <class Kind>
  const Kind& last() const {
    for (size_t i = notes.size(); i-- > 0;)
      if (const auto* found = std::get_if<Kind>(&notes[i])) return *found;
    ADD_FAILURE() << "no such note";
    static const Kind none{};
    return none;
  }

  std::optional<BrokerHost> broker;
  Target target;
  std::shared_ptr<ClientHost> host;
  std::vector<Note> notes;
  uint64_t dropped = 0;
};

TEST_F(ScriptHost, orders_given_before_the_connection_are_kept_for_it) {
  RecordProperty("req", "C-16");
  const uint64_t id = add();
  for (uint64_t cookie = 1; cookie <= 3; ++cookie) publish(id, cookie, static_cast<protocol::QoS>(cookie - 1));
  connect(id);
  ASSERT_TRUE(wait([&] { return count<load::SettledNote>() == 3; }));
  for (const Note& note : notes) {
    const auto* settled = std::get_if<load::SettledNote>(&note);
    if (!settled) continue;
    EXPECT_EQ(settled->how, settled->cookie == 1 ? load::Settlement::written : load::Settlement::acknowledged);
  }
}

TEST_F(ScriptHost, messages_come_whole_and_in_order) {
  const uint64_t id = connected();
  subscribe(id, 1);
  for (uint64_t n = 0; n < 1000; ++n) publish(id, 2 + n, protocol::QoS::at_least_once, std::to_string(n));
  ASSERT_TRUE(wait([&] { return count<load::MessageNote>() == 1000; }));
  uint64_t expected = 0;
  for (const Note& note : notes) {
    if (const auto* message = std::get_if<load::MessageNote>(&note)) {
      EXPECT_EQ(message->topic(), "t");
      EXPECT_EQ(message->payload(), std::to_string(expected++));
    }
  }
}

TEST_F(ScriptHost, messages_not_fetched_are_dropped_as_the_rule_says) {
  for (const InboxRule rule : {InboxRule::drop_oldest, InboxRule::drop_newest}) {
    notes.clear();
    dropped = 0;
    const uint64_t id = connected({}, {rule, 10});
    subscribe(id, 1);
    const size_t before = count<load::SettledNote>();
    for (uint64_t n = 0; n < 100; ++n) publish(id, 2 + n, protocol::QoS::at_least_once, std::to_string(n));
    std::this_thread::sleep_for(300ms);
    ASSERT_TRUE(wait([&] { return count<load::SettledNote>() - before == 100 && has<load::MessageNote>(); }));
    EXPECT_EQ(count<load::MessageNote>(), 10u);
    EXPECT_EQ(dropped, 90u);
    EXPECT_EQ(last<load::MessageNote>().payload(), rule == InboxRule::drop_oldest ? "99" : "9");
    host->remove(id);
  }
}

TEST_F(ScriptHost, input_is_left_unread_while_the_script_is_behind) {
  load::ScriptedOptions options;
  options.unread_messages_limit = 5;
  options.unread_bytes_limit = 1 << 20;
  const uint64_t reader = connected(options);
  subscribe(reader, 1);
  options = {};
  options.client_id = "writer";
  const uint64_t writer = connected(options);
  const std::string large(100'000, 'x');
  for (uint64_t n = 0; n < 100; ++n) publish(writer, 1 + n, protocol::QoS::at_most_once, large);
  ASSERT_TRUE(wait([&] { return count<load::SettledNote>() == 100; }));
  std::this_thread::sleep_for(100ms);
  static_cast<void>(wait([&] { return count<load::MessageNote>() >= 5; }));
  std::this_thread::sleep_for(100ms);
  EXPECT_LT(count<load::MessageNote>(), 50u);
  host->command(reader, [](load::ScriptedClient& client, Instant) { client.note_read(1000, 1u << 31); });
  const bool goes_on = wait([&] {
    host->command(reader, [](load::ScriptedClient& client, Instant) { client.note_read(1000, 1u << 31); });
    return count<load::MessageNote>() == 100;
  });
  EXPECT_TRUE(goes_on);
}

TEST_F(ScriptHost, a_graceful_end_waits_for_acknowledgements_and_tells) {
  const uint64_t id = connected();
  for (uint64_t n = 0; n < 500; ++n) publish(id, 1 + n, protocol::QoS::exactly_once);
  host->command(
      id, [](load::ScriptedClient& client, Instant now) { client.end(now, 5s, protocol::ReasonCode::success, {}); });
  ASSERT_TRUE(wait([&] { return has<load::EndedNote>(); }));
  EXPECT_EQ(count<load::SettledNote>(), 500u);
  EXPECT_EQ(last<load::SettledNote>().how, load::Settlement::acknowledged);
  EXPECT_EQ(last<load::EndedNote>().cause, client::EndCause::by_us);
  EXPECT_TRUE(last<load::EndedNote>().is_final);
}

TEST_F(ScriptHost, a_kill_settles_what_is_open) {
  const uint64_t id = add();
  publish(id, 1, protocol::QoS::at_least_once);
  host->command(id, [](load::ScriptedClient& client, Instant now) { client.kill(now); });
  ASSERT_TRUE(wait([&] { return has<load::EndedNote>(); }));
  EXPECT_EQ(last<load::SettledNote>().how, load::Settlement::closed);
}

TEST_F(ScriptHost, an_order_for_a_client_that_has_ended_is_settled_at_once) {
  const uint64_t id = connected();
  host->command(id, [](load::ScriptedClient& client, Instant now) { client.kill(now); });
  ASSERT_TRUE(wait([&] { return has<load::EndedNote>(); }));
  publish(id, 9, protocol::QoS::at_most_once);
  ASSERT_TRUE(wait([&] { return has<load::SettledNote>(); }));
  EXPECT_EQ(last<load::SettledNote>().how, load::Settlement::closed);
}

TEST_F(ScriptHost, a_failed_attempt_leads_to_the_next_target) {
  RecordProperty("req", "Y-03");
  load::ScriptedOptions options;
  options.client_id = "script";
  options.client.reconnect_period = 10ms;
  const uint64_t id = host->add(options, {Target(Address{"127.0.0.1", 1}), target}, {});
  connect(id);
  ASSERT_TRUE(wait([&] { return has<load::ConnectedNote>(); }));
  EXPECT_EQ(count<load::EndedNote>(), 1u);
  EXPECT_FALSE(last<load::EndedNote>().is_final);
}

TEST_F(ScriptHost, stopping_is_quick_whatever_the_clients_do_and_final) {
  const uint64_t id = connected();
  for (uint64_t n = 0; n < 100; ++n) publish(id, 1 + n, protocol::QoS::exactly_once);
  const auto begin = Clock::now();
  EXPECT_TRUE(host->stop(2s));
  EXPECT_LT(Clock::now() - begin, 1s);
  EXPECT_TRUE(host->stop(2s));
  connect(id);
  publish(id, 1000, protocol::QoS::at_most_once);
  host->remove(id);
}

TEST_F(ScriptHost, commands_from_many_threads_all_arrive) {
  const uint64_t id = connected();
  std::vector<std::thread> threads;
  for (uint64_t t = 0; t < 4; ++t) {
    threads.emplace_back([this, id, t] {
      for (uint64_t n = 0; n < 500; ++n) publish(id, 1 + t * 500 + n, protocol::QoS::at_least_once);
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_TRUE(wait([&] { return count<load::SettledNote>() == 2000; }));
}

}  // namespace
}  // namespace mqtt_sim::engine
