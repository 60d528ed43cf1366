#include "core/net/driver.hpp"

#include <time.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <utility>

#include "core/net/connection.hpp"
#include "core/net/dialer.hpp"
#include "core/net/listener.hpp"
#include "core/net/loop.hpp"

namespace mqtt_sim::net {

NetDriver::NetDriver(NetOptions options) : options_(std::move(options)), loop_(std::make_unique<Loop>()) {}

NetDriver::~NetDriver() {
  const Instant now = Loop::clock();
  for (const auto& connection : loop_->connections()) connection->drop(now);
  listeners_.clear();
  adopting_.clear();
}

Instant NetDriver::now() const { return clock(); }

Instant NetDriver::clock() { return Loop::clock(); }

Waker& NetDriver::attach(Endpoint& endpoint, const Target& target) {
  Connection& connection = loop_->add(std::make_unique<Connection>(*loop_, endpoint, dialer_for(target)));
  connection.wake();  // it may wish, or have a deadline, already
  return connection;
}

void NetDriver::detach(Waker& waker) { static_cast<Connection&>(waker).retire(Loop::clock()); }

Dialer& NetDriver::dialer_for(const Target& target) {
  const auto found = std::ranges::find_if(dialers_, [&](const auto& dialer) { return dialer->target() == target; });
  if (found != dialers_.end()) return **found;
  return *dialers_.emplace_back(std::make_unique<Dialer>(*loop_, target, options_));
}

Expected<Address> NetDriver::listen(Service& service, const ListenAddress& at) {
  auto listener = std::make_unique<Listener>(*loop_, service, at);
  Expected<Address> bound = listener->open();
  if (bound) listeners_.push_back(std::move(listener));
  return bound;
}

Expected<std::function<void()>> NetDriver::read_certificates() const {
  std::vector<std::pair<Listener*, std::shared_ptr<TlsContext>>> read;
  for (const auto& listener : listeners_) {
    const TlsServerOptions* options = listener->rules().tls.get();
    if (!options || !options->names_files()) continue;
    auto made = TlsContext::make_server(*options);
    if (!made) return made.error();
    read.emplace_back(listener.get(), std::move(*made));
  }
  return [read = std::move(read)] {
    for (const auto& [listener, made] : read) listener->use_certificates(*made);
  };
}

void NetDriver::adopt(Service& service, int descriptor) {
  auto found = std::ranges::find_if(adopting_, [&](const auto& one) { return &one->service() == &service; });
  if (found == adopting_.end()) {
    found = adopting_.insert(found, std::make_unique<Listener>(*loop_, service, ListenAddress()));
  }
  (*found)->adopt(descriptor, loop_->on_event());
}

void NetDriver::run_until(Instant until) {
  for (bool is_last = false; !is_last;) {
    // Nobody tells when a service's deadline has changed.
    for (const auto& listener : listeners_) loop_->deadlines().expect(*listener);
    is_last = is_stopping_.exchange(false) || Loop::clock() >= until;
    loop_->turn(until, is_last);
  }
}

void NetDriver::stop() {
  is_stopping_ = true;
  boost::asio::post(loop_->context(), [] {});  // ends the wait
}

void NetDriver::post(std::function<void()> work) {
  boost::asio::post(loop_->context(), [loop = loop_.get(), work = std::move(work)] {
    loop->on_event();
    work();
  });
}

std::string_view NetDriver::close_detail() const { return loop_->close_detail; }

const NetStats& NetDriver::stats() const { return loop_->stats(); }

Duration NetDriver::thread_cpu_time() {
  timespec used{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
  return std::chrono::seconds(used.tv_sec) + Duration(used.tv_nsec);
}

}  // namespace mqtt_sim::net
