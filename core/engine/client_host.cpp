#include "core/engine/client_host.hpp"

#include <system_error>
#include <thread>
#include <utility>

namespace mqtt_sim::engine {
namespace {

// Streams begin independently of each other; a script that opens thousands at once is its own business.
net::NetOptions net_options() {
  net::NetOptions options;
  options.connects_in_progress_limit = 1024;
  return options;
}

}  // namespace

ClientHost::ClientHost(Doorbell bell)
    : driver_(std::make_unique<net::NetDriver>(net_options())), batch_(std::move(bell)) {}

Expected<std::shared_ptr<ClientHost>> ClientHost::make() {
  auto bell = Doorbell::make();
  if (!bell) return bell.error();
  std::shared_ptr<ClientHost> host(new ClientHost(std::move(*bell)));
  try {
    std::thread([host] { host->serve(); }).detach();
  } catch (const std::system_error&) {
    return make_error(0x97, "no thread left");
  }
  return host;
}

bool ClientHost::stop(Duration patience) {
  std::unique_lock lock(commands_mutex_);
  if (!is_stopping_.exchange(true)) driver_->stop();
  return over_.wait_for(lock, patience, [this] { return is_over_; });
}

void ClientHost::serve() {
  while (!is_stopping_) driver_->run_until(driver_->now() + std::chrono::seconds(1));
  // What its end tells the clients, nobody hears. Nobody else uses it: every call looks at is_stopping_ under the
  // mutex, which whoever stops it holds until the driver was told.
  std::unique_ptr<net::NetDriver> driver;
  {
    const std::lock_guard lock(commands_mutex_);
    driver = std::move(driver_);
  }
  driver.reset();
  clients_.clear();
  {
    const std::lock_guard lock(commands_mutex_);
    commands_.clear();
    is_over_ = true;
  }
  over_.notify_all();
}

// --- from any thread

uint64_t ClientHost::add(load::ScriptedOptions options, std::vector<Target> targets, Inbox inbox) {
  const uint64_t id = ++last_id_;
  // Shared, because what is posted has to be copyable.
  auto made = std::make_shared<Hosted>();
  load::ScriptOwner& owner = *this;
  made->client = std::make_unique<load::ScriptedClient>(std::move(options), owner, id);
  made->targets = std::move(targets);
  made->inbox = inbox;
  post_work([this, id, made] {
    Hosted& hosted = clients_[id] = std::move(*made);
    hosted.waker = &driver_->attach(*hosted.client, hosted.targets.front());
  });
  return id;
}

void ClientHost::remove(uint64_t client) {
  post_work([this, client] {
    const auto found = clients_.find(client);
    if (found == clients_.end()) return;
    driver_->detach(*found->second.waker);
    clients_.erase(found);
  });
}

void ClientHost::lead_to(uint64_t client, std::vector<Target> targets) {
  post_work([this, client, targets = std::move(targets)] {
    const auto found = clients_.find(client);
    if (found == clients_.end()) return;
    found->second.targets = targets;
    found->second.target = targets.size() - 1;
    lead_on(client);
  });
}

void ClientHost::command(uint64_t client, Work work) { post({client, nullptr, std::move(work), {}}); }

void ClientHost::order(uint64_t client, load::Order order) {
  post({client, std::make_unique<load::Order>(std::move(order)), {}, {}});
}

void ClientHost::post_work(std::function<void()> work) { post({0, nullptr, {}, std::move(work)}); }

void ClientHost::post(Command command) {
  const std::lock_guard lock(commands_mutex_);
  if (is_stopping_) return;
  commands_.push_back(std::move(command));
  if (std::exchange(is_woken_, true)) return;
  driver_->post([this] { run_commands(); });
}

// --- on the thread

void ClientHost::run_commands() {
  {
    const std::lock_guard lock(commands_mutex_);
    is_woken_ = false;
    running_.swap(commands_);
  }
  for (Command& command : running_) {
    if (command.own) {
      command.own();
      continue;
    }
    const auto found = clients_.find(command.client);
    if (found == clients_.end()) continue;
    load::ScriptedClient& client = *found->second.client;
    if (command.order) {
      client.add(std::move(*command.order), driver_->now());
    } else {
      command.work(client, driver_->now());
    }
    found->second.waker->wake();
  }
  running_.clear();
}

// The next target, while there is no stream to the last one.
void ClientHost::lead_on(uint64_t id) {
  const auto found = clients_.find(id);
  if (found == clients_.end()) return;
  Hosted& hosted = found->second;
  const client::State state = hosted.client->state();
  if (state == client::State::connecting || state == client::State::connected || state == client::State::closing)
    return;
  driver_->detach(*hosted.waker);
  hosted.target = (hosted.target + 1) % hosted.targets.size();
  hosted.waker = &driver_->attach(*hosted.client, hosted.targets[hosted.target]);
}

void ClientHost::on_attempt_failed(load::ScriptedClient& client) {
  const auto found = clients_.find(client.id());
  if (found == clients_.end() || found->second.targets.size() < 2 || !driver_) return;
  driver_->post([this, id = client.id()] { lead_on(id); });
}

void ClientHost::take(load::ScriptedClient& client, std::vector<load::Note>& notes) {
  const auto hosted = clients_.find(client.id());
  batch_.put(client.id(), notes, hosted == clients_.end() ? Inbox() : hosted->second.inbox);
}

}  // namespace mqtt_sim::engine
