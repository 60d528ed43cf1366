#pragma once
// Client over one kind of stream: the library's asynchronous client on a thread of its own, and queues to wait at.

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/mqtt5/mqtt_client.hpp>
#include <boost/mqtt5/types.hpp>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <thread>

#include "client.hpp"

namespace boost_mqtt5_peer {

namespace mqtt5 = boost::mqtt5;

/// Values that one thread puts in and another waits for.
template <class Value>
class Inbox {
 public:
  void put(Value value) {
    {
      const std::lock_guard lock{mutex_};
      values_.push_back(std::move(value));
    }
    changed_.notify_one();
  }

  std::optional<Value> take_within(std::chrono::seconds limit) {
    std::unique_lock lock{mutex_};
    if (!changed_.wait_for(lock, limit, [this] { return !values_.empty(); })) return std::nullopt;
    Value value = std::move(values_.front());
    values_.pop_front();
    return value;
  }

  Value take(const char* what) {
    auto value = take_within(patience);
    if (!value) throw std::runtime_error{std::string{"no "} + what};
    return std::move(*value);
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Value> values_;
};

template <class Stream, class Context>
class ClientOver final : public Client {
 public:
  ClientOver(const Options& options, Context context) : client_{loop_.get_executor(), std::move(context)} {
    client_.brokers(options.place);
    // Unless told, it takes no packet above 64 KiB.
    client_.connect_property(mqtt5::prop::maximum_packet_size, std::int32_t{1} << 20);
    if (!options.will_topic.empty()) {
      client_.will({options.will_topic, "gone", static_cast<mqtt5::qos_e>(options.will_qos)});
    }
  }

  ClientOver(const ClientOver&) = delete;
  ClientOver& operator=(const ClientOver&) = delete;

  ~ClientOver() override {
    // cancel() does nothing to a client that is between two connections, so the loop is not waited for.
    boost::asio::post(loop_, [this] {
      client_.cancel();
      loop_.stop();
    });
    if (thread_.joinable()) thread_.join();
  }

  void start() {
    client_.async_run([](mqtt5::error_code) {});
    receive();
    thread_ = std::thread{[this] { loop_.run(); }};
  }

  Inbox<bool>& verdicts() { return verdicts_; }
  decltype(auto) tls_context() { return client_.tls_context(); }

  int subscribe(const std::string& filter, int qos) override {
    mqtt5::subscribe_topic topic{filter, {static_cast<mqtt5::qos_e>(qos)}};
    boost::asio::post(loop_, [this, topic] {
      client_.async_subscribe(topic, mqtt5::subscribe_props{},
                              [this](mqtt5::error_code error, const std::vector<mqtt5::reason_code>& codes,
                                     const auto&) { granted_.put(error ? -1 : codes.at(0).value()); });
    });
    return granted_.take("SUBACK");
  }

  void publish(const std::string& topic, const std::string& payload, int qos, bool retain) override {
    ++published_;
    boost::asio::post(loop_, [=, this] {
      mqtt5::publish_props props;
      props[mqtt5::prop::user_property].push_back({"from", "boost"});
      const auto retained = retain ? mqtt5::retain_e::yes : mqtt5::retain_e::no;
      auto done = [this](mqtt5::error_code error, auto...) { acknowledged_.put(error); };
      using enum mqtt5::qos_e;
      if (qos == 0) client_.template async_publish<at_most_once>(topic, payload, retained, props, std::move(done));
      if (qos == 1) client_.template async_publish<at_least_once>(topic, payload, retained, props, std::move(done));
      if (qos == 2) client_.template async_publish<exactly_once>(topic, payload, retained, props, std::move(done));
    });
  }

  void wait_for_publishes() override {
    for (; published_ > 0; --published_) {
      if (const auto error = acknowledged_.take("acknowledgement")) throw std::runtime_error{error.message()};
    }
  }

  Message next() override { return heard_.take("message"); }

  void drop() override {
    boost::asio::post(loop_, [this] { client_.cancel(); });
  }

  bool is_certificate_refused() override { return !verdicts_.take_within(patience).value_or(true); }

 private:
  void receive() {
    client_.async_receive(
        [this](mqtt5::error_code error, std::string topic, std::string payload, mqtt5::publish_props props) {
          // Told once when a subscription was asked for before the first connection.
          if (error == mqtt5::client::error::session_expired) return receive();
          if (error) return;
          heard_.put({std::move(topic), std::move(payload), props[mqtt5::prop::user_property]});
          receive();
        });
  }

  boost::asio::io_context loop_{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_{loop_.get_executor()};
  mqtt5::mqtt_client<Stream, Context> client_;
  std::thread thread_;
  Inbox<Message> heard_;
  Inbox<int> granted_;
  Inbox<mqtt5::error_code> acknowledged_;
  Inbox<bool> verdicts_;
  int published_ = 0;
};

}  // namespace boost_mqtt5_peer
