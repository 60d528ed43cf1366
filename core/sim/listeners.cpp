#include "core/sim/listeners.hpp"

#include <algorithm>
#include <string>

namespace mqtt_sim::sim {
namespace {

constexpr uint16_t kFirstFreePort = 49152;

bool is_any(const std::string& host) { return host.empty() || host == "0.0.0.0" || host == "::"; }
bool is_loopback(const std::string& host) { return host == "localhost" || host == "127.0.0.1" || host == "::1"; }
bool is_same_host(const std::string& a, const std::string& b) { return a == b || (is_loopback(a) && is_loopback(b)); }

bool answers(const Address& listener, const Address& target) {
  if (!listener.unix_path.empty() || !target.unix_path.empty()) return listener.unix_path == target.unix_path;
  return listener.port == target.port && (is_any(listener.host) || is_same_host(listener.host, target.host));
}

}  // namespace

Expected<Address> Listeners::add(Service& service, const Address& at) {
  Address bound = at;
  if (at.unix_path.empty() && at.port == 0) bound.port = free_port(at);
  if (at.unix_path.empty() && bound.port == 0) return make_error(0x80, "no port left to listen on");
  if (is_taken(bound)) return make_error(0x80, "address already in use");
  listeners_.push_back({&entry_of(service), bound});
  return bound;
}

ServiceEntry* Listeners::find(const Address& target) const {
  const auto found = std::ranges::find_if(listeners_, [&](const Listener& l) { return answers(l.address, target); });
  return found == listeners_.end() ? nullptr : found->service;
}

ServiceEntry& Listeners::entry_of(Service& service) {
  for (auto& entry : services_) {
    if (entry->service == &service) return *entry;
  }
  const auto index = static_cast<uint32_t>(services_.size());
  services_.push_back(std::make_unique<ServiceEntry>(ServiceEntry{.service = &service, .index = index}));
  return *services_.back();
}

bool Listeners::is_taken(const Address& at) const {
  return std::ranges::any_of(listeners_, [&](const Listener& l) {
    return answers(l.address, at) ||
           (at.unix_path.empty() && l.address.unix_path.empty() && l.address.port == at.port && is_any(at.host));
  });
}

uint16_t Listeners::free_port(Address at) const {
  for (uint32_t port = kFirstFreePort; port <= 65535; ++port) {
    at.port = static_cast<uint16_t>(port);
    if (!is_taken(at)) return at.port;
  }
  return 0;
}

}  // namespace mqtt_sim::sim
