// SCRAM-SHA-256 (RFC 5802, RFC 7677) as two machines, without channel binding: what MQTT 5.0 carries in the
// Authentication Data of CONNECT, AUTH and CONNACK when the method is "SCRAM-SHA-256" (section 4.12). No randomness of
// their own: each side is given its part of the nonce. Names and passwords are used as the bytes they are: for ASCII
// that is what SASLprep gives; other text must come normalised the same way on both sides.
//
//   client                                 server
//   first()              -- CONNECT -->    challenge()
//   answer()             <-- AUTH 0x18 --
//                        -- AUTH 0x18 -->  conclude()
//   check_server()       <-- CONNACK ----
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "core/base/expected.hpp"

namespace mqtt_sim::auth {

inline constexpr std::string_view kScramSha256 = "SCRAM-SHA-256";  // the authentication method

// What a server keeps of a password: enough to check it, not enough to be it. As text
// `SCRAM-SHA-256$<iterations>:<salt>$<StoredKey>:<ServerKey>` with base64, as PostgreSQL writes it.
struct ScramSecret {
  uint32_t iterations = 4096;
  std::string salt;        // bytes
  std::string stored_key;  // 32 bytes
  std::string server_key;  // 32 bytes

  static constexpr uint32_t kMostIterations = 100'000;

  static ScramSecret make(std::string_view password, std::string_view salt, uint32_t iterations = 4096);
  static std::optional<ScramSecret> parse(std::string_view text);
  std::string to_text() const;
  bool matches(std::string_view password) const;  // in time that does not depend on where they differ
  friend bool operator==(const ScramSecret&, const ScramSecret&) = default;
};

class ScramClient {
 public:
  ScramClient(std::string user_name, std::string password, std::string nonce);

  std::string first();
  // The answer to a server's challenge. Error: it is no SCRAM, not ours, or asks for more work than
  // ScramSecret::kMostIterations.
  Expected<std::string> answer(std::string_view challenge);
  // Whether the server has shown that it knows the password too.
  bool check_server(std::string_view server_final) const;

 private:
  std::string user_name_;
  std::string password_;
  std::string nonce_;
  std::string first_bare_;
  std::string server_signature_;
};

class ScramServer {
 public:
  explicit ScramServer(std::string nonce) : nonce_(std::move(nonce)) {}

  // Reads the client's first message; user_name() is then known. Error: it is no SCRAM or wants channel binding.
  std::optional<Error> begin(std::string_view client_first);
  std::string_view user_name() const { return user_name_; }
  // The challenge. For a user who does not exist give a made-up secret, so that the exchange does not tell.
  std::string challenge(ScramSecret secret);
  // The server's last words, or why the client is not who it says.
  Expected<std::string> conclude(std::string_view client_final);

 private:
  std::string nonce_;
  std::string user_name_;
  std::string combined_nonce_;
  std::string gs2_header_;  // what the client said of channel binding
  std::string client_first_bare_;
  std::string challenge_;
  ScramSecret secret_;
};

}  // namespace mqtt_sim::auth
