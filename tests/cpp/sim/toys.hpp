// Endpoints and services small enough to be right at a glance, for the tests of the simulated driver. Each keeps a
// transcript of what the driver told it: "<now in ns> <what>".
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "core/base/driver.hpp"
#include "core/base/output_queue.hpp"
#include "core/base/random.hpp"
#include "core/sim/driver.hpp"

namespace mqtt_sim::sim {

using Transcript = std::vector<std::string>;

constexpr Instant at_ns(int64_t ns) { return instant_from_ns(ns); }
constexpr Instant at_us(int64_t us) { return instant_from_ns(us * 1000); }
constexpr Instant at_s(int64_t s) { return instant_from_ns(s * 1'000'000'000); }

// Does nothing by itself; tests set its wish, alarm and output and then wake it. A variant says what it does on bytes.
class Toy : public Endpoint {
 public:
  void on_open(Waker& stream_waker, const Opening& opening, Instant now) override {
    is_open = true;
    waker = &stream_waker;
    note(now, "open started=" + std::to_string(to_ns(opening.started)) + " tcp=" + std::to_string(to_ns(opening.tcp)));
    if (wish_now == StreamWish::open) wish_now = StreamWish::none;
  }
  void on_bytes(ByteView bytes, Instant now) override {
    received += as_text(bytes);
    if (logs_bytes) note(now, "bytes " + std::to_string(bytes.size()));
    last_arrival = now;
    if (echoes) out.append(bytes);
    if (closes_on_bytes) wish_now = *closes_on_bytes;
  }
  void on_deadline(Instant now) override {
    note(now, "deadline");
    alarm = std::nullopt;
  }
  void on_closed(CloseReason reason, Instant now) override {
    is_open = false;
    note(now, to_string(reason));
    out.clear();
    wish_now = reopens ? StreamWish::open : StreamWish::none;
  }
  std::span<const ByteView> output() const override { return out.views(); }
  void output_sent(size_t n, Instant) override {
    out.consume(n);
    sent += n;
  }
  std::optional<Instant> deadline() const override { return alarm; }
  StreamWish wish() const override { return wish_now; }

  void note(Instant now, const std::string& what) { log.push_back(std::to_string(to_ns(now)) + " " + what); }

  OutputQueue out;
  StreamWish wish_now = StreamWish::none;
  Waker* waker = nullptr;  // while a stream is open
  std::optional<Instant> alarm;
  bool is_open = false;
  bool echoes = false;
  bool logs_bytes = true;
  bool reopens = false;
  std::optional<StreamWish> closes_on_bytes;
  std::string received;
  size_t sent = 0;  // bytes the driver has taken
  Instant last_arrival{};
  Transcript log;
};

// Hands out toys and keeps them after release, so that tests can read their transcripts.
class ToyService : public Service {
 public:
  explicit ToyService(std::function<void(Toy&)> prepare_toy = [](Toy&) {}) : prepare(std::move(prepare_toy)) {}

  Endpoint* on_accept(const Peer& peer, Instant now) override {
    peers.push_back(peer.address);
    accepted_at.push_back(now);
    if (refuses) return nullptr;
    toys.push_back(std::make_unique<Toy>());
    prepare(*toys.back());
    return toys.back().get();
  }
  void release(Endpoint& endpoint) override { released.insert(&endpoint); }
  std::optional<Instant> deadline() const override { return alarm; }
  void on_deadline(Instant now) override {
    deadlines.push_back(to_ns(now));
    alarm = std::nullopt;
  }

  std::function<void(Toy&)> prepare;
  bool refuses = false;
  std::optional<Instant> alarm;
  std::vector<std::unique_ptr<Toy>> toys;
  std::set<Endpoint*> released;
  std::vector<std::string> peers;
  std::vector<Instant> accepted_at;
  std::vector<int64_t> deadlines;
};

// One service at the default address and one client that wishes a stream.
struct Pair {
  explicit Pair(const SimOptions& options = {}) : driver(options) {
    EXPECT_TRUE(driver.listen(service, Address{}).has_value());
    client.wish_now = StreamWish::open;
    waker = &driver.attach(client, Address{});
  }
  Toy& server() { return *service.toys.at(0); }

  Toy client;
  ToyService service;
  SimDriver driver;
  Waker* waker = nullptr;
};

// Sends numbered lines of random length at random times, ends its stream after some of them, and connects again.
class Chatter : public Toy {
 public:
  Chatter(Random source, int line_count) : random_(source), left_(line_count) {
    logs_bytes = false;
    reopens = true;
    wish_now = StreamWish::open;
  }
  void on_open(Waker& stream_waker, const Opening& opening, Instant now) override {
    Toy::on_open(stream_waker, opening, now);
    sleep(now);
  }
  void on_deadline(Instant now) override {
    alarm = std::nullopt;
    if (!is_open || left_ == 0) return;
    --left_;
    out.append(as_bytes(std::string(random_.below(400), 'x') + std::to_string(left_) + "\n"));
    if (random_.below(8) == 0) wish_now = random_.below(2) == 0 ? StreamWish::close : StreamWish::abort;
    sleep(now);
  }
  int lines_left() const { return left_; }

 private:
  void sleep(Instant now) { alarm = now + Duration(static_cast<int64_t>(random_.exponential(1e6))); }

  Random random_;
  int left_;
};

}  // namespace mqtt_sim::sim
