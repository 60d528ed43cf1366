#include "core/broker/users.hpp"

#include "core/broker/text_lines.hpp"

namespace mqtt_sim::broker {

using protocol::ReasonCode;

namespace {

constexpr size_t kLongestName = 65'535;  // section 1.5.4: what a string can hold

Error problem(std::string text) { return make_error(ReasonCode::unspecified_error, std::move(text)); }

}  // namespace

Expected<UserTable> UserTable::parse(std::string_view text) {
  if (auto error = check_size(text)) return std::move(*error);
  UserTable table;
  for (TextLines lines(text); lines.next();) {
    const std::string_view line = lines.line();
    if (trim(line).empty() || line.starts_with('#')) continue;
    const size_t colon = line.find(':');
    if (colon == std::string_view::npos) return lines.error("write name:password, as mosquitto_passwd does", false);
    if (auto error = table.read(trim(line.substr(0, colon)), trim(line.substr(colon + 1)))) {
      return lines.error(error->text, false);
    }
  }
  return table;
}

std::optional<Error> UserTable::read(std::string_view name, std::string_view kept) {
  if (name.empty()) return problem("write the user's name before the colon");
  if (name.size() > kLongestName) return problem("user name longer than 65535 bytes");
  const std::string user = "user " + std::string(name.substr(0, 200)) + ": ";
  const auto hash = auth::PasswordHash::parse(kept);
  const auto scram = auth::ScramSecret::parse(kept);
  if (!hash && !scram) {
    return problem(user + "password is neither $7$, $6$ nor SCRAM-SHA-256$; run mosquitto_passwd -U on the file");
  }
  User& place = users_[std::string(name)];
  if (hash ? place.hash.has_value() : place.scram.has_value()) return problem(user + "is there twice; remove one");
  if (hash) {
    place.hash = hash;
    return std::nullopt;
  }
  place.scram = scram;
  if (!has_scram_) {
    scram_iterations_ = scram->iterations;
    scram_salt_size_ = scram->salt.size();
  }
  has_scram_ = true;
  return std::nullopt;
}

std::optional<Error> UserTable::add(std::string_view name, std::string_view password) {
  if (name.empty()) return problem("a user name is empty");
  const auto [place, is_new] = users_.try_emplace(std::string(name));
  if (!is_new) return problem("user " + std::string(name) + ": is there twice; remove one");
  place->second.plain = password;
  has_scram_ = true;
  return std::nullopt;
}

bool UserTable::User::keeps_passwords_of(const User& before) const {
  if (plain || before.plain) return plain == before.plain;
  return (!before.hash || hash == before.hash) && (!before.scram || scram == before.scram);
}

std::vector<std::string> Users::replace(UserTable table) {
  std::vector<std::string> outdated;
  for (const auto& [name, before] : table_.users_) {
    const auto found = table.users_.find(name);
    if (found != table.users_.end() && found->second.keeps_passwords_of(before)) {
      found->second.verified = before.verified;
    } else {
      outdated.push_back(name);
    }
  }
  table_ = std::move(table);
  return outdated;
}

Verdict Users::on_event(const Event& event, Instant) {
  if (event.kind != EventKind::connect || !event.user_name || event.is_authenticated) return Verdict::pass();
  const bool is_it = event.password && is_right(*event.user_name, as_text(*event.password));
  return is_it ? Verdict::pass() : Verdict::refuse(ReasonCode::bad_user_name_or_password);
}

bool Users::is_right(std::string_view name, std::string_view password) {
  const auto found = table_.users_.find(name);
  if (found == table_.users_.end()) return false;
  UserTable::User& user = found->second;
  if (user.plain) {
    return auth::is_equal(auth::hmac(auth::Hash::sha256, secret_, *user.plain),
                          auth::hmac(auth::Hash::sha256, secret_, password));
  }
  // Thousands of devices may share one user; the costly hash is for what has not been found right before.
  const std::string seen = auth::hmac(auth::Hash::sha256, secret_, password);
  if (!user.verified.empty() && auth::is_equal(user.verified, seen)) return true;
  const bool is_it = user.hash ? user.hash->matches(password) : user.scram->matches(password);
  if (is_it) user.verified = seen;
  return is_it;
}

auth::ScramSecret Users::scram_secret(std::string_view name) {
  const std::string salt = derive("salt of " + std::string(name)).substr(0, 16);
  const auto found = table_.users_.find(name);
  if (found != table_.users_.end()) {
    UserTable::User& user = found->second;
    if (user.plain && !user.scram) user.scram = auth::ScramSecret::make(*user.plain, salt, table_.scram_iterations_);
    if (user.scram) return *user.scram;
  }
  std::string like_others = salt;
  while (like_others.size() < table_.scram_salt_size_) like_others += derive("more of " + like_others);
  like_others.resize(table_.scram_salt_size_);
  return {.iterations = table_.scram_iterations_,
          .salt = like_others,
          .stored_key = derive("stored key of " + std::string(name)),
          .server_key = derive("server key of " + std::string(name))};
}

std::string Users::derive(std::string_view purpose) const { return auth::hmac(auth::Hash::sha256, secret_, purpose); }

}  // namespace mqtt_sim::broker
