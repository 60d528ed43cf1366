// What engine asks of a driver, and what a driver asks of a service. A Driver moves bytes and time between Endpoints
// and knows no MQTT. core/net and core/sim each have one; machines never see it.
//
// Threads: everything is called from the thread that calls run_until(), except post() and stop().
#pragma once

#include <functional>
#include <optional>
#include <string_view>

#include "core/base/endpoint.hpp"
#include "core/base/expected.hpp"
#include "core/base/target.hpp"

namespace mqtt_sim::inline base {

// Hands out Endpoints to arriving streams (the broker does).
class Service {
 public:
  virtual ~Service() = default;
  // An endpoint for the new stream; it stays owned by the service. nullptr refuses: the driver closes the stream.
  virtual Endpoint* on_accept(const Peer&, Instant now) = 0;
  // The driver has called on_closed and will not touch the endpoint again.
  virtual void release(Endpoint&) = 0;
  // Time for the service itself (session expiry, wills, statistics): like Endpoint's deadline.
  virtual std::optional<Instant> deadline() const = 0;
  virtual void on_deadline(Instant now) = 0;
};

class Driver {
 public:
  virtual ~Driver() = default;

  virtual Instant now() const = 0;

  // Carries `endpoint` to `target` whenever it wishes. The endpoint must outlive the driver. The returned waker marks
  // it dirty also while no stream is open; it lasts as long as the driver.
  virtual Waker& attach(Endpoint& endpoint, const Target& target) = 0;

  // Starts to listen for `service`, as often as asked; port 0 asks for any free one. Result: the address really bound;
  // or what is wrong with the one asked for, certificates included.
  virtual Expected<Address> listen(Service& service, const ListenAddress& at) = 0;

  // What else is known about the on_closed() that is being delivered, as one line: "certificate verify failed:
  // self-signed certificate". Empty when CloseReason says it all. Valid during that call.
  virtual std::string_view close_detail() const { return {}; }

  // Runs until `until`, or until stop(). Everything due at or before `until` has been done on return.
  virtual void run_until(Instant until) = 0;

  // From any thread: makes run_until return soon.
  virtual void stop() = 0;
  // From any thread: `work` is called on the driver's thread, inside run_until, once.
  virtual void post(std::function<void()> work) = 0;
};

}  // namespace mqtt_sim::inline base
