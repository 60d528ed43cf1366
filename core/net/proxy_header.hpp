// The PROXY protocol, versions 1 and 2: what a load balancer says about its client before the client's own bytes. And
// whose word is taken for it. Functions on bytes; no state.
#pragma once

#include <boost/asio/ip/address.hpp>
#include <cstdint>
#include <string>
#include <vector>

#include "core/base/bytes.hpp"
#include "core/base/expected.hpp"

namespace mqtt_sim::net {

struct ProxyHeader {
  size_t size = 0;     // bytes of the header; 0: more are needed
  std::string client;  // host:port as text; empty: the proxy speaks for itself (LOCAL, UNKNOWN)
};
// Error: no PROXY header, or one that is malformed or above 4 KiB.
Expected<ProxyHeader> parse_proxy_header(ByteView bytes);

// Networks as `address` or `address/bits`, and the word `unix`.
class ProxyTrust {
 public:
  static Expected<ProxyTrust> parse(const std::vector<std::string>& networks);
  bool covers(const boost::asio::ip::address& address) const;
  bool covers_unix() const { return covers_unix_; }

 private:
  struct Network {
    boost::asio::ip::address_v6 address;  // IPv4 as mapped
    unsigned bits;
  };
  std::vector<Network> networks_;
  bool covers_unix_ = false;
};

}  // namespace mqtt_sim::net
