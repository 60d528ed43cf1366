#include "core/engine/broker_host.hpp"

#include <pthread.h>
#include <time.h>

#include <future>
#include <utility>

namespace mqtt_sim::engine {
namespace {

constexpr Duration kShutdownPatience = std::chrono::milliseconds(1500);

}  // namespace

Expected<std::vector<Address>> listen_all(Driver& driver, broker::Broker& broker,
                                          const std::vector<ListenerConfig>& listeners) {
  std::vector<Address> bound;
  for (const ListenerConfig& listener : listeners) {
    auto address = driver.listen(broker.add_listener(listener.options), listener.at);
    if (!address) return address.error();
    bound.push_back(std::move(*address));
  }
  return bound;
}

BrokerHost::BrokerHost(const BrokerConfig& config)
    : listeners_(config.listeners),
      access_(config.access.empty() ? nullptr : std::make_unique<BrokerAccess>(config.access, unpredictable_secret())),
      broker_(access_ ? access_->add_to(config.options) : config.options, store_,
              config.seed ? *config.seed : unpredictable_seed()),
      driver_(std::make_unique<net::NetDriver>()) {}

BrokerHost::~BrokerHost() { stop(); }

Expected<std::vector<Address>> BrokerHost::start() {
  const std::lock_guard lock(mutex_);
  if (!driver_ || thread_.joinable()) return make_error(0x80, "a broker starts only once");
  auto bound = listen_all(*driver_, broker_, listeners_);
  if (bound) {
    thread_ = std::thread([this] { serve(); });
  } else {
    driver_.reset();
  }
  return bound;
}

void BrokerHost::serve() {
  while (!is_stopping_) driver_->run_until(driver_->now() + std::chrono::seconds(1));
  close_all();
  driver_.reset();
  last_cpu_time_ = net::NetDriver::thread_cpu_time();
}

void BrokerHost::close_all() {
  broker_.shutdown(driver_->now());
  const Instant patience_ends = driver_->now() + kShutdownPatience;
  while (broker_.stats().connections > 0 && driver_->now() < patience_ends) {
    driver_->run_until(driver_->now() + std::chrono::milliseconds(10));
  }
}

std::optional<Error> BrokerHost::reload() {
  if (!access_) return std::nullopt;
  auto tables = access_->read();
  if (!tables) return tables.error();
  on_thread([&] { access_->replace(std::move(*tables)); });
  return std::nullopt;
}

void BrokerHost::stop() {
  const std::lock_guard lock(mutex_);
  if (!thread_.joinable()) return;
  is_stopping_ = true;
  driver_->stop();
  thread_.join();
}

broker::Stats BrokerHost::stats() {
  broker::Stats stats;
  on_thread([&] { stats = broker_.stats(); });
  return stats;
}

// The thread cannot end while this holds the mutex, so the work is done.
void BrokerHost::on_thread(const std::function<void()>& work) {
  const std::lock_guard lock(mutex_);
  if (!thread_.joinable()) return work();
  std::promise<void> done;
  driver_->post([&] {
    work();
    done.set_value();
  });
  done.get_future().wait();
}

Duration BrokerHost::cpu_time() {
  const std::lock_guard lock(mutex_);
  clockid_t clock{};
  timespec time{};
  if (!thread_.joinable() || pthread_getcpuclockid(thread_.native_handle(), &clock) != 0) return last_cpu_time_;
  if (clock_gettime(clock, &time) != 0) return last_cpu_time_;
  return std::chrono::seconds(time.tv_sec) + Duration(time.tv_nsec);
}

}  // namespace mqtt_sim::engine
