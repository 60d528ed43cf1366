#include "core/engine/broker_host.hpp"

#include <pthread.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <condition_variable>
#include <future>
#include <utility>

#include "core/net/certificates.hpp"
#include "core/net/memory_streams.hpp"

namespace mqtt_sim::engine {
namespace {

constexpr Duration kShutdownPatience = std::chrono::milliseconds(1500);
constexpr Duration kOrderPatience = std::chrono::seconds(10);

bool is_any(const std::string& host) { return host.empty() || host == "0.0.0.0" || host == "::"; }

std::string name_of_this_machine() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "";
}

// What clients may call the host of these listeners.
std::vector<std::string> names_for(const std::vector<ListenerConfig>& listeners) {
  std::vector<std::string> names = {"localhost", "127.0.0.1", "::1"};
  for (const ListenerConfig& listener : listeners) {
    if (!listener.generates_certificate) continue;
    const std::string& host = listener.at.address.host;
    const std::string name = is_any(host) ? name_of_this_machine() : host;
    if (!name.empty() && std::ranges::find(names, name) == names.end()) names.push_back(name);
  }
  return names;
}

// For the listener whose pages show most; asked after all other rules.
std::unique_ptr<MessageHistory> make_history(const std::vector<ListenerConfig>& listeners) {
  uint32_t most = 0;
  for (const ListenerConfig& listener : listeners) most = std::max(most, listener.http.history);
  return most == 0 ? nullptr : std::make_unique<MessageHistory>(most);
}

std::unique_ptr<BrokerDesk> make_desk(const std::optional<DeskOptions>& options) {
  if (!options) return nullptr;
  auto desk = BrokerDesk::make(*options);
  return desk ? std::move(*desk) : nullptr;
}

broker::BrokerOptions with_rules(broker::BrokerOptions options, BrokerAccess* access, MessageHistory* history,
                                 BrokerDesk* desk) {
  options.witness = desk;
  options.gate = desk;
  if (access) options = access->add_to(std::move(options));
  if (history) options.rules.push_back(history);
  return options;
}

}  // namespace

struct BrokerHost::Orders {
  // Settles its ticket also when it is thrown away.
  struct Order {
    ~Order() {
      desk.settle(*ticket, false, protocol::ReasonCode::server_shutting_down);
      const std::lock_guard lock(orders->mutex);
      --orders->under_way;
      orders->fewer.notify_one();
    }
    std::shared_ptr<Orders> orders;
    BrokerDesk& desk;
    std::shared_ptr<DeskTicket> ticket;
    std::function<protocol::ReasonCode(broker::Broker&, Instant)> work;
  };

  std::mutex mutex;
  std::condition_variable fewer;
  size_t under_way = 0;
};

Expected<std::vector<Address>> listen_all(Driver& driver, broker::Broker& broker,
                                          const std::vector<ListenerConfig>& listeners) {
  std::vector<Address> bound;
  for (const ListenerConfig& listener : listeners) {
    ListenAddress at = listener.at;
    if (!at.http) at.protocols.http = false;
    auto address = driver.listen(broker.add_listener(listener.options), at);
    if (!address) return address.error();
    bound.push_back(std::move(*address));
  }
  return bound;
}

BrokerHost::BrokerHost(const BrokerConfig& config)
    : listeners_(config.listeners),
      access_(config.access.empty() ? nullptr : std::make_unique<BrokerAccess>(config.access, unpredictable_secret())),
      web_files_(config.web_files),
      desk_(make_desk(config.desk)),
      history_(make_history(listeners_)),
      broker_(with_rules(config.options, access_.get(), history_.get(), desk_.get()), store_,
              config.seed ? *config.seed : unpredictable_seed()),
      driver_(std::make_unique<net::NetDriver>()),
      orders_(std::make_shared<Orders>()) {
  certificate_error_ = generate_certificate();
}

BrokerHost::~BrokerHost() { stop(); }

// One authority and one certificate for all listeners that want one; nobody keeps the authority's key.
std::optional<Error> BrokerHost::generate_certificate() {
  if (std::ranges::none_of(listeners_, &ListenerConfig::generates_certificate)) return std::nullopt;
  const auto authority = net::CertificateAuthority::make("mqtt-sim");
  auto pair = authority.issue({.common_name = "mqtt-sim broker", .names = names_for(listeners_)});
  if (!pair) return pair.error();
  auto tls = std::make_shared<TlsServerOptions>();
  tls->identity.certificate_pem = std::move(pair->certificate_pem);
  tls->identity.key_pem = std::move(pair->key_pem);
  for (ListenerConfig& listener : listeners_) {
    if (listener.generates_certificate) listener.at.tls = tls;
  }
  ca_pem_ = authority.own().certificate_pem;
  return std::nullopt;
}

std::optional<Error> BrokerHost::make_pages() {
  for (ListenerConfig& listener : listeners_) {
    if (!listener.at.protocols.http) continue;
    auto pages = BrokerPages::make(listener.http, {.web_files = web_files_,
                                                   .stats = [this] { return stats_on_thread(); },
                                                   .run = run_board_,
                                                   .history = history_.get()});
    if (!pages) return pages.error();
    listener.at.http = pages_.emplace_back(std::move(*pages)).get();
  }
  return std::nullopt;
}

Expected<std::vector<Address>> BrokerHost::start() {
  const std::lock_guard lock(mutex_);
  if (!driver_ || thread_.joinable()) return make_error(0x80, "a broker starts only once");
  if (certificate_error_) return *certificate_error_;
  if (auto error = make_pages()) return std::move(*error);
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
  handshakes_failed_ = driver_->stats().handshakes_refused;
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
  auto tables = access_ ? access_->read() : Expected<BrokerAccess::Tables>(BrokerAccess::Tables());
  if (!tables) return tables.error();
  const auto use_certificates = read_certificates();
  if (!use_certificates) return use_certificates.error();
  on_thread([&] {
    const auto outdated = access_ ? access_->replace(std::move(*tables)) : std::vector<std::string>();
    if (!driver_) return;
    (*use_certificates)();
    broker_.disconnect_users(outdated, protocol::ReasonCode::administrative_action, driver_->now());
  });
  return std::nullopt;
}

Expected<std::function<void()>> BrokerHost::read_certificates() {
  const std::lock_guard lock(mutex_);
  if (!thread_.joinable() || is_stopping_) return std::function<void()>([] {});  // start() will read, or nobody
  return driver_->read_certificates();
}

bool BrokerHost::attach(int descriptor) {
  bool is_taken = false;
  on_thread([&] {
    if (!driver_ || is_stopping_ || !thread_.joinable()) return;
    adopt(descriptor);
    is_taken = true;
  });
  return is_taken;
}

bool BrokerHost::offer_streams(const std::string& name) {
  const std::lock_guard lock(mutex_);
  if (!driver_ || is_stopping_ || !thread_.joinable()) return false;
  const auto take = [this](const std::shared_ptr<net::StreamEnd>& end) {
    driver_->post([this, end] { adopt(end->release()); });
  };
  if (!net::offer_streams(name, take)) return false;
  stream_names_.push_back(name);
  return true;
}

void BrokerHost::withdraw_streams() {
  for (const std::string& name : stream_names_) net::withdraw_streams(name);
  stream_names_.clear();
}

void BrokerHost::adopt(int descriptor) {
  if (!attached_) attached_ = &broker_.add_listener({.name = "attached"});
  driver_->adopt(*attached_, descriptor);
}

void BrokerHost::stop() {
  const std::lock_guard lock(mutex_);
  if (!thread_.joinable()) return;
  withdraw_streams();
  is_stopping_ = true;
  driver_->stop();
  thread_.join();
  driver_.reset();  // not on the thread, which may see is_stopping_ before the driver was told to stop
}

broker::Stats BrokerHost::stats() {
  broker::Stats stats;
  on_thread([&] { stats = stats_on_thread(); });
  return stats;
}

broker::Stats BrokerHost::stats_on_thread() const {
  broker::Stats stats = broker_.stats();
  stats.handshakes_failed = driver_ ? driver_->stats().handshakes_refused : handshakes_failed_;
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

bool BrokerHost::run(const Work& work) {
  bool is_done = false;
  on_thread([&] {
    if (!driver_) return;
    work(broker_, driver_->now());
    is_done = true;
  });
  return is_done;
}

bool BrokerHost::order(std::function<protocol::ReasonCode(broker::Broker&, Instant)> work,
                       std::shared_ptr<DeskTicket> ticket) {
  {
    std::unique_lock lock(orders_->mutex);
    const auto has_room = [this] { return orders_->under_way < kOrdersLimit; };
    if (!orders_->fewer.wait_for(lock, kOrderPatience, has_room)) return false;
    ++orders_->under_way;
  }
  const std::shared_ptr<Orders::Order> order(new Orders::Order{orders_, *desk_, std::move(ticket), std::move(work)});
  const std::lock_guard lock(mutex_);
  if (!driver_ || is_stopping_) return false;
  const auto carry_out = [this, order] { desk_->settle(*order->ticket, true, order->work(broker_, driver_->now())); };
  if (thread_.joinable()) {
    driver_->post(carry_out);
  } else {
    carry_out();
  }
  return true;
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
