// One embedded broker as Python holds it: gone with its last reference, except in a child process, which has none of
// its threads.
#pragma once

#include <pybind11/pybind11.h>

#include <memory>

#include "core/engine/broker_host.hpp"

namespace mqtt_sim::bindings {

class HostedBroker {
 public:
  explicit HostedBroker(const engine::BrokerConfig& config) : host_(std::make_unique<engine::BrokerHost>(config)) {}
  ~HostedBroker() {
    if (is_abandoned_) static_cast<void>(host_.release());  // its locks may be held for ever
  }
  HostedBroker(const HostedBroker&) = delete;
  HostedBroker& operator=(const HostedBroker&) = delete;

  engine::BrokerHost& host() { return *host_; }
  engine::BrokerDesk& desk() { return *host_->desk(); }
  void abandon() { is_abandoned_ = true; }

  pybind11::dict clients;  // by number, as the script's objects

 private:
  std::unique_ptr<engine::BrokerHost> host_;
  bool is_abandoned_ = false;
};

void bind_broker_desk(pybind11::class_<HostedBroker>&);

}  // namespace mqtt_sim::bindings
