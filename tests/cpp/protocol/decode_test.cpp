// What the fields of decoded packets hold.
#include "core/protocol/decode.hpp"

#include <gtest/gtest.h>

#include "tests/cpp/protocol/vectors.hpp"

namespace mqtt_sim::protocol {
namespace {

constexpr auto v3_1 = ProtocolVersion::v3_1;
constexpr auto v3_1_1 = ProtocolVersion::v3_1_1;
constexpr auto v5_0 = ProtocolVersion::v5_0;

// The first valid vector of this name, decoded; its bytes stay with it because the packet's views point there.
template <class T>
struct Decoded {
  explicit Decoded(std::string_view name, ProtocolVersion version = v5_0) {
    for (const vectors::Vector& vector : vectors::all()) {
      if (vector.name == name && vector.version == version) bytes = vector.bytes;
    }
    framer.feed(bytes);
    packet = decode(**framer.next(), version).value();
  }
  const T* operator->() const { return &std::get<T>(packet); }

  std::vector<uint8_t> bytes;
  Framer framer;
  Packet packet;
};

TEST(Decode, ConnectStatesItsOwnVersion) {
  for (const auto version : {v3_1, v3_1_1, v5_0}) {
    const Decoded<Connect> connect("CONNECT with a will, user name and password (" +
                                       std::string(version == v3_1     ? "3.1"
                                                   : version == v3_1_1 ? "3.1.1"
                                                                       : "5.0") +
                                       ")",
                                   version);
    EXPECT_EQ(connect->version, version);
    EXPECT_TRUE(connect->clean_start);
    EXPECT_EQ(connect->keep_alive_s, 60);
    EXPECT_EQ(connect->client_id, "c");
    ASSERT_TRUE(connect->will);
    EXPECT_EQ(connect->will->topic, "will/t");
    EXPECT_EQ(as_text(connect->will->payload), "gone");
    EXPECT_EQ(connect->will->qos, QoS::at_least_once);
    EXPECT_TRUE(connect->will->retain);
    EXPECT_EQ(connect->user_name, "user");
    EXPECT_EQ(as_text(*connect->password), "pass");
  }
}

TEST(Decode, ConnectWithoutOptionalFields) {
  const Decoded<Connect> connect("C16 CONNECT with an empty client id and clean session 0 is for the broker to refuse",
                                 v3_1_1);
  EXPECT_FALSE(connect->clean_start);
  EXPECT_EQ(connect->client_id, "");
  EXPECT_FALSE(connect->will);
  EXPECT_FALSE(connect->user_name);
  EXPECT_FALSE(connect->password);
}

TEST(Decode, ConnectOf31WhoseAnnouncedFieldsAreMissing) {
  const Decoded<Connect> neither("CONNECT in 3.1 whose user name and password are missing at the end", v3_1);
  EXPECT_FALSE(neither->user_name);
  EXPECT_FALSE(neither->password);
  const Decoded<Connect> one("CONNECT in 3.1 whose password is missing at the end", v3_1);
  EXPECT_EQ(one->user_name, "user");
  EXPECT_FALSE(one->password);
}

TEST(Decode, ConnectPropertiesApartFromWillProperties) {
  const Decoded<Connect> connect("CONNECT with every property");
  EXPECT_EQ(connect->properties.number(PropertyId::session_expiry_interval), 0xFFFFFFFFu);
  EXPECT_EQ(connect->properties.number(PropertyId::topic_alias_maximum), 65535u);
  EXPECT_EQ(connect->properties.text(PropertyId::authentication_method), "SCRAM");
  const Decoded<Connect> with_will("CONNECT with every will property");
  EXPECT_TRUE(with_will->properties.empty());
  EXPECT_EQ(with_will->will->properties.number(PropertyId::will_delay_interval), 10u);
  EXPECT_EQ(with_will->will->properties.text(PropertyId::response_topic), "reply");
}

TEST(Decode, Connack) {
  const Decoded<Connack> present("CONNACK with session present (3.1.1)", v3_1_1);
  EXPECT_TRUE(present->session_present);
  EXPECT_EQ(present->code, 0);
  const Decoded<Connack> refusal("CONNACK that refuses the identifier", v3_1_1);
  EXPECT_FALSE(refusal->session_present);
  EXPECT_EQ(refusal->code, 2);
  const Decoded<Connack> reserved("CONNACK with the reserved byte of 3.1 in use", v3_1);
  EXPECT_FALSE(reserved->session_present);
  const Decoded<Connack> full("CONNACK with every property");
  EXPECT_EQ(full->properties.text(PropertyId::assigned_client_identifier), "auto-1");
  EXPECT_EQ(full->properties.number(PropertyId::server_keep_alive), 30u);
}

TEST(Decode, ConnackOfAnOlderLevelTellsAClientOf5WhyItIsRefused) {
  const Decoded<Connack> level("CONNACK in which a server of 3.1.1 refuses the level");
  EXPECT_EQ(level->code, static_cast<uint8_t>(ReasonCode::unsupported_protocol_version));
  EXPECT_TRUE(level->properties.empty());
  const Decoded<Connack> client("CONNACK in which a server of 3.1.1 refuses the client");
  EXPECT_EQ(client->code, static_cast<uint8_t>(ReasonCode::not_authorized));
}

TEST(Decode, PublishOfEachQos) {
  const Decoded<Publish> zero("PUBLISH of QoS 0 (below 5.0)", v3_1_1);
  EXPECT_EQ(zero->qos, QoS::at_most_once);
  EXPECT_EQ(zero->packet_id, 0);
  EXPECT_EQ(zero->topic, "a/b");
  EXPECT_EQ(as_text(zero->payload), "x");
  EXPECT_FALSE(zero->dup);
  EXPECT_FALSE(zero->retain);
  const Decoded<Publish> two("PUBLISH of QoS 2, retained, sent again (5.0)");
  EXPECT_EQ(two->qos, QoS::exactly_once);
  EXPECT_EQ(two->packet_id, 65535);
  EXPECT_TRUE(two->dup);
  EXPECT_TRUE(two->retain);
}

TEST(Decode, PublishKeepsItsPropertiesInOrder) {
  const Decoded<Publish> publish("PUBLISH with every property");
  EXPECT_EQ(publish->properties.user_property("a"), "1");
  std::vector<uint32_t> identifiers;
  for (const Property& property : publish->properties) {
    if (property.id == PropertyId::subscription_identifier) identifiers.push_back(property.number);
  }
  EXPECT_EQ(identifiers, (std::vector<uint32_t>{1, 268'435'455}));
}

TEST(Decode, PublishAloneAgreesWithDecode) {
  for (const vectors::Vector& vector : vectors::all()) {
    Framer framer;
    framer.feed(vector.bytes);
    const auto frame = framer.next();
    if (!frame || !*frame || (*frame)->type() != PacketType::publish) continue;
    SCOPED_TRACE(::testing::Message() << vector);
    const Expected<Publish> alone = decode_publish(**frame, vector.version);
    ASSERT_EQ(alone.has_value(), vector.is_valid());
    if (!alone) {
      EXPECT_EQ(reason_of(alone.error()), vector.reason);
    }
  }
}

TEST(Decode, RepliesInShortAndFullForm) {
  const Decoded<Puback> alone("PUBACK with a packet id alone");
  EXPECT_EQ(alone->packet_id, 0x1234);
  EXPECT_EQ(alone->reason, ReasonCode::success);
  const Decoded<Pubrec> full("PUBREC with a reason code and properties");
  EXPECT_EQ(full->reason, ReasonCode::no_matching_subscribers);
  EXPECT_EQ(full->properties.text(PropertyId::reason_string), "why");
  const Decoded<Pubrel> released("PUBREL with a reason code");
  EXPECT_EQ(released->reason, ReasonCode::packet_identifier_not_found);
  EXPECT_TRUE(released->properties.empty());
}

TEST(Decode, SubscribeEntriesWithTheirOptions) {
  const Decoded<Subscribe> plain("SUBSCRIBE to several filters (below 5.0)", v3_1_1);
  EXPECT_EQ(plain->packet_id, 1);
  ASSERT_EQ(plain->entries.size(), 4u);
  EXPECT_EQ(plain->entries[2].filter, "/");
  EXPECT_EQ(plain->entries[2].options, SubscriptionOptions{.qos = QoS::exactly_once});
  const Decoded<Subscribe> full("SUBSCRIBE with every option");
  EXPECT_EQ(full->properties.number(PropertyId::subscription_identifier), 16383u);
  ASSERT_EQ(full->entries.size(), 2u);
  EXPECT_EQ(full->entries[0].options,
            (SubscriptionOptions{QoS::exactly_once, true, true, RetainHandling::do_not_send}));
  EXPECT_EQ(full->entries[1].filter, "$share/g/a/#");
  EXPECT_EQ(full->entries[1].options,
            (SubscriptionOptions{QoS::at_least_once, false, true, RetainHandling::send_if_new}));
}

TEST(Decode, UnsubscribeAndTheAcknowledgements) {
  const Decoded<Unsubscribe> unsubscribe("UNSUBSCRIBE from several filters (5.0)");
  EXPECT_EQ(unsubscribe->filters, (std::vector<std::string_view>{"#", "$share/g/a"}));
  const Decoded<Suback> suback("SUBACK of every return code", v3_1);
  EXPECT_EQ(std::vector<uint8_t>(suback->codes.begin(), suback->codes.end()), (std::vector<uint8_t>{0, 1, 2, 0x80}));
  const Decoded<Unsuback> unsuback("UNSUBACK", v3_1_1);
  EXPECT_TRUE(unsuback->codes.empty());
  const Decoded<Unsuback> with_codes("UNSUBACK of every reason code");
  EXPECT_EQ(with_codes->codes.size(), 7u);
}

TEST(Decode, DisconnectAndAuth) {
  const Decoded<Disconnect> normal("DISCONNECT without a body");
  EXPECT_EQ(normal->reason, ReasonCode::success);
  const Decoded<Disconnect> with_will("DISCONNECT with a reason code");
  EXPECT_EQ(with_will->reason, ReasonCode::disconnect_with_will_message);
  const Decoded<Disconnect> moved("DISCONNECT with every property");
  EXPECT_EQ(moved->properties.text(PropertyId::server_reference), "other");
  const Decoded<Auth> auth("AUTH that goes on");
  EXPECT_EQ(auth->reason, ReasonCode::continue_authentication);
  EXPECT_EQ(auth->properties.text(PropertyId::authentication_data), "data");
}

}  // namespace
}  // namespace mqtt_sim::protocol
