// Which local address the next connect leaves from. With a list: its members in turn. Without: the system's choice,
// except that toward 127.0.0.0/8 the addresses 127.0.0.2 to 127.0.0.254 follow, each when the one before has no port
// left, since one address has only some 28,000 ports toward one listener. One per target, no socket in here.
#pragma once

#include <boost/asio/ip/address.hpp>
#include <cstddef>
#include <optional>
#include <vector>

namespace mqtt_sim::net {

class SourceAddresses {
 public:
  using Address = boost::asio::ip::address;

  struct Choice {
    size_t number = 0;
    std::optional<Address> address;  // none: the system chooses
  };

  explicit SourceAddresses(std::vector<Address> listed) : listed_(std::move(listed)) {}

  // The source for the next connect to `target`; nothing when no listed address is of its family.
  std::optional<Choice> choose(const Address& target);
  // The source to try after `exhausted` had no port left for the same connect. Without a list, later connects begin
  // there too.
  std::optional<Choice> choose_instead(const Choice& exhausted, const Address& target);
  // How many different choices there are toward `target`: the bound on trying.
  size_t count(const Address& target) const;

 private:
  std::optional<Choice> first_listed_from(size_t number, const Address& target) const;

  std::vector<Address> listed_;
  size_t next_ = 0;
};

}  // namespace mqtt_sim::net
