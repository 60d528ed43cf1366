// What only some connections need, most of it of 5.0, so that the others do not carry it. Made when a connection needs
// it, gone when the connection ends. Owned by a Client.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "core/base/time.hpp"
#include "core/client/authentication.hpp"
#include "core/client/owed.hpp"
#include "core/client/topic_alias.hpp"

namespace mqtt_sim::client {

struct Features {
  AliasTable received_aliases;               // set by the server
  AliasTable owners_aliases;                 // set by the owner, TopicAliasMode::by_owner
  std::optional<AliasChooser> sent_aliases;  // TopicAliasMode::automatic
  std::unique_ptr<Owed> owed;                // where the owner acknowledges, from the first message on
  std::vector<uint8_t> properties;           // of the PUBLISH being written
  std::optional<Authentication> authentication;
  Instant authentication_due = kNever;  // when to give up waiting for the answer to our AUTH
};

}  // namespace mqtt_sim::client
