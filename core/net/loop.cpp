#include "core/net/loop.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <cstring>
#include <random>

#include "core/base/assert.hpp"
#include "core/net/connection.hpp"

namespace mqtt_sim::net {
namespace {

constexpr Duration kTurnLimit = std::chrono::milliseconds(1);  // for each: what is ready, what is due
constexpr int kVisitRounds = 8;  // visits may touch further streams; what is left then waits for the next turn
constexpr int kLastRounds = 16;  // deadlines that come due while a last turn works

}  // namespace

std::string to_text(const Tcp::endpoint& endpoint) {
  const std::string host = endpoint.address().to_string();
  const std::string port = std::to_string(endpoint.port());
  return endpoint.address().is_v6() ? "[" + host + "]:" + port : host + ":" + port;
}

std::optional<Tcp::endpoint> as_tcp(const Stream::endpoint& endpoint) {
  const int family = endpoint.protocol().family();
  if (family != AF_INET && family != AF_INET6) return std::nullopt;
  Tcp::endpoint tcp;
  if (family == AF_INET6) tcp = {Tcp::v6(), 0};
  std::memcpy(tcp.data(), endpoint.data(), std::min(endpoint.size(), tcp.size()));
  return tcp;
}

// The hint says that only one thread runs the loop and touches its sockets and timers; post() stays safe from any.
Loop::Loop()
    : context_(BOOST_ASIO_CONCURRENCY_HINT_UNSAFE_IO),
      work_(context_.get_executor()),
      timer_(context_),
      read_buffer_(new uint8_t[kReadBufferSize]),
      random_(uint64_t{std::random_device{}()} << 32 | std::random_device{}()) {}

Loop::~Loop() = default;

Instant Loop::clock() { return Instant(std::chrono::steady_clock::now().time_since_epoch()); }

Instant Loop::on_event() {
  const Instant now = clock();
  assert_context().now = now;
  if (now > turn_limit_) {
    turn_limit_ = kNever;
    is_cut_short_ = true;
    context_.stop();
  }
  return now;
}

void Loop::note_failure(CloseReason reason, std::string_view text) {
  auto& failures = stats_.failures;
  const auto same = [&](const NetFailure& one) { return one.reason == reason && one.text == text; };
  auto found = std::ranges::find_if(failures, same);
  if (found == failures.end() && failures.size() + 1 >= NetStats::kFailureLimit) {
    reason = CloseReason::reset;
    text = "other failures";
    found = std::ranges::find_if(failures, same);
  }
  if (found == failures.end()) found = failures.insert(found, {reason, std::string(text), 0});
  ++found->count;
}

Connection& Loop::add(std::unique_ptr<Connection> connection) {
  connection->place_in_loop = static_cast<uint32_t>(connections_.size());
  return *connections_.emplace_back(std::move(connection));
}

void Loop::remove(Connection& connection) {
  const size_t place = connection.place_in_loop;
  MQTT_SIM_ASSERT(connections_[place].get() == &connection);
  std::swap(connections_[place], connections_.back());
  connections_[place]->place_in_loop = static_cast<uint32_t>(place);
  connections_.pop_back();
}

void Loop::turn(Instant until, bool is_last) {
  ++stats_.turns;
  const Instant due = std::min(deadlines_.head(), until);
  if (!is_last && dirty_.empty() && due > clock()) wait_until(due);
  run_ready();
  run_due(is_last);
  visit_dirty();
  for (int round = 0; is_last && deadlines_.head() <= until && round < kLastRounds; ++round) {
    run_due(is_last);
    visit_dirty();
  }
}

void Loop::wait_until(Instant at) {
  if (at < timer_at_) {  // a timer that is too early costs one empty turn, less than setting it anew each time
    timer_at_ = at;
    timer_.expires_at(std::chrono::steady_clock::time_point(at.time_since_epoch()));
    timer_.async_wait(completion<&Loop::on_timer>(*this, memory_));
  }
  context_.run_one();
}

void Loop::on_timer(const boost::system::error_code& error) {
  if (error) return;  // set anew
  timer_at_ = kNever;
}

void Loop::run_ready() {
  turn_limit_ = clock() + kTurnLimit;
  context_.poll();
  turn_limit_ = kNever;
  if (!is_cut_short_) return;
  is_cut_short_ = false;
  context_.restart();
}

void Loop::run_due(bool is_last) {
  const Instant begin = clock();
  Instant now = begin;
  while (DeadlineHolder* holder = deadlines_.pop_due(begin)) {
    now = clock();
    assert_context().now = now;
    holder->on_deadline(now);
    if (!is_last && now > begin + kTurnLimit) return;
  }
}

void Loop::visit_dirty() {
  for (int round = 0; round < kVisitRounds && !dirty_.empty(); ++round) {
    visiting_.swap(dirty_);
    for (Connection* connection : visiting_) {
      if (connection->visit()) remove(*connection);
    }
    visiting_.clear();
  }
}

}  // namespace mqtt_sim::net
