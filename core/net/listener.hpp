// Takes arriving streams for one service and keeps that service's deadline. Streams that need no handshake go to the
// service at once, the others by way of a ServerOpener. Out of descriptors it pauses instead of spinning on a backlog
// it cannot take. Owned by NetDriver, its thread only.
#pragma once

#include <boost/system/error_code.hpp>
#include <memory>
#include <optional>

#include "core/base/driver.hpp"
#include "core/base/expected.hpp"
#include "core/net/loop.hpp"
#include "core/net/opener.hpp"
#include "core/net/proxy_header.hpp"

namespace mqtt_sim::net {

class Listener final : public DeadlineHolder {
 public:
  Listener(Loop& loop, Service& service, const ListenAddress& rules);
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;
  ~Listener();

  // To be called once. Result: the address really bound; or what is wrong with the rules.
  Expected<Address> open();
  // Instead: takes a stream that is connected already. `descriptor` is this one's.
  void adopt(int descriptor, Instant now);

  std::optional<Instant> deadline() const override;
  void on_deadline(Instant now) override;

  // For the streams that arrived here.
  Service& service() { return service_; }
  const ListenAddress& rules() const { return rules_; }
  // Streams to come use what is in `read`, which was made from the same options. Its TLS must have been there before.
  void use_certificates(TlsContext& read) { tls_->take_over(read); }
  std::unique_ptr<Opener> make_opener(Stack& stack, Peer peer, bool expects_proxy, Instant now);
  std::unique_ptr<Endpoint> make_http_endpoint(const Peer& peer);

 private:
  Expected<void> check_rules();
  Expected<Address> bind_tcp();
  Expected<Address> bind_unix();
  void wait_readable();
  void on_readable(const boost::system::error_code& error);
  void pause(Instant now);
  void take(int descriptor, const Stream::endpoint& from, Instant now);
  std::string name_of_unix_peers() const;
  bool is_plain() const;

  Loop& loop_;
  Service& service_;
  const ListenAddress rules_;
  std::unique_ptr<TlsContext> tls_;  // null: no TLS
  ProxyTrust proxy_trust_;
  uint32_t handshakes_ = 0;  // streams that are not with the service yet
  Acceptor acceptor_;
  bool is_bound_to_path_ = false;
  Instant resume_at_ = kNever;  // kNever unless paused
};

}  // namespace mqtt_sim::net
