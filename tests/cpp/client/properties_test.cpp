// What 5.0 adds to packets: what a client says beside its topics and payloads, what it hears, and what it does not say
// to a server that has no use for it.
#include <gtest/gtest.h>

#include "tests/cpp/client/transcript.hpp"

namespace mqtt_sim::client {
namespace {

using namespace std::chrono_literals;
using protocol::Connack;
using protocol::Disconnect;
using protocol::PropertyId;
using protocol::PropertyWriter;
using protocol::ProtocolVersion;
using protocol::Puback;
using protocol::Pubrec;
using protocol::QoS;
using protocol::ReasonCode;
using protocol::RetainHandling;
using protocol::Suback;
using protocol::SubscribeEntry;
using protocol::Unsuback;

ClientOptions version_5() {
  ClientOptions options;
  options.version = ProtocolVersion::v5_0;
  return options;
}

PropertyWriter words(std::string_view text) {
  PropertyWriter writer;
  writer.text(PropertyId::reason_string, text).user_property("k", "v");
  return writer;
}

// ---- CONNECT

TEST(ConnectProperties, TellWhatWasAskedFor) {
  ClientOptions options = version_5();
  options.request_problem_information = false;
  options.request_response_information = true;
  options.user_properties = {{"b", "1"}, {"a", "2"}, {"b", "3"}};
  Transcript t(options);
  t.client.connect();
  t.open();
  EXPECT_EQ(t.sent_hex(),
            "10 28 00 04 4d 51 54 54 05 02 00 3c 19 19 01 17 00"
            " 26 00 01 62 00 01 31 26 00 01 61 00 01 32 26 00 01 62 00 01 33 00 02 63 31");
}

TEST(ConnectProperties, OfTheWillStandBeforeItsTopic) {  // [MQTT-3.1.2-9], [MQTT-3.1.3-1]
  RecordProperty("req", "C-10");
  ClientOptions options = version_5();
  options.will = WillOptions{"w", "gone", QoS::exactly_once, true};
  options.will->properties.number(PropertyId::will_delay_interval, 5)
      .number(PropertyId::payload_format_indicator, 1)
      .number(PropertyId::message_expiry_interval, 60)
      .text(PropertyId::content_type, "t")
      .text(PropertyId::response_topic, "r")
      .text(PropertyId::correlation_data, "d")
      .user_property("k", "v");
  Transcript t(options);
  t.client.connect();
  t.open();
  EXPECT_EQ(t.sent_hex(),
            "10 38 00 04 4d 51 54 54 05 36 00 3c 00 00 02 63 31"
            " 1f 18 00 00 00 05 01 01 02 00 00 00 3c 03 00 01 74 08 00 01 72 09 00 01 64 26 00 01 6b 00 01 76"
            " 00 01 77 00 04 67 6f 6e 65");
}

TEST(ConnectProperties, OfAWillEndTheAttemptBelow5) {
  ClientOptions options;
  options.will = WillOptions{"w", "", QoS::at_most_once, false};
  options.will->properties.number(PropertyId::will_delay_interval, 5);
  Transcript t(options);
  t.client.connect();
  t.open();
  t.grant();
  EXPECT_EQ(t.events(), Lines({"disconnected: protocol error, CONNECT cannot be encoded 0x82, never connected"}));
}

// ---- words of the server

TEST(Words, OfTheServerReachTheOwner) {
  ClientOptions options = version_5();
  Transcript t(options);
  t.connect();
  t.publish("a", "", QoS::at_least_once, 1);
  t.publish("a", "", QoS::exactly_once, 2);
  t.publish("a", "", QoS::exactly_once, 3);
  t.subscribe({"s"}, 4);
  t.unsubscribe({"s"}, 5);
  t.sent();
  const PropertyWriter why = words("why");
  const uint8_t granted[] = {0x80};
  t.server({Puback{1, ReasonCode::quota_exceeded, why.list()}, Pubrec{2, ReasonCode::not_authorized, why.list()},
            Pubrec{3, {}, why.list()}, protocol::Pubcomp{3, {}, why.list()}, Suback{4, why.list(), granted},
            Unsuback{5, why.list(), granted}});
  EXPECT_EQ(t.events(), Lines({"completed 1 qos1 0x97 \"why\" {k=v}", "completed 2 qos2 0x87 \"why\" {k=v}",
                               "completed 3 qos2 \"why\" {k=v}", "subscribed 4: 80 \"why\" {k=v}",
                               "unsubscribed 5: 80 \"why\" {k=v}"}));
  t.server(Disconnect{ReasonCode::administrative_action, why.list()});
  t.grant();
  EXPECT_EQ(t.events(), Lines({"disconnected: ended by the server, administrative action 0x98 \"why\" {k=v}"}));
}

TEST(Words, OfARefusalReachTheOwnerTwice) {
  const ClientOptions options = version_5();
  const PropertyWriter why = words("no room");
  const auto bytes = bytes_of(Connack{false, 0x97, why.list()}, options.version);
  for (size_t cut = 0; cut <= bytes.size(); ++cut) {  // also out of a packet that came in pieces
    Transcript t(options);
    t.client.connect();
    t.open();
    t.server_bytes(ByteView(bytes).first(cut));
    t.server_bytes(ByteView(bytes).subspan(cut));
    t.grant();
    EXPECT_EQ(t.events(), Lines({"refused 0x97 \"no room\" {k=v}",
                                 "disconnected: ended by the server, refused by CONNACK 0x97 \"no room\" {k=v},"
                                 " never connected"}));
  }
}

TEST(Words, ThatWereNotAskedForEndTheConnection) {  // [MQTT-3.1.2-29]
  ClientOptions options = version_5();
  options.request_problem_information = false;
  const PropertyWriter why = words("why");
  const uint8_t granted[] = {0};
  const protocol::Packet packets[] = {Puback{1, {}, why.list()}, Suback{2, why.list(), granted},
                                      Unsuback{3, why.list(), granted}};
  for (const protocol::Packet& packet : packets) {
    Transcript t(options);
    t.connect();
    t.publish("a", "", QoS::at_least_once, 1);
    t.subscribe({"s"}, 2);
    t.unsubscribe({"s"}, 3);
    t.sent();
    t.server(packet);
    EXPECT_EQ(t.sent(), Lines({"DISCONNECT 0x82"}));
    t.grant();
    EXPECT_EQ(t.events().back(),
              "disconnected: protocol error, reason string or user property that was not asked for 0x82");
  }
  Transcript t(options);
  t.connect(Connack{false, 0, why.list()});  // here and in DISCONNECT they may stand
  t.server(Disconnect{ReasonCode::server_shutting_down, why.list()});
  t.grant();
  EXPECT_EQ(t.events(), Lines({"disconnected: ended by the server, server shutting down 0x8b \"why\" {k=v}"}));
}

TEST(Words, OfARedirectNameTheOtherServer) {
  const ClientOptions options = version_5();
  PropertyWriter there;
  there.text(PropertyId::server_reference, "other:1884");
  for (const bool is_connected : {false, true}) {
    Transcript t(options);
    if (is_connected) {
      t.connect();
      t.server(Disconnect{ReasonCode::use_another_server, there.list()});
      t.grant();
      EXPECT_EQ(t.events(), Lines({"disconnected: ended by the server, use another server 0x9c -> other:1884"}));
    } else {
      t.client.connect();
      t.open();
      t.server(Connack{false, 0x9D, there.list()});
      EXPECT_EQ(t.events(), Lines({"refused 0x9d -> other:1884"}));
    }
  }
}

// ---- DISCONNECT

TEST(DisconnectProperties, ChangeTheSessionExpiry) {
  ClientOptions options = version_5();
  options.session_expiry_interval_s = 60;
  PropertyWriter none;
  none.number(PropertyId::session_expiry_interval, 0);
  Transcript t(options);
  t.connect();
  t.publish("a", "", QoS::at_least_once, 7);
  t.sent();
  t.client.disconnect(t.now, ReasonCode::disconnect_with_will_message, none.list());
  EXPECT_EQ(t.sent(), Lines({"DISCONNECT 0x04 expiry 0"}));
  t.grant();
  EXPECT_EQ(t.events(), Lines({"dropped 7", "disconnected: ended by us, ended by us 0x04"})) << "[MQTT-3.1.2-23]";
}

TEST(DisconnectProperties, DoNotGiveASessionToAConnectionThatHadNone) {
  const ClientOptions options = version_5();
  PropertyWriter later;
  later.number(PropertyId::session_expiry_interval, 60);
  Transcript t(options);
  t.connect();
  t.client.disconnect(t.now, ReasonCode::success, later.list());
  EXPECT_EQ(t.sent(), Lines({"DISCONNECT"}));
}

TEST(DisconnectProperties, AreLeftOutWhereTheyDoNotFit) {  // [MQTT-3.14.2-3], [MQTT-3.14.2-4]
  const PropertyWriter why = words("bored");
  for (const uint32_t most : {18u, 19u}) {
    ClientOptions options = version_5();
    Transcript t(options);
    PropertyWriter limit;
    limit.number(PropertyId::maximum_packet_size, most);
    t.connect(Connack{false, 0, limit.list()});
    t.client.disconnect(t.now, ReasonCode::success, why.list());
    EXPECT_EQ(t.sent(), most == 19 ? Lines({"DISCONNECT \"bored\" {k=v}"}) : Lines({"DISCONNECT"}));
  }
  const ClientOptions below;
  Transcript t(below);
  t.connect();
  t.client.disconnect(t.now, ReasonCode::success, why.list());
  EXPECT_EQ(t.sent(), Lines({"DISCONNECT"}));
}

TEST(DisconnectProperties, AReasonThatOnlyAServerHasIsNotSaid) {  // [MQTT-3.14.2-1]
  const ClientOptions options = version_5();
  for (const ReasonCode reason : {ReasonCode::server_shutting_down, ReasonCode::session_taken_over,
                                  ReasonCode::keep_alive_timeout, ReasonCode::use_another_server}) {
    Transcript t(options);
    t.connect();
    t.client.disconnect(t.now, reason);
    EXPECT_EQ(t.sent(), Lines());
    EXPECT_EQ(t.client.wish(), StreamWish::close);
  }
}

// ---- SUBSCRIBE and PUBLISH

TEST(SubscribeOptions, AreSaidAsAsked) {
  const ClientOptions options = version_5();
  Transcript t(options);
  t.connect();
  const SubscribeEntry entries[] = {{"a", {QoS::exactly_once, true, false, RetainHandling::do_not_send}},
                                    {"b", {QoS::at_most_once, false, true, RetainHandling::send_if_new}}};
  PropertyWriter properties;
  properties.number(PropertyId::subscription_identifier, 300);
  t.client.subscribe(entries, 1, t.now, properties.list());
  EXPECT_EQ(t.sent(), Lines({"SUBSCRIBE id1 a qos2 no_local retained2 b qos0 as_published retained1 #300"}));
  const std::string_view filters[] = {"a"};
  const PropertyWriter user = [] {
    PropertyWriter writer;
    writer.user_property("k", "v");
    return writer;
  }();
  t.client.unsubscribe(filters, 2, t.now, user.list());
  EXPECT_EQ(t.sent(), Lines({"UNSUBSCRIBE id2 a {k=v}"}));
}

TEST(SubscribeOptions, AreRefusedHereWhereTheyCannotBeSaid) {
  struct Case {
    const char* name;
    PropertyId missing;  // in this server
    SubscribeEntry entry;
    bool has_identifier;
    const char* code;
  };
  const Case cases[] = {
      {"wildcard", PropertyId::wildcard_subscription_available, {"a/+", {}}, false, "a2"},
      {"shared", PropertyId::shared_subscription_available, {"$share/g/a", {}}, false, "9e"},
      {"identifier", PropertyId::subscription_identifier_available, {"a", {}}, true, "a1"},
      {"no local on a shared one", PropertyId::retain_available, {"$share/g/a", {.no_local = true}}, false, "82"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    const ClientOptions options = version_5();
    Transcript t(options);
    PropertyWriter without, properties;
    without.number(c.missing, 0);
    if (c.has_identifier) properties.number(PropertyId::subscription_identifier, 1);
    t.connect(Connack{false, 0, without.list()});
    const SubscribeEntry entries[] = {{"plain", {}}, c.entry};
    t.client.subscribe(entries, 9, t.now, properties.list());
    EXPECT_EQ(t.events(), Lines({std::string("subscribed 9: ") + c.code + " " + c.code}));
    EXPECT_EQ(t.sent(), Lines());
  }
  const ClientOptions below;
  Transcript t(below);
  t.connect();
  const SubscribeEntry entries[] = {{"a", {.no_local = true}}};
  t.client.subscribe(entries, 9, t.now);
  EXPECT_EQ(t.events(), Lines({"subscribed 9: 82"}));
}

TEST(PublishProperties, OfAServerAreRefused) {  // [MQTT-3.3.4-6]
  const ClientOptions options = version_5();
  Transcript t(options);
  t.connect();
  PropertyWriter identifier;
  identifier.number(PropertyId::subscription_identifier, 1);
  EXPECT_EQ(t.client.publish({"a", {}, {}, false, identifier.list(), 0}, t.now), PublishOutcome::not_allowed);
  EXPECT_EQ(t.sent(), Lines());
}

TEST(PayloadFormat, IsCheckedWhenAskedFor) {
  PropertyWriter text;
  text.number(PropertyId::payload_format_indicator, 1);
  const auto bytes = [](std::string_view payload) { return as_bytes(payload); };
  for (const bool checks : {false, true}) {
    ClientOptions options = version_5();
    options.checks_payload_format = checks;
    Transcript t(options);
    t.connect();
    const auto publish = [&](std::string_view payload, bool is_text) {
      return t.client.publish({"a", bytes(payload), {}, false, is_text ? text.list() : protocol::PropertyList(), 0},
                              t.now);
    };
    EXPECT_EQ(publish("\xff", true), checks ? PublishOutcome::not_allowed : PublishOutcome::accepted);
    EXPECT_EQ(publish("\xff", false), PublishOutcome::accepted);
    EXPECT_EQ(publish(std::string_view("a\0\xc3\xa9\0", 5), true), PublishOutcome::accepted) << "U+0000 is text";
    t.sent();
    protocol::Publish received = message("t", "\xc3");
    received.properties = text.list();
    t.server(received);
    EXPECT_EQ(t.client.state(), checks ? State::closing : State::connected);
    EXPECT_EQ(t.sent(), checks ? Lines({"DISCONNECT 0x99"}) : Lines());
  }
}

}  // namespace
}  // namespace mqtt_sim::client
