// The real-time driver: carries Endpoints over sockets, on the monotonic clock. One driver is one thread and one
// io_context; a run with several shards has several drivers that share nothing. All functions are called from the
// thread that calls run_until(), which may change between two such calls; post() and stop() from any.
//
// A stream whose endpoint wishes close is written out and ended in order; on_closed follows when the peer has ended
// too, after one second without progress at the latest. on_closed comes exactly once for every stream and for every
// opening that the dialer was asked for.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "core/base/driver.hpp"
#include "core/net/options.hpp"
#include "core/net/stats.hpp"

namespace mqtt_sim::net {

class Dialer;
class Listener;
class Loop;

class NetDriver final : public Driver {
 public:
  explicit NetDriver(NetOptions options = {});
  // Drops all streams, whatever waits in them: on_closed(local) to every endpoint that has one or is being dialled for
  // one, then release() of those that arrived. Services and endpoints must still exist.
  ~NetDriver() override;

  Instant now() const override;
  Waker& attach(Endpoint& endpoint, const Target& target) override;
  // Drops the endpoint's stream, if it has one, and forgets the endpoint, which may then go. `waker` is what attach()
  // gave for it. Not inside a call on the endpoint.
  void detach(Waker& waker);
  Expected<Address> listen(Service& service, const ListenAddress& at) override;
  // Reads the files of all listeners' TLS again. Result: what makes streams to come use them, to be called on the
  // driver's thread while it has these listeners; or what is wrong with one. From any thread while nobody listen()s.
  Expected<std::function<void()>> read_certificates() const;
  // Takes a connected stream socket for `service`, which speaks plain MQTT there. `descriptor` is the driver's from now
  // on, and does not block. Ended in order like a stream that was accepted.
  void adopt(Service& service, int descriptor);
  std::string_view close_detail() const override;
  void run_until(Instant until) override;
  void stop() override;  // also ends the next run_until, if none is running
  void post(std::function<void()> work) override;

  const NetStats& stats() const;
  static Instant clock();             // what now() of every such driver tells
  static Duration thread_cpu_time();  // used by the calling thread so far, in user and kernel mode

 private:
  Dialer& dialer_for(const Target& target);

  const NetOptions options_;
  std::atomic<bool> is_stopping_ = false;
  std::unique_ptr<Loop> loop_;
  std::vector<std::unique_ptr<Dialer>> dialers_;  // one for each different target
  std::vector<std::unique_ptr<Listener>> listeners_;
  std::vector<std::unique_ptr<Listener>> adopting_;  // one for each service that streams were adopted for
};

}  // namespace mqtt_sim::net
