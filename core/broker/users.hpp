// Who may connect: user names with their passwords, from a text in the format of Mosquitto's password file and from
// names and passwords given directly. As a Rule it checks the password of a CONNECT; clients without a user name are
// not its business (BrokerOptions::allow_anonymous). A wrong password and an unknown name get the same answer, 0x86.
//
//   anna:$7$101$2mRJQIqxzP08oga3$8w0V...==                       mosquitto_passwd
//   anna:SCRAM-SHA-256$4096:W22Z...==$WG5d...=:wfPL...=          for SCRAM; serves for plain passwords as well
//
// Lines that begin with # are comments. A user may have one line of each form.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/auth/password.hpp"
#include "core/auth/scram.hpp"
#include "core/base/bytes.hpp"
#include "core/base/expected.hpp"
#include "core/broker/by_name.hpp"
#include "core/broker/rule.hpp"

namespace mqtt_sim::broker {

class UserTable {
 public:
  UserTable() = default;  // nobody
  // Error: line and what would be right; never the password's text.
  static Expected<UserTable> parse(std::string_view text);
  // A user whose password is known as it is. Error: there is one of that name, or the name is empty.
  std::optional<Error> add(std::string_view name, std::string_view password);

  bool empty() const { return users_.empty(); }

 private:
  friend class Users;
  struct User {
    std::optional<auth::PasswordHash> hash;
    std::optional<auth::ScramSecret> scram;  // of a plain password: made when it is first asked for
    std::optional<std::string> plain;
    std::string verified;  // digest of the password that was last found right, so that the next check is cheap

    bool keeps_passwords_of(const User& before) const;  // whatever let a client in then is still here
  };
  std::optional<Error> read(std::string_view name, std::string_view kept);

  ByName<User> users_;
  uint32_t scram_iterations_ = 4096;  // of the first SCRAM line, so that made-up secrets look alike
  size_t scram_salt_size_ = 16;
  bool has_scram_ = false;
};

class Users final : public Rule {
 public:
  // `secret`: bytes that nobody outside can know, at least as many as a seed; all salts come from it.
  explicit Users(std::string secret, UserTable table = {}) : secret_(std::move(secret)), table_(std::move(table)) {}

  // Result: the users who are gone, or have not the password any more that let them in. Clients that are here stay.
  std::vector<std::string> replace(UserTable table);
  Verdict on_event(const Event& event, Instant now) override;
  bool vouches_for_users() const override { return true; }

  bool is_right(std::string_view name, std::string_view password);
  bool has_scram() const { return table_.has_scram_; }  // some user can authenticate by it
  // Of an unknown user, or of one without SCRAM, a secret that always looks the same and that no password fits.
  auth::ScramSecret scram_secret(std::string_view name);
  std::string derive(std::string_view purpose) const;  // 32 bytes from the secret

 private:
  std::string secret_;
  UserTable table_;
};

}  // namespace mqtt_sim::broker
