// Endpoints and services that note what happens to them and answer through hooks. Declare them before the driver that
// carries them: they must outlive it.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "core/base/driver.hpp"
#include "core/base/output_queue.hpp"
#include "core/net/driver.hpp"

namespace mqtt_sim::net {

using namespace std::chrono_literals;

struct RecordingEndpoint : Endpoint {
  StreamWish wanted = StreamWish::none;
  std::optional<Instant> due;
  OutputQueue queue;

  Waker* waker = nullptr;
  std::string received;
  std::vector<Opening> openings;
  std::vector<CloseReason> closes;
  std::vector<Instant> fired;

  std::function<void(ByteView)> when_bytes;
  std::function<void()> when_open;
  std::function<void()> when_sent;
  std::function<void(Instant)> when_deadline;
  std::function<void()> when_closed;

  RecordingEndpoint() = default;
  explicit RecordingEndpoint(StreamWish wish_at_first) : wanted(wish_at_first) {}

  void say(std::string_view text) { queue.append(as_bytes(text)); }

  void on_open(Waker& open_waker, const Opening& opening, Instant) override {
    waker = &open_waker;
    if (wanted == StreamWish::open) wanted = StreamWish::none;
    openings.push_back(opening);
    if (when_open) when_open();
  }
  void on_bytes(ByteView bytes, Instant) override {
    if (when_bytes) return when_bytes(bytes);
    received += as_text(bytes);
  }
  void on_deadline(Instant now) override {
    fired.push_back(now);
    due.reset();
    if (when_deadline) when_deadline(now);
  }
  void on_closed(CloseReason reason, Instant) override {
    waker = nullptr;
    wanted = StreamWish::none;
    closes.push_back(reason);
    if (when_closed) when_closed();
  }
  std::span<const ByteView> output() const override { return queue.views(); }
  void output_sent(size_t n, Instant) override {
    queue.consume(n);
    if (when_sent) when_sent();
  }
  std::optional<Instant> deadline() const override { return due; }
  StreamWish wish() const override { return wanted; }
};

// Hands out RecordingEndpoints, by default ones that echo.
struct RecordingService : Service {
  std::vector<std::unique_ptr<RecordingEndpoint>> endpoints;
  std::vector<std::string> peers;
  std::vector<Peer> arrivals;
  std::set<Endpoint*> released;
  std::function<void(RecordingEndpoint&)> prepare = [](RecordingEndpoint& endpoint) {
    endpoint.when_bytes = [&endpoint](ByteView bytes) { endpoint.queue.append(bytes); };
  };
  bool refuses = false;
  std::optional<Instant> due;
  std::vector<Instant> fired;

  Endpoint* on_accept(const Peer& peer, Instant) override {
    peers.push_back(peer.address);
    arrivals.push_back(peer);
    if (refuses) return nullptr;
    endpoints.push_back(std::make_unique<RecordingEndpoint>());
    prepare(*endpoints.back());
    return endpoints.back().get();
  }
  void release(Endpoint& endpoint) override { released.insert(&endpoint); }
  std::optional<Instant> deadline() const override { return due; }
  void on_deadline(Instant now) override {
    fired.push_back(now);
    due.reset();
  }
};

inline Address listen_anywhere(Driver& driver, Service& service) {
  return driver.listen(service, Address{"127.0.0.1", 0}).value();
}

// Runs in slices of a millisecond until `is_done`; false when five seconds were not enough.
inline bool run_until_true(Driver& driver, const std::function<bool()>& is_done) {
  const Instant limit = driver.now() + 5s;
  while (!is_done()) {
    if (driver.now() > limit) return false;
    driver.run_until(driver.now() + 1ms);
  }
  return true;
}

}  // namespace mqtt_sim::net
