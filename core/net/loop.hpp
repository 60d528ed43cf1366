// The turn of a driver, and what all its streams share: the io_context, the one read buffer, the deadlines, the list of
// streams to visit. A turn waits until something is ready or due, runs what is ready, then what is due, then visits
// every stream that was touched: one gathered write for each. Owned by NetDriver, its thread only, except that work may
// be posted to context() from anywhere.
#pragma once

#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/basic_resolver.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/bytes.hpp"
#include "core/base/endpoint.hpp"
#include "core/base/random.hpp"
#include "core/base/time.hpp"
#include "core/net/deadline_queue.hpp"
#include "core/net/handler_memory.hpp"
#include "core/net/stack.hpp"
#include "core/net/stats.hpp"

namespace mqtt_sim::net {

class Connection;

using Executor = boost::asio::io_context::executor_type;
using Tcp = boost::asio::ip::tcp;
using Stream = boost::asio::generic::stream_protocol;  // TCP or Unix-domain
using Socket = boost::asio::basic_stream_socket<Stream, Executor>;
using Acceptor = boost::asio::basic_socket_acceptor<Stream, Executor>;
using Resolver = boost::asio::ip::basic_resolver<Tcp, Executor>;
using Timer = boost::asio::basic_waitable_timer<std::chrono::steady_clock,
                                                boost::asio::wait_traits<std::chrono::steady_clock>, Executor>;

std::string to_text(const Tcp::endpoint& endpoint);  // host:port, [host]:port for IPv6
// Nothing if the endpoint is not one of TCP.
std::optional<Tcp::endpoint> as_tcp(const Stream::endpoint& endpoint);

class Loop {
 public:
  Loop();
  ~Loop();

  static Instant clock();  // CLOCK_MONOTONIC

  boost::asio::io_context& context() { return context_; }
  HandlerMemory& memory() { return memory_; }
  DeadlineQueue& deadlines() { return deadlines_; }
  NetStats& stats() { return stats_; }
  // For use within one handler.
  std::span<uint8_t> read_buffer() { return {read_buffer_.get(), kReadBufferSize}; }
  StackBuffers& stack_buffers() { return stack_buffers_; }
  Random& random() { return random_; }  // not repeatable: keys that WebSocket frames are masked with

  // Counts a failure for the statistics.
  void note_failure(CloseReason reason, std::string_view text);
  // The text that belongs to the on_closed() being delivered.
  std::string close_detail;

  // Every handler calls this first. It gives the time, and ends the turn's polling when that has taken too long, so
  // that busy streams hold up neither deadlines nor writes.
  Instant on_event();

  Connection& add(std::unique_ptr<Connection> connection);
  std::span<const std::unique_ptr<Connection>> connections() const { return connections_; }
  // The connection will be visited before the turn ends. To be called once until it is visited.
  void mark(Connection& connection) { dirty_.push_back(&connection); }

  // One turn. Waits no longer than `until`; a last one does not wait, and does everything due up to `until`.
  void turn(Instant until, bool is_last);

 private:
  static constexpr size_t kReadBufferSize = 256 * 1024;

  void wait_until(Instant at);
  void on_timer(const boost::system::error_code& error);
  void run_ready();
  void run_due(bool is_last);
  void visit_dirty();
  void remove(Connection& connection);

  HandlerMemory memory_;
  boost::asio::io_context context_;
  boost::asio::executor_work_guard<Executor> work_;
  Timer timer_;
  Instant timer_at_ = kNever;
  Instant turn_limit_ = kNever;  // when polling must end; kNever while it may not be cut short
  bool is_cut_short_ = false;
  std::unique_ptr<uint8_t[]> read_buffer_;
  StackBuffers stack_buffers_;
  Random random_;
  DeadlineQueue deadlines_;
  NetStats stats_;
  std::vector<Connection*> dirty_;
  std::vector<Connection*> visiting_;
  std::vector<std::unique_ptr<Connection>> connections_;
};

}  // namespace mqtt_sim::net
