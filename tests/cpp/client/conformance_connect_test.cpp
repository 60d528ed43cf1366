// What the standards ask of a client's CONNECT and of the way it ends a connection, statement by statement.
#include <gtest/gtest.h>

#include <functional>

#include "core/protocol/decode.hpp"
#include "tests/cpp/client/transcript.hpp"

namespace mqtt_sim::client {
namespace {

using namespace std::chrono_literals;
using protocol::Connack;
using protocol::PropertyId;
using protocol::PropertyWriter;
using protocol::ProtocolVersion;
using protocol::QoS;
using protocol::ReasonCode;

constexpr auto v311 = ProtocolVersion::v3_1_1;
constexpr auto v5 = ProtocolVersion::v5_0;

// The first packet of a new stream, in hexadecimal.
std::string first_packet(const ClientOptions& options) {
  Transcript t(options);
  t.client.connect();
  t.open();
  return t.sent_hex();
}

constexpr char kWill311[] = " 00 01 77 00 02 68 69";
constexpr char kWill5[] = " 00 00 01 77 00 02 68 69";  // properties before topic and payload
constexpr char kUser[] = " 00 01 75";
constexpr char kPassword[] = " 00 01 70";

struct Fields {
  const char* name;
  bool has_will;
  bool has_user_name;
  bool has_password;
  const char* flags;  // clean start besides
};

// Each field is there exactly when its flag is set, in the order of the standard, after the client identifier:
// [MQTT-3.1.2-9], [MQTT-3.1.2-11], [MQTT-3.1.2-13], [MQTT-3.1.2-16], [MQTT-3.1.2-17], [MQTT-3.1.2-18], [MQTT-3.1.2-19],
// [MQTT-3.1.3-1], [MQTT-3.1.3-3].
TEST(ConformanceConnect, CarriesTheFieldsItsFlagsAnnounceAndNoOthers) {
  const Fields rows[] = {
      {"nothing", false, false, false, "02"},
      {"user name", false, true, false, "82"},
      {"user name and password", false, true, true, "c2"},
      {"will", true, false, false, "2e"},
      {"will and user name", true, true, false, "ae"},
      {"all", true, true, true, "ee"},
      {"password alone, which 3.1.1 does not have", false, false, true, "42"},
  };
  for (const Fields& row : rows) {
    for (const auto version : {v311, v5}) {
      if (version == v311 && row.has_password && !row.has_user_name) continue;
      SCOPED_TRACE(row.name);
      ClientOptions options;
      options.version = version;
      if (row.has_will) options.will = WillOptions{"w", "hi", QoS::at_least_once, true};
      if (row.has_user_name) options.user_name = "u";
      if (row.has_password) options.password = "p";
      const std::string fields = std::string(version == v5 ? " 00" : "") + " 00 02 63 31" +
                                 (row.has_will ? (version == v5 ? kWill5 : kWill311) : "") +
                                 (row.has_user_name ? kUser : "") + (row.has_password ? kPassword : "");
      const std::string packet = first_packet(options);
      EXPECT_EQ(packet.substr(6),
                "00 04 4d 51 54 54 " + std::string(version == v5 ? "05 " : "04 ") + row.flags + " 00 3c" + fields);
    }
  }
}

// A CONNECT that would be wrong never leaves: the stream is closed without a byte and the owner told.
TEST(ConformanceConnect, ThatWouldBreakARuleNeverLeaves) {
  struct Row {
    const char* name;
    ProtocolVersion version;
    std::function<void(ClientOptions&)> change;
    const char* client_id;
  };
  const auto nothing = [](ClientOptions&) {};
  const Row rows[] = {
      {"password without user name", v311, [](auto& o) { o.password = "p"; }, "c"},  // [MQTT-3.1.2-22] of 3.1.1
      {"will QoS 3", v311, [](auto& o) { o.will = WillOptions{"w", "", static_cast<QoS>(3), false}; }, "c"},
      {"will QoS 3", v5, [](auto& o) { o.will = WillOptions{"w", "", static_cast<QoS>(3), false}; }, "c"},
      // [MQTT-3.1.2-12]; and texts that are not UTF-8: [MQTT-3.1.3-4], [MQTT-3.1.3-11], [MQTT-3.1.3-12]
      {"client identifier", v311, nothing, "\xC0\xAF"},
      {"client identifier", v5, nothing, "\xED\xA0\x80"},
      {"will topic", v5, [](auto& o) { o.will = WillOptions{"w\xFF", "", QoS::at_most_once, false}; }, "c"},
      {"user name", v5, [](auto& o) { o.user_name = "u\xFF"; }, "c"},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.name);
    ClientOptions options;
    options.version = row.version;
    row.change(options);
    Transcript t(options, row.client_id);
    t.client.connect();
    t.open();
    t.grant();
    EXPECT_EQ(t.sent_hex(), "");
    EXPECT_EQ(t.events(), Lines({"disconnected: protocol error, CONNECT cannot be encoded 0x81, never connected"}));
  }
}

// [MQTT-3.1.0-1], [MQTT-3.2.0-1]: nothing but CONNECT leaves before CONNACK has come.
TEST(ConformanceConnect, IsTheFirstPacketAndTheOnlyOneBeforeConnack) {
  for (const auto version : {v311, v5}) {
    ClientOptions options;
    options.version = version;
    options.keep_alive_s = 5;
    Transcript t(options);
    t.client.connect();
    t.open();
    EXPECT_EQ(t.sent(), Lines({"CONNECT clean"}));
    EXPECT_EQ(t.publish("a", "x", QoS::at_most_once), PublishOutcome::not_connected);
    EXPECT_EQ(t.publish("a", "x", QoS::at_least_once), PublishOutcome::not_connected);
    t.pass(10s);  // keep alive does not run yet either
    EXPECT_EQ(t.sent(), Lines());
    t.server(Connack{});
    EXPECT_EQ(t.publish("a", "x", QoS::at_most_once), PublishOutcome::accepted);
    EXPECT_EQ(t.sent(), Lines({"PUBLISH a=x qos0"}));
  }
}

// [MQTT-3.1.3-2]: the session is asked for again under the identifier that named it, also when the server chose that.
TEST(ConformanceConnect, AReconnectNamesTheSameSession) {
  ClientOptions options;
  options.version = v5;
  options.session_expiry_interval_s = 60;
  options.reconnect_period = 1s;
  Transcript t(options, "");
  PropertyWriter assigned;
  assigned.text(PropertyId::assigned_client_identifier, "s7");
  t.connect(Connack{false, 0, assigned.list()});
  t.lose();
  t.pass(1s);
  t.open();
  const std::string packet = t.sent_hex();
  EXPECT_EQ(packet.substr(packet.size() - 11), "00 02 73 37") << packet;
}

// [MQTT-3.1.2-6] of 3.1.1, [MQTT-3.1.2-4]: a clean session lives with its connection. [MQTT-3.1.2-4] of 3.1.1,
// [MQTT-3.1.2-23], [MQTT-4.1.0-1]: the other kind outlives it.
TEST(ConformanceConnect, StateLivesAsLongAsItsSession) {
  struct Row {
    ProtocolVersion version;
    bool clean_start;
    uint32_t session_expiry_interval_s;
    bool is_kept;
  };
  for (const Row& row :
       {Row{v311, true, 0, false}, Row{v311, false, 0, true}, Row{v5, true, 0, false}, Row{v5, true, 10, true}}) {
    ClientOptions options;
    options.version = row.version;
    options.clean_start = row.clean_start;
    options.session_expiry_interval_s = row.session_expiry_interval_s;
    Transcript t(options);
    t.connect();
    t.publish("a", "x", QoS::at_least_once, 1);
    t.pass(3600s);  // however long the connection lasts
    t.server(protocol::Pingresp{});
    EXPECT_EQ(t.client.in_flight(), 1u);
    t.lose();
    EXPECT_EQ(t.client.in_flight(), row.is_kept ? 1u : 0u);
  }
}

// [MQTT-3.2.2-4]: a client that asked for a clean start has no state, so a server that has some is left.
TEST(ConformanceConnect, StateOnTheServersSideAloneEndsTheConnection) {
  ClientOptions options;
  options.version = v5;
  Transcript t(options);
  t.client.connect();
  t.open();
  t.sent();
  t.server(Connack{true, 0, {}});
  EXPECT_EQ(t.client.wish(), StreamWish::close);
  EXPECT_EQ(t.sent(), Lines({"DISCONNECT 0x82"}));
  t.grant();
}

// [MQTT-3.1.2-21]: and pings come at the server's pace.
TEST(ConformanceConnect, TheServersKeepAliveReplacesItsOwn) {
  ClientOptions options;
  options.version = v5;
  options.keep_alive_s = 60;
  Transcript t(options);
  PropertyWriter shorter;
  shorter.number(PropertyId::server_keep_alive, 7);
  t.connect(Connack{false, 0, shorter.list()});
  t.pass(7s - 1ns);
  EXPECT_EQ(t.sent(), Lines());
  t.pass(1ns);
  EXPECT_EQ(t.sent(), Lines({"PINGREQ"}));
}

// [MQTT-4.13.2-1], [MQTT-4.8.0-1] of 3.1.1, [MQTT-2.2.2-2] of 3.1.1: told where the level can tell it, then closed.
TEST(ConformanceConnect, AViolationByTheServerEndsTheConnection) {
  for (const auto version : {v311, v5}) {
    ClientOptions options;
    options.version = version;
    Transcript t(options);
    t.connect();
    t.server_hex("d1 00");  // PINGRESP with a reserved flag
    EXPECT_EQ(t.client.wish(), StreamWish::close);
    EXPECT_EQ(t.sent(), version == v5 ? Lines({"DISCONNECT 0x81"}) : Lines());
    EXPECT_EQ(t.publish("a", "x", QoS::at_most_once), PublishOutcome::not_connected);
    t.grant();
  }
}

// [MQTT-3.14.2-3], [MQTT-3.14.2-4]: the DISCONNECT of a client is its reason and nothing that could be too large.
TEST(ConformanceConnect, DisconnectHasNoProperties) {
  ClientOptions options;
  options.version = v5;
  Transcript t(options);
  t.connect();
  t.client.disconnect(t.now, ReasonCode::disconnect_with_will_message);
  EXPECT_EQ(t.sent_hex(), "e0 01 04");
  t.grant();
}

// [MQTT-3.15.2-2], [MQTT-3.15.2-3]: an AUTH of a client is its reason, method and data.
TEST(ConformanceConnect, AuthHasNoReasonStringOrUserProperty) {
  ClientOptions options;
  options.version = v5;
  options.authentication = AuthenticationOptions{.method = "K", .data = "d"};
  Transcript t(options);
  PropertyWriter method;
  method.text(PropertyId::authentication_method, "K");
  t.connect(Connack{false, 0, method.list()});
  EXPECT_TRUE(t.client.reauthenticate(t.now, "x"));
  EXPECT_EQ(t.sent_hex(), "f0 0a 19 08 15 00 01 4b 16 00 01 78");
}

}  // namespace
}  // namespace mqtt_sim::client
