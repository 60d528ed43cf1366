// Who listens where in the simulated network: one flat network in which every name is its own host, but for the names
// of the loopback address, which are one. Part of the driver. One owner, one thread.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "core/base/driver.hpp"
#include "core/base/expected.hpp"

namespace mqtt_sim::sim {

struct ServiceEntry {
  Service* service = nullptr;
  uint32_t index = 0;
  bool is_dirty = true;  // its deadline must be looked at
};

class Listeners {
 public:
  // See SimDriver::listen.
  Expected<Address> add(Service& service, const Address& at);
  // Who answers at `target`; nullptr if nobody.
  ServiceEntry* find(const Address& target) const;
  // One for each service, however many addresses it listens at; the order is that of their first listen().
  const std::vector<std::unique_ptr<ServiceEntry>>& services() const { return services_; }

 private:
  struct Listener {
    ServiceEntry* service;
    Address address;
  };

  ServiceEntry& entry_of(Service& service);
  bool is_taken(const Address& at) const;
  uint16_t free_port(Address at) const;  // 0: none

  std::vector<std::unique_ptr<ServiceEntry>> services_;
  std::vector<Listener> listeners_;
};

}  // namespace mqtt_sim::sim
