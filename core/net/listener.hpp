// Takes arriving streams for one service and keeps that service's deadline. Out of descriptors it pauses instead of
// spinning on a backlog it cannot take. Owned by NetDriver, its thread only.
#pragma once

#include <boost/system/error_code.hpp>
#include <optional>

#include "core/base/driver.hpp"
#include "core/base/expected.hpp"
#include "core/net/loop.hpp"

namespace mqtt_sim::net {

class Listener final : public DeadlineHolder {
 public:
  Listener(Loop& loop, Service& service);
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;
  ~Listener();

  // To be called once. Result: the address really bound; or an error that names the one asked for.
  Expected<Address> open(const Address& at);

  std::optional<Instant> deadline() const override;
  void on_deadline(Instant now) override;

 private:
  void wait_readable();
  void on_readable(const boost::system::error_code& error);
  void pause(Instant now);
  void take(int descriptor, const Tcp::endpoint& from, Instant now);

  Loop& loop_;
  Service& service_;
  Acceptor acceptor_;
  Instant resume_at_ = kNever;  // kNever unless paused
};

}  // namespace mqtt_sim::net
