// Where the embedded broker's users and access rights come from: a password file, an acl_file, and credentials in the
// options. Reads the files; the Rules they become are in core/broker. read() may be called from any thread, replace()
// only from the broker's.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "core/base/expected.hpp"
#include "core/broker/access_list.hpp"
#include "core/broker/options.hpp"
#include "core/broker/scram_method.hpp"
#include "core/broker/users.hpp"

namespace mqtt_sim::engine {

struct AccessSources {
  std::string users_file = {};                                        // empty: none
  std::string acl_file = {};                                          // likewise
  std::vector<std::pair<std::string, std::string>> credentials = {};  // user name, password

  bool has_users() const { return !users_file.empty() || !credentials.empty(); }
  bool empty() const { return !has_users() && acl_file.empty(); }
};

class BrokerAccess {
 public:
  // `secret`: what salts and nonces come from. Until the first replace() nobody is let in and nothing allowed.
  BrokerAccess(AccessSources sources, const std::string& secret) : sources_(std::move(sources)), users_(secret) {}

  struct Tables {
    broker::UserTable users;
    broker::AccessTable access;
  };
  // Error: which file, which line, and what would be right.
  Expected<Tables> read() const;
  // Result: the users who are gone or have another password.
  std::vector<std::string> replace(Tables tables);

  // `options` with the rules and the authentication method of these sources; they point into this.
  broker::BrokerOptions add_to(broker::BrokerOptions options);

 private:
  AccessSources sources_;
  broker::Users users_;
  broker::ScramMethod scram_{users_};
  broker::AccessList access_list_;
};

// 32 bytes that nobody can know.
std::string unpredictable_secret();
uint64_t unpredictable_seed();

}  // namespace mqtt_sim::engine
