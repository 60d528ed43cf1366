// What encode appends, and what it refuses without appending anything.
#include "core/protocol/encode.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

namespace mqtt_sim::protocol {
namespace {

constexpr auto v3_1 = ProtocolVersion::v3_1;
constexpr auto v3_1_1 = ProtocolVersion::v3_1_1;
constexpr auto v5_0 = ProtocolVersion::v5_0;

std::string bytes_of(const OutputQueue& queue) {
  std::string bytes;
  for (const ByteView view : queue.views()) bytes += as_text(view);
  return bytes;
}

std::string written(const Packet& packet, ProtocolVersion version) {
  OutputQueue queue;
  const Expected<size_t> size = encode(packet, version, queue);
  EXPECT_TRUE(size) << size.error().text;
  return bytes_of(queue);
}

void expect_refused(const Packet& packet, ProtocolVersion version, ReasonCode reason) {
  OutputQueue queue;
  const Expected<size_t> size = encode(packet, version, queue);
  ASSERT_FALSE(size);
  EXPECT_EQ(reason_of(size.error()), reason) << size.error().text;
  EXPECT_TRUE(queue.empty());
}

Publish publish_of(QoS qos, PacketId packet_id, std::string_view topic, std::string_view payload) {
  Publish publish;
  publish.qos = qos;
  publish.packet_id = packet_id;
  publish.topic = topic;
  publish.payload = as_bytes(payload);
  return publish;
}

Connect connect_with(const std::function<void(Connect&)>& change) {
  Connect connect;
  change(connect);
  return connect;
}

Will will_of(std::string_view topic, std::string_view payload) {
  Will will;
  will.topic = topic;
  will.payload = as_bytes(payload);
  return will;
}

TEST(Encode, ConnectIsWrittenAtItsOwnVersion) {
  RecordProperty("req", "C-06");
  using namespace std::string_view_literals;
  Connect connect;
  connect.client_id = "c";
  connect.keep_alive_s = 60;
  connect.version = v3_1;
  EXPECT_EQ(written(connect, v5_0), "\x10\x0F\0\6MQIsdp\3\2\0\x3C\0\1c"sv);
  connect.version = v3_1_1;
  EXPECT_EQ(written(connect, v5_0), "\x10\x0D\0\4MQTT\4\2\0\x3C\0\1c"sv);
  connect.version = v5_0;
  EXPECT_EQ(written(connect, v3_1), "\x10\x0E\0\4MQTT\5\2\0\x3C\0\0\1c"sv);
}

TEST(Encode, AppendsAfterWhatIsWaiting) {
  OutputQueue queue;
  ASSERT_TRUE(encode(Pingreq(), v3_1_1, queue));
  ASSERT_TRUE(encode(Pingresp(), v3_1_1, queue));
  EXPECT_EQ(bytes_of(queue), std::string("\xC0\0\xD0\0", 4));
}

TEST(Encode, PublishOnTheMessagePathGivesTheSameBytes) {
  PropertyWriter properties;
  properties.number(PropertyId::message_expiry_interval, 60).user_property("a", "b");
  for (const auto version : {v3_1, v3_1_1, v5_0}) {
    for (const QoS qos : {QoS::at_most_once, QoS::at_least_once, QoS::exactly_once}) {
      for (const size_t size : {0u, 1u, 100u, 127u, 128u, 16'383u, 16'384u, 2'097'151u, 2'097'152u}) {
        const std::string payload(size, 'x');
        Publish publish = publish_of(qos, qos == QoS::at_most_once ? 0 : 77, "a/b", payload);
        publish.retain = true;
        publish.dup = qos != QoS::at_most_once;
        if (version == v5_0) publish.properties = properties.list();
        OutputQueue queue;
        const Expected<size_t> appended = encode_publish(publish, version, queue);
        ASSERT_TRUE(appended);
        EXPECT_EQ(*appended, queue.size());
        EXPECT_EQ(*appended, encoded_size(publish, version));
        EXPECT_TRUE(bytes_of(queue) == written(publish, version)) << size << " bytes of payload";
      }
    }
  }
}

TEST(Encode, PublishRefersToASharedPayload) {
  for (const auto version : {v3_1_1, v5_0}) {
    for (const size_t size : {0u, 100u, 2048u, 100'000u}) {
      const std::string payload(size, 'x');
      const SharedBytes shared(as_bytes(payload));
      Publish publish = publish_of(QoS::at_least_once, 77, "a/b", payload);
      OutputQueue queue;
      const Expected<size_t> appended = encode_publish(publish, version, queue, shared);
      ASSERT_TRUE(appended);
      EXPECT_EQ(*appended, queue.size());
      EXPECT_TRUE(bytes_of(queue) == written(publish, version)) << size << " bytes of payload";
      const bool is_referred_to = queue.views().back().data() == shared.view().data();
      EXPECT_EQ(is_referred_to, size >= OutputQueue::kShareFrom);
    }
  }
}

TEST(Encode, PublishOnTheMessagePathLeavesPropertiesOutBelow5) {
  PropertyWriter properties;
  properties.user_property("a", "b");
  Publish publish = publish_of(QoS::at_most_once, 0, "t", "x");
  publish.properties = properties.list();
  OutputQueue queue;
  ASSERT_TRUE(encode_publish(publish, v3_1_1, queue));
  EXPECT_EQ(bytes_of(queue), std::string("\x30\4\0\1tx", 6));
  EXPECT_EQ(encoded_size(publish, v3_1_1), 6u);
  expect_refused(publish, v3_1_1, ReasonCode::protocol_error);
}

TEST(Encode, ReplyOnTheMessagePathGivesTheSameBytes) {
  OutputQueue queue;
  encode_reply(PacketType::puback, 0x1234, queue);
  encode_reply(PacketType::pubrec, 1, queue);
  encode_reply(PacketType::pubrel, 1, queue);
  encode_reply(PacketType::pubcomp, 65535, queue);
  EXPECT_EQ(bytes_of(queue), written(Puback{0x1234, {}, {}}, v5_0) + written(Pubrec{1, {}, {}}, v5_0) +
                                 written(Pubrel{1, {}, {}}, v3_1) + written(Pubcomp{65535, {}, {}}, v3_1_1));
}

TEST(Encode, ConnackOf31LeavesSessionPresentOut) {
  EXPECT_EQ(written(Connack{true, 0, {}}, v3_1), std::string("\x20\2\0\0", 4));
  EXPECT_EQ(written(Connack{true, 0, {}}, v3_1_1), std::string("\x20\2\1\0", 4));
}

TEST(Encode, RefusesWhatOnly5CanCarry) {
  PropertyWriter writer;
  writer.user_property("a", "b");
  const PropertyList properties = writer.list();
  const uint8_t code = 0;

  const auto with_properties = [&](Connect& connect) { connect.properties = properties; };
  expect_refused(connect_with(with_properties), v3_1_1, ReasonCode::protocol_error);
  const auto with_will_properties = [&](Connect& connect) {
    connect.will = will_of("w", "");
    connect.will->properties = properties;
  };
  expect_refused(connect_with(with_will_properties), v3_1_1, ReasonCode::protocol_error);

  const Packet packets[] = {
      Connack{false, 0, properties},
      Puback{1, ReasonCode::not_authorized, {}},
      Pubrec{1, ReasonCode::success, properties},
      Subscribe{1, properties, {{"a", {}}}},
      Subscribe{1, {}, {{"a", {.no_local = true}}}},
      Subscribe{1, {}, {{"a", {.retain_as_published = true}}}},
      Subscribe{1, {}, {{"a", {.retain_handling = RetainHandling::do_not_send}}}},
      Suback{1, properties, {&code, 1}},
      Unsubscribe{1, properties, {"a"}},
      Unsuback{1, {}, {&code, 1}},
      Disconnect{ReasonCode::server_busy, {}},
      Disconnect{ReasonCode::success, properties},
  };
  for (const Packet& packet : packets) {
    SCOPED_TRACE(to_string(type_of(packet)));
    expect_refused(packet, v3_1, ReasonCode::protocol_error);
    expect_refused(packet, v3_1_1, ReasonCode::protocol_error);
    EXPECT_FALSE(written(packet, v5_0).empty());
  }
  expect_refused(Auth(), v3_1_1, ReasonCode::malformed_packet);
}

TEST(Encode, RefusesWhatDecodeWouldRefuse) {
  const uint8_t granted_3 = 3;
  Publish publish = publish_of(QoS::at_most_once, 0, "a/#", "");
  expect_refused(publish, v3_1_1, ReasonCode::topic_name_invalid);
  publish.topic = "\xFF";
  expect_refused(publish, v3_1_1, ReasonCode::malformed_packet);
  publish.topic = "a";
  publish.dup = true;
  expect_refused(publish, v3_1_1, ReasonCode::malformed_packet);
  expect_refused(publish_of(QoS::at_least_once, 0, "a", ""), v3_1_1, ReasonCode::malformed_packet);  // [MQTT-2.2.1-3]
  expect_refused(publish_of(QoS::at_most_once, 1, "a", ""), v3_1_1, ReasonCode::protocol_error);     // [MQTT-2.2.1-2]
  expect_refused(publish_of(QoS::at_most_once, 0, "", ""), v5_0, ReasonCode::protocol_error);
  expect_refused(Connack{true, 2, {}}, v3_1_1, ReasonCode::protocol_error);
  expect_refused(Connack{false, 2, {}}, v5_0, ReasonCode::protocol_error);
  expect_refused(Puback{0, {}, {}}, v3_1_1, ReasonCode::malformed_packet);
  expect_refused(Puback{1, ReasonCode::packet_identifier_not_found, {}}, v5_0, ReasonCode::protocol_error);
  expect_refused(Subscribe{1, {}, {}}, v3_1_1, ReasonCode::protocol_error);
  expect_refused(Subscribe{1, {}, {{"a#", {}}}}, v3_1_1, ReasonCode::malformed_packet);
  expect_refused(Suback{1, {}, {&granted_3, 1}}, v3_1_1, ReasonCode::protocol_error);
  expect_refused(Disconnect{ReasonCode::banned, {}}, v5_0, ReasonCode::protocol_error);
  expect_refused(Auth{ReasonCode::reauthenticate, {}}, v5_0, ReasonCode::protocol_error);
  const auto with_password_alone = [](Connect& connect) { connect.password = ByteView(); };
  expect_refused(connect_with(with_password_alone), v3_1_1, ReasonCode::malformed_packet);
}

TEST(Encode, RefusesChoicesThatTheirBitsDoNotHave) {
  for (const unsigned value : {3u, 4u, 8u, 16u, 0x80u, 0xFFu}) {
    SCOPED_TRACE(value);
    const auto qos = static_cast<QoS>(value);
    const auto retain_handling = static_cast<RetainHandling>(value);
    const auto with_will = [&](Connect& connect) {
      connect.will = will_of("w", "");
      connect.will->qos = qos;
    };
    // Two bits can say 3; to ask for it is a protocol error of 5.0.
    const ReasonCode reason_in_5 = value == 3 ? ReasonCode::protocol_error : ReasonCode::malformed_packet;
    expect_refused(connect_with(with_will), v3_1_1, ReasonCode::malformed_packet);
    for (const auto version : {v3_1, v3_1_1, v5_0}) {
      expect_refused(publish_of(qos, 1, "t", ""), version, ReasonCode::malformed_packet);
      expect_refused(Subscribe{1, {}, {{"a", {.qos = qos}}}}, version,
                     version == v5_0 ? reason_in_5 : ReasonCode::malformed_packet);
    }
    expect_refused(Subscribe{1, {}, {{"a", {.retain_handling = retain_handling}}}}, v5_0, reason_in_5);
  }
  const auto of_level_6 = [](Connect& connect) { connect.version = static_cast<ProtocolVersion>(6); };
  expect_refused(connect_with(of_level_6), v5_0, ReasonCode::unsupported_protocol_version);
}

TEST(Encode, RefusesIllFormedTextAndNoTopicWhereThereMustBeOne) {
  const auto with_client_id = [](Connect& connect) { connect.client_id = "\xC0\xAF"; };
  const auto with_user_name = [](Connect& connect) { connect.user_name = std::string_view("a\0b", 3); };
  const auto with_will_topic = [](std::string_view topic) {
    return [topic](Connect& connect) { connect.will = will_of(topic, ""); };
  };
  for (const auto version : {v3_1, v3_1_1, v5_0}) {
    const auto at_version = [version](const std::function<void(Connect&)>& change) {
      return connect_with([&](Connect& connect) {
        connect.version = version;
        change(connect);
      });
    };
    expect_refused(at_version(with_client_id), version, ReasonCode::malformed_packet);  // [MQTT-3.1.3-4]
    expect_refused(at_version(with_user_name), version, ReasonCode::malformed_packet);  // [MQTT-3.1.3-12]
    expect_refused(at_version(with_will_topic("a/+")), version, ReasonCode::topic_name_invalid);
    expect_refused(at_version(with_will_topic("")), version, ReasonCode::topic_name_invalid);
    expect_refused(Unsubscribe{1, {}, {""}}, version, ReasonCode::malformed_packet);
    expect_refused(Subscribe{1, {}, {{"\xED\xA0\x80", {}}}}, version, ReasonCode::malformed_packet);
    expect_refused(Subscribe{0, {}, {{"a", {}}}}, version, ReasonCode::malformed_packet);
    expect_refused(Unsubscribe{0, {}, {"a"}}, version, ReasonCode::malformed_packet);
    expect_refused(Suback{1, {}, {}}, version, ReasonCode::protocol_error);
  }
}

TEST(Encode, WritesPacketsLargerThanItsOwnSpace) {
  Subscribe subscribe{1, {}, {}};
  const std::string filter(300, 'f');
  for (int i = 0; i < 3; ++i) subscribe.entries.push_back({filter, {}});
  EXPECT_EQ(written(subscribe, v3_1_1).size(), 3u * 303 + 2 + 3);
}

TEST(Encode, RefusesPropertiesThePacketDoesNotHave) {
  PropertyWriter writer;
  writer.number(PropertyId::topic_alias, 1);
  expect_refused(Disconnect{ReasonCode::success, writer.list()}, v5_0, ReasonCode::malformed_packet);
}

TEST(Encode, RefusesFieldsOver65535Bytes) {
  const std::string longest(65'535, 'a');
  const std::string too_long(65'536, 'a');
  EXPECT_EQ(written(publish_of(QoS::at_most_once, 0, longest, ""), v3_1_1).size(), 65'535u + 2 + 4);
  expect_refused(publish_of(QoS::at_most_once, 0, too_long, ""), v3_1_1, ReasonCode::packet_too_large);
  const auto with_client_id = [&](Connect& connect) { connect.client_id = too_long; };
  const auto with_will = [&](Connect& connect) { connect.will = will_of("w", too_long); };
  const auto with_user_name = [&](Connect& connect) { connect.user_name = too_long; };
  expect_refused(connect_with(with_client_id), v3_1_1, ReasonCode::packet_too_large);
  expect_refused(connect_with(with_will), v3_1_1, ReasonCode::packet_too_large);
  expect_refused(connect_with(with_user_name), v3_1_1, ReasonCode::packet_too_large);
  expect_refused(Unsubscribe{1, {}, {too_long}}, v3_1_1, ReasonCode::packet_too_large);
  OutputQueue queue;
  EXPECT_FALSE(encode_publish(publish_of(QoS::at_most_once, 0, too_long, ""), v3_1_1, queue));
  EXPECT_TRUE(queue.empty());
}

TEST(Encode, RefusesPacketsOverTheLargestRemainingLength) {
  const size_t largest = 268'435'455 - 3;  // three bytes are the topic
  // Never read: the size alone decides.
  const ByteView one_too_many(reinterpret_cast<const uint8_t*>("x"), largest + 1);
  Publish publish = publish_of(QoS::at_most_once, 0, "t", "");
  publish.payload = one_too_many;
  OutputQueue queue;
  const Expected<size_t> size = encode_publish(publish, v3_1_1, queue);
  ASSERT_FALSE(size);
  EXPECT_EQ(reason_of(size.error()), ReasonCode::packet_too_large);
  EXPECT_TRUE(queue.empty());
  publish.payload = one_too_many.first(largest);
  EXPECT_EQ(encoded_size(publish, v3_1_1), 268'435'460u);
}

TEST(EncodeDeathTest, AssertsThatAQosAboveZeroHasAPacketIdentifier) {
  OutputQueue queue;
  EXPECT_DEATH((void)encode_publish(publish_of(QoS::at_least_once, 0, "t", ""), v3_1_1, queue), "packet_id");
  EXPECT_DEATH(encode_reply(PacketType::puback, 0, queue), "packet_id");
  EXPECT_DEATH(encode_reply(PacketType::suback, 1, queue), "type");
}

}  // namespace
}  // namespace mqtt_sim::protocol
