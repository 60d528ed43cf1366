// Access lists in the format of Mosquitto's acl_file.
#include "core/broker/access_list.hpp"

#include "core/broker/text_lines.hpp"
#include "tests/cpp/broker/harness.hpp"

namespace mqtt_sim::broker::test {
namespace {

AccessTable table_of(std::string_view text) {
  auto table = AccessTable::parse(text);
  EXPECT_TRUE(table) << table.error().text;
  return table ? std::move(*table) : AccessTable();
}

struct Question {
  const char* user;  // nullptr: none
  const char* client_id;
  const char* topic;
  const char* granted;  // "", "r", "w", "rw"
};

void expect_grants(const AccessTable& table, const std::vector<Question>& questions) {
  for (const auto& [user, client_id, topic, granted] : questions) {
    const AccessTable::Who who{user ? std::optional<std::string_view>(user) : std::nullopt, client_id};
    const std::string found = std::string(table.allows(who, topic, Access::read) ? "r" : "") +
                              (table.allows(who, topic, Access::write) ? "w" : "");
    EXPECT_EQ(found, granted) << (user ? user : "nobody") << ", " << client_id << ": " << topic;
  }
}

TEST(AccessList, GrantsWhatItsLinesSayAndNothingElse) {
  prove("X-15");
  const AccessTable table = table_of(
      "# for clients without a name\n"
      "topic read news/#\n"
      "\n"
      "user anna\n"
      "topic write camp/+/in\r\n"
      "topic  readwrite  with space/x  \n"
      "topic plain\n"
      "user dora\n"
      "topic read #\n"
      "user anna\n"
      "topic read camp/base\n");
  expect_grants(table, {{nullptr, "c", "news/today", "r"},
                        {nullptr, "c", "news", "r"},
                        {nullptr, "c", "plain", ""},
                        {"anna", "c", "news/today", ""},
                        {"anna", "c", "camp/1/in", "w"},
                        {"anna", "c", "camp/1/out", ""},
                        {"anna", "c", "with space/x", "rw"},
                        {"anna", "c", "plain", "rw"},
                        {"anna", "c", "camp/base", "r"},
                        {"dora", "c", "camp/base", "r"},
                        {"dora", "c", "$SYS/broker/uptime", ""},
                        {"emil", "c", "news/today", ""}});
}

TEST(AccessList, DeniesFirst) {
  const AccessTable table = table_of(
      "user anna\n"
      "topic readwrite a/#\n"
      "topic deny a/secret/#\n"
      "topic read p/1\n"
      "pattern read p/#\n"
      "pattern deny p/1\n"
      "pattern write a/secret/%u\n");
  expect_grants(table, {{"anna", "c", "a/x", "rw"},
                        {"anna", "c", "a/secret", ""},
                        {"anna", "c", "a/secret/anna", ""},
                        {"bob", "c", "a/secret/bob", "w"},
                        {"anna", "c", "p/1", "r"},  // the user's own lines come before the patterns
                        {"bob", "c", "p/1", ""},
                        {"bob", "c", "p/2", "r"}});
}

TEST(AccessList, PutsUserNameAndClientIdentifierIntoPatterns) {
  const AccessTable table = table_of(
      "pattern write sensor/%u/data\n"
      "pattern read cmd/%c/#\n"
      "pattern readwrite pair/%u-%c\n"
      "user anna\n"
      "pattern read everybody/%d/%\n");
  expect_grants(table, {{"anna", "x1", "sensor/anna/data", "w"},
                        {"anna", "x1", "sensor/bob/data", ""},
                        {nullptr, "x1", "sensor//data", ""},
                        {nullptr, "x1", "cmd/x1", "r"},
                        {nullptr, "x1", "cmd/x1/go/now", "r"},
                        {nullptr, "x1", "cmd/x2", ""},
                        {"anna", "x1", "pair/anna-x1", "rw"},
                        {"bob", "x", "everybody/%d/%", "r"}});
}

TEST(AccessList, IsNotWidenedByWhatAClientCallsItself) {
  const AccessTable table = table_of(
      "pattern read %u/#\n"
      "pattern read id/%c\n"
      "pattern write c/%c/#\n"
      "pattern read %c\n"
      "pattern read free/#\n"
      "user #\n"
      "topic read own\n");
  expect_grants(table, {{"anna", "#", "id/other", ""},
                        {"anna", "+", "id/other", ""},
                        {"anna", "a+b", "id/a+b", ""},
                        {"anna", "+", "free/x", ""},
                        {"#", "c", "anna/x", ""},
                        {"+", "c", "anna/x", ""},
                        {"#", "c", "own", "r"},
                        {"anna", "#", "c/other/x", ""},
                        {"$SYS", "c", "$SYS/broker/uptime", ""},
                        {"anna", "$SYS", "$SYS", ""},
                        {"anna", "$SYS", "id/$SYS", "r"},
                        {"anna", "c", "anna/x", "r"}});
}

TEST(AccessList, GrantsSystemTopicsOnlyWhereTheyAreListed) {
  const AccessTable table = table_of("topic read #\npattern read +/broker/%c\nuser admin\ntopic read $SYS/#\n");
  expect_grants(
      table,
      {{nullptr, "c", "$SYS/broker/c", ""}, {nullptr, "c", "SYS/broker/c", "r"}, {"admin", "c", "$SYS/broker/c", "r"}});
}

TEST(AccessList, AnEmptyOneDeniesEverything) {
  expect_grants(table_of(""), {{nullptr, "c", "t", ""}, {"anna", "c", "t", ""}});
  expect_grants(table_of("# nothing\n\n   \n"), {{nullptr, "c", "t", ""}});
}

TEST(AccessList, RefusesASubscriptionOfWhichNothingCouldEverBeRead) {
  const AccessTable table = table_of(
      "topic read #\n"
      "user anna\n"
      "topic read a/+/c\n"
      "topic write w/#\n"
      "topic read d/#\n"
      "topic deny d/+\n"
      "topic deny d/x/#\n"
      "pattern read p/%c/#\n"
      "pattern deny p/c/no\n");
  const struct {
    const char* user;
    const char* filter;
    bool is_allowed;
  } rows[] = {{nullptr, "#", true},
              {nullptr, "$SYS/#", false},
              {"anna", "a/b/c", true},
              {"anna", "#", true},
              {"anna", "+/+/c", true},
              {"anna", "a/b", false},
              {"anna", "w/1", false},
              {"anna", "w/#", false},
              {"anna", "d/1", false},
              {"anna", "d/+", false},
              {"anna", "d/x/#", false},
              {"anna", "d/x/y", false},
              {"anna", "d/y/z", true},
              {"anna", "d/#", true},
              {"anna", "p/c/#", true},
              {"anna", "p/other", false},
              {"anna", "p/c/no", false},
              {"anna", "$share/g/a/+/c", true},
              {"anna", "$share/g/w/1", false},
              {"bob", "a/b/c", false},
              {"bob", "p/+", true}};
  for (const auto& [user, filter, is_allowed] : rows) {
    const AccessTable::Who who{user ? std::optional<std::string_view>(user) : std::nullopt, "c"};
    EXPECT_EQ(table.allows_subscription(who, filter), is_allowed) << (user ? user : "nobody") << ": " << filter;
  }
  EXPECT_FALSE(table.allows_subscription({"anna", "#"}, "p/c/x"));
}

TEST(AccessList, SaysWhichLineIsWrongAndWhatWouldBeRight) {
  const struct {
    const char* text;
    const char* error;
  } rows[] = {
      {"topic read a\ntopik read b", "line 2: \"topik read b\": a line begins with topic, pattern, user or #"},
      {"user", "line 1: \"user\": write the user's name after user"},
      {"user   ", "line 1: \"user\": write the user's name after user"},
      {"topic", "line 1: \"topic\": write a topic filter at its end"},
      {"topic deny", "line 1: \"topic deny\": write a topic filter after deny"},
      {"topic reed a", "line 1: \"topic reed a\": access is read, write, readwrite or deny"},
      {"pattern read a/#/b",
       "line 1: \"pattern read a/#/b\": not a topic filter: + and # must fill a level, # the last one"},
      {"\n\ntopic read x%u+",
       "line 3: \"topic read x%u+\": not a topic filter: + and # must fill a level, # the last one"},
  };
  for (const auto& [text, error] : rows) {
    const auto table = AccessTable::parse(text);
    ASSERT_FALSE(table) << text;
    EXPECT_EQ(table.error().text, error);
  }
  EXPECT_FALSE(AccessTable::parse(std::string(kLongestText + 1, '\n')));
}

// In a broker.
Peer& connect_as(World& world, const char* user, const char* id, ProtocolVersion version = v5) {
  Peer& peer = world.open(version);
  Connect connect;
  connect.version = version;
  connect.client_id = id;
  if (user) connect.user_name = user;
  peer.send(connect);
  EXPECT_EQ(peer.receive(), Lines{"CONNACK 00"});
  return peer;
}

TEST(AccessList, InABrokerRefusesPublishAndSubscribeAndWithholdsDeliveries) {
  prove("X-15");
  AccessList list(table_of("user anna\ntopic read a/#\ntopic deny a/secret\ntopic write a/in\nuser dora\ntopic a/#\n"));
  World world({.rules = {&list}});
  Peer& anna = connect_as(world, "anna", "l");
  Peer& old_anna = connect_as(world, "anna", "l3", v311);
  Peer& dora = connect_as(world, "dora", "v");
  anna.send(subscribe(1, {{"#", {}}, {"b", {}}}));
  old_anna.send(subscribe(1, {{"a/secret", {}}, {"a/+", {}}}));
  EXPECT_EQ(anna.receive(), Lines{"SUBACK #1 00 87"});
  EXPECT_EQ(old_anna.receive(), Lines{"SUBACK #1 80 00"});
  dora.send(message("a/secret", "plans"));
  dora.send(message("a/open", "hello", q1, 1));
  EXPECT_EQ(dora.receive(), Lines{"PUBACK #1"});
  EXPECT_EQ(anna.receive(), Lines{"PUBLISH a/open=hello"});
  EXPECT_EQ(old_anna.receive(), Lines{"PUBLISH a/open=hello"});
  anna.send(message("a/open", "x", q1, 1));
  old_anna.send(message("a/open", "x", q1, 1));
  EXPECT_EQ(anna.receive(), Lines{"PUBACK #1 87"});
  EXPECT_EQ(old_anna.receive(), Lines{"PUBACK #1"}) << "[MQTT-3.3.5-2] of 3.1.1";
  EXPECT_EQ(dora.receive(), Lines());
  world.broker.publish(message("a/open", "from the owner"), world.now);
  EXPECT_EQ(anna.receive(), Lines{"PUBLISH a/open=from the owner"});
}

TEST(AccessList, ANewOneHoldsAtOnceForThoseWhoAreConnected) {
  AccessList list(table_of("topic t\n"));
  World world({.rules = {&list}});
  Peer& peer = connect_as(world, nullptr, "c");
  peer.send(subscribe(1, "t"));
  peer.send(message("t", "1"));
  EXPECT_EQ(peer.receive(), (Lines{"SUBACK #1 00", "PUBLISH t=1"}));
  list.replace(table_of("topic write t\n"));
  peer.send(message("t", "2", q1, 1));
  EXPECT_EQ(peer.receive(), Lines{"PUBACK #1"});
  list.replace(table_of("topic read t\n"));
  peer.send(message("t", "3", q1, 2));
  world.broker.publish(message("t", "4"), world.now);
  EXPECT_EQ(peer.receive(), (Lines{"PUBACK #2 87", "PUBLISH t=4"}));
}

TEST(AccessList, HoldsForWills) {
  AccessList list(table_of("topic read w/#\ntopic write w/ok\n"));
  World world({.rules = {&list}});
  Peer& reader = connect_as(world, nullptr, "r");
  reader.send(subscribe(1, "w/#"));
  reader.receive();
  for (const char* topic : {"w/ok", "w/no"}) world.connect({.id = topic, .will = will(topic, "gone")}).drop();
  EXPECT_EQ(reader.receive(), Lines{"PUBLISH w/ok=gone"});
}

}  // namespace
}  // namespace mqtt_sim::broker::test
