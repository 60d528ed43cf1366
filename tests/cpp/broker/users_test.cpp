// User names and passwords.
#include "core/broker/users.hpp"

#include <chrono>

#include "core/broker/scram_method.hpp"
#include "tests/cpp/broker/harness.hpp"

namespace mqtt_sim::broker::test {
namespace {

// Written by mosquitto_passwd 2.0.11; anna's password is "force", bob's "two words".
constexpr std::string_view kFile =
    "# the users\n"
    "anna:$7$101$2mRJQIqxzP08oga3$8w0V4w97aZ2h2p0+aW5uBA0IMmql4o1sAuGKCXoEeiZ0ycMtf1+"
    "mSMCtzL58EFdgAurHGte8CFRZWVJiwum2JQ=="
    "\r\n"
    "\n"
    "bob:$7$101$XAl3ZX3oo8Ry080J$KOdNd8G9pwQRTq3V8Unr/"
    "1pO0EQf9URiJYC19LZQ3YbhRmQSL1aZnf9elB/N9cDdnhRNWxrQ/33bqze0u8WiuA==\n";

UserTable table_of(std::string_view text) {
  auto table = UserTable::parse(text);
  EXPECT_TRUE(table) << table.error().text;
  return table ? std::move(*table) : UserTable();
}

std::string scram_line(const std::string& name, const std::string& password) {
  return name + ":" + auth::ScramSecret::make(password, "16 bytes of salt", 50).to_text() + "\n";
}

Lines connect_with(World& world, const char* user, const char* password, ProtocolVersion version = v5) {
  Peer& peer = world.open(version);
  Connect connect;
  connect.version = version;
  connect.client_id = "c";
  if (user) connect.user_name = user;
  if (password) connect.password = as_bytes(password);
  peer.send(connect);
  return peer.receive();
}

TEST(Users, AreKnownByTheFileThatMosquittoPasswdWrites) {
  prove("X-15");
  Users users("secret", table_of(kFile));
  EXPECT_TRUE(users.is_right("anna", "force"));
  EXPECT_TRUE(users.is_right("bob", "two words"));
  EXPECT_FALSE(users.is_right("anna", "two words"));
  EXPECT_FALSE(users.is_right("anna", ""));
  EXPECT_FALSE(users.is_right("carla", "force"));
  EXPECT_FALSE(users.is_right("", ""));
}

TEST(Users, MayBeGivenByScramLinesOrAsTheyAre) {
  UserTable table = table_of(std::string(kFile) + scram_line("carla", "marrow") + scram_line("anna", "force"));
  EXPECT_FALSE(table.add("emil", "many rounds"));
  Users users("secret", std::move(table));
  EXPECT_TRUE(users.is_right("carla", "marrow"));
  EXPECT_FALSE(users.is_right("carla", "Marrow"));
  EXPECT_TRUE(users.is_right("anna", "force"));
  EXPECT_TRUE(users.is_right("emil", "many rounds"));
  EXPECT_FALSE(users.is_right("emil", "do"));
}

TEST(Users, AreToldByTheirReturnCodesButNotWhoExists) {
  prove("X-15");
  Users users("secret", table_of(kFile));
  World world({.rules = {&users}});
  EXPECT_EQ(connect_with(world, "anna", "force"), Lines{"CONNACK 00"});
  EXPECT_EQ(connect_with(world, nullptr, nullptr), Lines{"CONNACK 00"});
  for (const auto& [user, password] : std::vector<std::pair<const char*, const char*>>{
           {"anna", "wrong"}, {"carla", "force"}, {"anna", nullptr}, {"anna", ""}, {"", "force"}}) {
    EXPECT_EQ(connect_with(world, user, password), (Lines{"CONNACK 86", "CLOSE"})) << user;
    EXPECT_EQ(connect_with(world, user, password, v311), (Lines{"CONNACK 04", "CLOSE"})) << user;
  }
}

TEST(Users, WhoHaveNoNameAreWelcomeOnlyWhereThatIsAllowed) {
  Users users("secret", table_of(kFile));
  World world({.allow_anonymous = false, .rules = {&users}});
  EXPECT_EQ(connect_with(world, nullptr, nullptr), (Lines{"CONNACK 87", "CLOSE"}));
  EXPECT_EQ(connect_with(world, nullptr, nullptr, v311), (Lines{"CONNACK 05", "CLOSE"}));
  EXPECT_EQ(connect_with(world, "anna", "force", v311), Lines{"CONNACK 00"});
}

TEST(Users, ANewTableHoldsForTheNextConnect) {
  Users users("secret", table_of(kFile));
  World world({.rules = {&users}});
  EXPECT_EQ(connect_with(world, "anna", "force"), Lines{"CONNACK 00"});
  UserTable table;
  EXPECT_FALSE(table.add("anna", "changed"));
  users.replace(std::move(table));
  EXPECT_EQ(connect_with(world, "anna", "force"), (Lines{"CONNACK 86", "CLOSE"}));
  EXPECT_EQ(connect_with(world, "anna", "changed"), Lines{"CONNACK 00"});
}

TEST(Users, ANewTableTellsWhosePasswordsCountNoMore) {
  const std::string hashed = "anna:" + auth::PasswordHash::make("force", "twelve bytes").to_text() + "\n";
  const std::string salted_anew = "anna:" + auth::PasswordHash::make("force", "other  bytes").to_text() + "\n";
  const std::string scram = scram_line("anna", "force");
  const auto plain = [](const char* password) {
    UserTable table;
    EXPECT_FALSE(table.add("anna", password));
    return table;
  };
  const struct {
    const char* name;
    UserTable before, after;
    bool is_outdated;
  } rows[] = {
      {"the same line", table_of(hashed), table_of(hashed), false},
      {"beside others", table_of(hashed), table_of(scram_line("bob", "x") + hashed), false},
      {"a line for SCRAM as well", table_of(hashed), table_of(hashed + scram), false},
      {"no line for SCRAM any more", table_of(hashed + scram), table_of(hashed), true},
      {"another password or salt", table_of(hashed), table_of(salted_anew), true},
      {"another one for SCRAM", table_of(scram), table_of(scram_line("anna", "farce")), true},
      {"no line", table_of(hashed), {}, true},
      {"the same credentials", plain("force"), plain("force"), false},
      {"other credentials", plain("force"), plain("farce"), true},
      {"a line instead of credentials", plain("force"), table_of(hashed), true},
  };
  for (const auto& row : rows) {
    Users users("secret", row.before);
    EXPECT_TRUE(users.is_right("anna", "force")) << row.name;
    EXPECT_EQ(users.replace(row.after), row.is_outdated ? std::vector<std::string>{"anna"} : std::vector<std::string>())
        << row.name;
  }
}

TEST(Users, WhoAreToGoAreDisconnectedByName) {
  Users users("secret", table_of(kFile));
  World world({.rules = {&users}});
  Peer& modern = world.connect({.id = "one", .version = v5, .user_name = "anna", .password = "force"});
  Peer& old = world.connect({.id = "two", .user_name = "anna", .password = "force"});
  Peer& nameless = world.connect({.id = "three", .version = v5});
  Peer& other = world.connect({.id = "four", .version = v5, .user_name = "bob", .password = "two words"});
  world.broker.disconnect_users({"anna", "nobody"}, ReasonCode::administrative_action, world.now);
  EXPECT_EQ(modern.receive(), (Lines{"DISCONNECT 98", "CLOSE"}));
  EXPECT_EQ(old.receive(), Lines{"CLOSE"});
  EXPECT_EQ(nameless.receive(), Lines());
  EXPECT_EQ(other.receive(), Lines());
}

// Ten thousand devices of one user: with the hash of each taken anew this would be about a minute.
TEST(Users, ManyDevicesOfOneUserCostOneHash) {
  Users users("secret", table_of("anna:" + auth::PasswordHash::make("force", "twelve bytes", 20'000).to_text()));
  const auto started = std::chrono::steady_clock::now();
  for (int i = 0; i < 10'000; ++i) ASSERT_TRUE(users.is_right("anna", "force"));
  EXPECT_LT(std::chrono::steady_clock::now() - started, seconds(5));
  EXPECT_FALSE(users.is_right("anna", "farce"));
  EXPECT_TRUE(users.is_right("anna", "force"));
}

TEST(Users, AFileIsRefusedWithTheLineAndTheRemedyButWithoutThePassword) {
  const struct {
    std::string text;
    const char* error;
  } rows[] = {
      {"\nanna", "line 2: write name:password, as mosquitto_passwd does"},
      {":$7$", "line 1: write the user's name before the colon"},
      {"anna:force",
       "line 1: user anna: password is neither $7$, $6$ nor SCRAM-SHA-256$; run mosquitto_passwd -U on the file"},
      {"anna:",
       "line 1: user anna: password is neither $7$, $6$ nor SCRAM-SHA-256$; run mosquitto_passwd -U on the file"},
      {scram_line("x", "a") + scram_line("x", "b"), "line 2: user x: is there twice; remove one"},
  };
  for (const auto& [text, error] : rows) {
    const auto table = UserTable::parse(text);
    ASSERT_FALSE(table) << text;
    EXPECT_EQ(table.error().text, error);
  }
  UserTable table = table_of(kFile);
  EXPECT_EQ(table.add("anna", "x")->text, "user anna: is there twice; remove one");
  EXPECT_EQ(table.add("", "x")->text, "a user name is empty");
}

TEST(Users, WhoDoNotExistHaveASecretThatLooksLikeTheOthers) {
  Users users("secret", table_of(std::string(kFile) + scram_line("carla", "marrow")));
  const auto known = users.scram_secret("carla");
  EXPECT_TRUE(known.matches("marrow"));
  for (const char* name : {"nobody", "anna"}) {  // anna has no SCRAM line
    const auto made_up = users.scram_secret(name);
    EXPECT_EQ(made_up.iterations, known.iterations);
    EXPECT_EQ(made_up.salt.size(), known.salt.size());
    EXPECT_EQ(made_up.to_text(), users.scram_secret(name).to_text()) << "the same each time";
    EXPECT_FALSE(made_up.matches("force"));
  }
  EXPECT_NE(users.scram_secret("nobody").salt, users.scram_secret("anna").salt);
  EXPECT_NE(users.scram_secret("nobody").salt, Users("other", {}).scram_secret("nobody").salt);
}

}  // namespace
}  // namespace mqtt_sim::broker::test
