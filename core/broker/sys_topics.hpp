// The topics below `$SYS/broker` by which a broker tells how it is, under the names that Mosquitto has for them. Made
// from Stats at an interval, so that messages cost nothing; a topic is published again only when its text has changed.
// Owned by the broker, which publishes them. Clients read them and may not publish to them (is_sys_topic()).
//
//   version, uptime (`123 seconds`)
//   clients/          connected, disconnected (session kept), total (both), maximum (connected at once), expired
//   messages/         received, sent: MQTT packets of all types
//   bytes/            received, sent
//   publish/messages/ received, sent, dropped; publish/bytes/ received, sent: of payloads
//   subscriptions/count, shared_subscriptions/count: each subscription is in one of them
//   retained messages/count: those of clients
//   store/messages/   count, bytes: retained messages, and those that wait in sessions for each of these
//   load/             connections, sockets, messages/received, messages/sent, publish/received, publish/sent,
//                     publish/dropped, bytes/received, bytes/sent, and under each 1min, 5min, 15min:
//                     how many a minute, as an average that forgets with that time constant
#pragma once

#include <array>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/time.hpp"
#include "core/broker/stats.hpp"

namespace mqtt_sim::broker {

// Whether only the broker itself may publish to `topic`.
bool is_sys_topic(std::string_view topic);

// Messages that wait in sessions now.
struct Waiting {
  uint64_t messages = 0;
  uint64_t bytes = 0;
};

class SysTopics {
 public:
  // `interval` between publications; zero: none ever.
  explicit SysTopics(Duration interval);

  Instant due() const { return due_; }  // the first time at once

  // Calls `publish(topic, text)` for each topic that says something new, and is due again an interval later.
  using Publish = std::function<void(std::string_view topic, std::string_view text)>;
  void update(const Stats& stats, const Waiting& waiting, Instant now, const Publish& publish);

 private:
  struct Topic {
    std::string name;
    std::string text;  // as it was published
  };
  struct Load {
    uint64_t counted = 0;                   // at the last update
    std::array<double, 3> per_minute = {};  // over 1, 5 and 15 minutes
  };

  void tell(std::string text, const Publish& publish);
  void tell_loads(const Stats& stats, Duration elapsed, const Publish& publish);

  const Duration interval_;
  Instant due_;
  Instant started_{};
  Instant updated_{};
  bool is_started_ = false;
  std::vector<Topic> topics_;
  size_t next_ = 0;  // of topics_, for tell()
  std::vector<Load> loads_;
};

}  // namespace mqtt_sim::broker
