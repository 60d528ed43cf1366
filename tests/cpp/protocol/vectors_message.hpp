// The packets that carry messages and acknowledge them, and those that subscribe. Included by vectors.hpp.
#pragma once

#include "tests/cpp/protocol/vector_row.hpp"

namespace mqtt_sim::protocol::vectors {

inline constexpr Row kMessageRows[] = {

    // PUBLISH
    {"PUBLISH of QoS 0 (below 5.0)", kBelow5, "3006 0003612f62 78"},
    // [MQTT-2.2.1-2], [MQTT-2.2.2-1]
    {"PUBLISH of QoS 0 (5.0)", k50, "3007 0003612f62 00 78"},
    {"PUBLISH of QoS 1 (below 5.0)", kBelow5, "3208 0003612f62 0001 78"},
    {"PUBLISH of QoS 1 (5.0)", k50, "3209 0003612f62 0001 00 78"},
    {"PUBLISH of QoS 2, retained, sent again (below 5.0)", kBelow5, "3d08 0003612f62 ffff 78"},
    {"PUBLISH of QoS 2, retained, sent again (5.0)", k50, "3d09 0003612f62 ffff 00 78"},
    {"PUBLISH retained without a payload (below 5.0)", kBelow5, "3105 0003612f62"},
    {"PUBLISH retained without a payload (5.0)", k50, "3106 0003612f62 00"},
    {"PUBLISH with any bytes as payload (below 5.0)", kBelow5, "3013 000161 00112233445566778899aabbccddeeff"},
    {"PUBLISH with any bytes as payload (5.0)", k50, "3014 000161 00 00112233445566778899aabbccddeeff"},
    {"PUBLISH on a $ topic with empty levels (below 5.0)", kBelow5, "300b 0008245359532f2f782f 78"},
    {"PUBLISH on a $ topic with empty levels (5.0)", k50, "300c 0008245359532f2f782f 00 78"},
    {"PUBLISH with a remaining length of two bytes (below 5.0)", kBelow5,
     "309101 0003612f62 "
     "79797979797979797979797979797979797979797979797979797979797979797979797979797979797979797979797979797979797979797"
     "97979797979797979797979797979797979797979797979797979797979797979797979797979797979797979797979797979797979797979"
     "797979797979797979797979797979797979797979797979797979"},
    {"PUBLISH with a remaining length of two bytes (5.0)", k50,
     "309201 0003612f62 00 "
     "79797979797979797979797979797979797979797979797979797979797979797979797979797979797979797979797979797979797979797"
     "97979797979797979797979797979797979797979797979797979797979797979797979797979797979797979797979797979797979797979"
     "797979797979797979797979797979797979797979797979797979"},
    {"PUBLISH with every property", k50,
     "3241 000161 0007 3a 0101 020000003c 230003 08000672652f706c79 09000200ff 26000161000131 26000161000132 0b01 "
     "0bffffff7f 03000a746578742f706c61696e 78"},
    {"PUBLISH with user properties of one name, none of them or of nothing at all", k50,
     "301d 000161 19 2600016b000176 2600016b000176 2600016b0000 2600000000"},
    {"PUBLISH with an alias in place of the topic", k50, "3007 0000 03 230001 78"},
    {"P10 an alias never set is for the broker to refuse", k50, "3007 0000 03 230009 78"},
    {"P09 an alias above the maximum is for the broker to refuse", k50, "3008 000161 03 23ffff 78"},
    {"P11 a subscription identifier from a client is for the broker to refuse", k50, "3007 000161 02 0b05 78"},
    // [MQTT-3.3.1-4]
    refused("P01 QoS 3 (below 5.0)", kBelow5, "3606 000161 0001 78", ReasonCode::malformed_packet),
    refused("P01 QoS 3 (5.0)", k50, "3607 000161 0001 00 78", ReasonCode::malformed_packet),
    // [MQTT-3.3.2-2], [MQTT-4.7.0-1]
    refused("P02 # in the topic name (below 5.0)", kBelow5, "3006 0003612f23 78", ReasonCode::topic_name_invalid),
    refused("P02 # in the topic name (5.0)", k50, "3007 0003612f23 00 78", ReasonCode::topic_name_invalid),
    refused("P02 + in the topic name (below 5.0)", kBelow5,
            "301c 00196c6f6e672f656e6f7567682f666f722f776f7264732f2b2f78 78", ReasonCode::topic_name_invalid),
    refused("P02 + in the topic name (5.0)", k50, "301d 00196c6f6e672f656e6f7567682f666f722f776f7264732f2b2f78 00 78",
            ReasonCode::topic_name_invalid),
    // [MQTT-4.7.3-2]
    refused("P03 U+0000 in the topic name (below 5.0)", kBelow5, "3006 0003610062 78", ReasonCode::malformed_packet),
    refused("P03 U+0000 in the topic name (5.0)", k50, "3007 0003610062 00 78", ReasonCode::malformed_packet),
    // [MQTT-3.3.2-1]
    refused("P04 ill-formed UTF-8 in the topic name (below 5.0)", kBelow5, "3005 000261ff 78",
            ReasonCode::malformed_packet),
    refused("P04 ill-formed UTF-8 in the topic name (5.0)", k50, "3006 000261ff 00 78", ReasonCode::malformed_packet),
    refused("P04 surrogate in the topic name (below 5.0)", kBelow5, "3006 0003edbfbf 78", ReasonCode::malformed_packet),
    refused("P04 surrogate in the topic name (5.0)", k50, "3007 0003edbfbf 00 78", ReasonCode::malformed_packet),
    // [MQTT-2.3.1-1] of 3.1.1, [MQTT-2.2.1-3]
    refused("P05 packet id 0 with QoS 1 (below 5.0)", kBelow5, "3206 000161 0000 78", ReasonCode::malformed_packet),
    refused("P05 packet id 0 with QoS 1 (5.0)", k50, "3207 000161 0000 00 78", ReasonCode::malformed_packet),
    refused("P05 packet id 0 with QoS 2 (below 5.0)", kBelow5, "3406 000161 0000 78", ReasonCode::malformed_packet),
    refused("P05 packet id 0 with QoS 2 (5.0)", k50, "3407 000161 0000 00 78", ReasonCode::malformed_packet),
    // [MQTT-3.3.1-2]
    refused("P06 DUP with QoS 0 (below 5.0)", kBelow5, "3804 000161 78", ReasonCode::malformed_packet),
    refused("P06 DUP with QoS 0 (5.0)", k50, "3805 000161 00 78", ReasonCode::malformed_packet),
    // [MQTT-4.7.3-1]
    refused("P07 empty topic name", kBelow5, "3003 0000 78", ReasonCode::topic_name_invalid),
    refused("P07 empty topic name without an alias", k50, "3004 0000 00 78", ReasonCode::protocol_error),
    // [MQTT-3.3.2-8]
    refused("P08 topic alias 0", k50, "3008 000161 03 230000 78", ReasonCode::topic_alias_invalid),
    // [MQTT-3.3.2-14]
    refused("P12 wildcard in the response topic", k50, "300b 000161 06 080003722f23 78", ReasonCode::protocol_error),
    refused("PUBLISH with an empty response topic", k50, "3008 000161 03 080000 78", ReasonCode::protocol_error),
    refused("P13 payload format indicator twice", k50, "3009 000161 04 0100 0100 78", ReasonCode::protocol_error),
    refused("P14 payload format indicator 2", k50, "3007 000161 02 0102 78", ReasonCode::protocol_error),
    refused("P15 a property that PUBLISH does not have", k50, "300a 000161 05 1100000001 78",
            ReasonCode::malformed_packet),
    // [MQTT-1.5.7-1]
    refused("P16 ill-formed UTF-8 in a user property", k50, "300c 000161 07 2600016b0001ff 78",
            ReasonCode::malformed_packet),
    refused("P16 ill-formed UTF-8 in the name of a user property", k50, "300d 000161 08 260002c181000176 78",
            ReasonCode::malformed_packet),
    // [MQTT-3.3.2-19]
    refused("PUBLISH with U+0000 in the content type", k50, "3009 000161 04 03000100 78", ReasonCode::malformed_packet),
    refused("PUBLISH with subscription identifier 0", k50, "3007 000161 02 0b00 78", ReasonCode::protocol_error),
    refused("PUBLISH with a subscription identifier of five bytes", k50, "300b 000161 06 0b8080808001 78",
            ReasonCode::malformed_packet),
    refused("PUBLISH with a subscription identifier not in its shortest form", k50, "3008 000161 03 0b8100 78",
            ReasonCode::malformed_packet),
    refused("F08 PUBLISH whose topic runs past the packet", kEvery, "3005 00ff 616263", ReasonCode::malformed_packet),
    // [MQTT-3.3.2-1]
    refused("PUBLISH without a body", kEvery, "3000", ReasonCode::malformed_packet),
    refused("PUBLISH of QoS 1 without a packet id", kEvery, "3203 000161", ReasonCode::malformed_packet),
    refused("PUBLISH of QoS 1 with half a packet id", kEvery, "3204 000161 01", ReasonCode::malformed_packet),
    refused("PUBLISH without a property length", k50, "3003 000161", ReasonCode::malformed_packet),

    // PUBACK, PUBREC, PUBREL, PUBCOMP
    {"PUBACK with a packet id alone", kEvery, "4002 1234"},
    {"PUBACK with a reason code", k50, "4003 0001 10"},
    {"PUBACK with a reason code and properties", k50, "4011 0001 10 0d 1f0003776879 2600016b000176"},
    {"PUBACK of success with properties", k50, "400b 0001 00 07 2600016b000176"},
    tolerated("PUBACK of success in three bytes", k50, "4003 0001 00", "4002 0001"),
    tolerated("PUBACK of success in four bytes", k50, "4004 0001 00 00", "4002 0001"),
    tolerated("PUBACK with a reason code and no properties", k50, "4004 0001 10 00", "4003 0001 10"),
    refused("PUBACK with packet id 0", kEvery, "4002 0000", ReasonCode::malformed_packet),
    refused("PUBACK with a byte too many (below 5.0)", kBelow5, "4003 0001 00", ReasonCode::malformed_packet),
    refused("PUBACK with a byte too many (5.0)", k50, "4005 0001 00 00 00", ReasonCode::malformed_packet),
    // [MQTT-3.4.2-1]
    refused("PUBACK with a reason code of other packets", k50, "4003 0001 92", ReasonCode::protocol_error),
    refused("PUBACK with a property it does not have", k50, "4009 0001 00 05 1100000001", ReasonCode::malformed_packet),
    refused("PUBACK with the reason string twice", k50, "400c 0001 00 08 1f000161 1f000162",
            ReasonCode::protocol_error),
    {"PUBREC with a packet id alone", kEvery, "5002 1234"},
    {"PUBREC with a reason code", k50, "5003 0001 10"},
    {"PUBREC with a reason code and properties", k50, "5011 0001 10 0d 1f0003776879 2600016b000176"},
    {"PUBREC of success with properties", k50, "500b 0001 00 07 2600016b000176"},
    tolerated("PUBREC of success in three bytes", k50, "5003 0001 00", "5002 0001"),
    tolerated("PUBREC of success in four bytes", k50, "5004 0001 00 00", "5002 0001"),
    tolerated("PUBREC with a reason code and no properties", k50, "5004 0001 10 00", "5003 0001 10"),
    refused("PUBREC with packet id 0", kEvery, "5002 0000", ReasonCode::malformed_packet),
    refused("PUBREC with a byte too many (below 5.0)", kBelow5, "5003 0001 00", ReasonCode::malformed_packet),
    refused("PUBREC with a byte too many (5.0)", k50, "5005 0001 00 00 00", ReasonCode::malformed_packet),
    // [MQTT-3.5.2-1]
    refused("PUBREC with a reason code of other packets", k50, "5003 0001 92", ReasonCode::protocol_error),
    refused("PUBREC with a property it does not have", k50, "5009 0001 00 05 1100000001", ReasonCode::malformed_packet),
    refused("PUBREC with the reason string twice", k50, "500c 0001 00 08 1f000161 1f000162",
            ReasonCode::protocol_error),
    {"PUBREL with a packet id alone", kEvery, "6202 1234"},
    {"PUBREL with a reason code", k50, "6203 0001 92"},
    {"PUBREL with a reason code and properties", k50, "6211 0001 92 0d 1f0003776879 2600016b000176"},
    {"PUBREL of success with properties", k50, "620b 0001 00 07 2600016b000176"},
    tolerated("PUBREL of success in three bytes", k50, "6203 0001 00", "6202 0001"),
    tolerated("PUBREL of success in four bytes", k50, "6204 0001 00 00", "6202 0001"),
    tolerated("PUBREL with a reason code and no properties", k50, "6204 0001 92 00", "6203 0001 92"),
    refused("PUBREL with packet id 0", kEvery, "6202 0000", ReasonCode::malformed_packet),
    refused("PUBREL with a byte too many (below 5.0)", kBelow5, "6203 0001 00", ReasonCode::malformed_packet),
    refused("PUBREL with a byte too many (5.0)", k50, "6205 0001 00 00 00", ReasonCode::malformed_packet),
    // [MQTT-3.6.2-1]
    refused("PUBREL with a reason code of other packets", k50, "6203 0001 10", ReasonCode::protocol_error),
    refused("PUBREL with a property it does not have", k50, "6209 0001 00 05 1100000001", ReasonCode::malformed_packet),
    refused("PUBREL with the reason string twice", k50, "620c 0001 00 08 1f000161 1f000162",
            ReasonCode::protocol_error),
    {"PUBCOMP with a packet id alone", kEvery, "7002 1234"},
    {"PUBCOMP with a reason code", k50, "7003 0001 92"},
    {"PUBCOMP with a reason code and properties", k50, "7011 0001 92 0d 1f0003776879 2600016b000176"},
    {"PUBCOMP of success with properties", k50, "700b 0001 00 07 2600016b000176"},
    tolerated("PUBCOMP of success in three bytes", k50, "7003 0001 00", "7002 0001"),
    tolerated("PUBCOMP of success in four bytes", k50, "7004 0001 00 00", "7002 0001"),
    tolerated("PUBCOMP with a reason code and no properties", k50, "7004 0001 92 00", "7003 0001 92"),
    refused("PUBCOMP with packet id 0", kEvery, "7002 0000", ReasonCode::malformed_packet),
    refused("PUBCOMP with a byte too many (below 5.0)", kBelow5, "7003 0001 00", ReasonCode::malformed_packet),
    refused("PUBCOMP with a byte too many (5.0)", k50, "7005 0001 00 00 00", ReasonCode::malformed_packet),
    // [MQTT-3.7.2-1]
    refused("PUBCOMP with a reason code of other packets", k50, "7003 0001 10", ReasonCode::protocol_error),
    refused("PUBCOMP with a property it does not have", k50, "7009 0001 00 05 1100000001",
            ReasonCode::malformed_packet),
    refused("PUBCOMP with the reason string twice", k50, "700c 0001 00 08 1f000161 1f000162",
            ReasonCode::protocol_error),
    refused("F09 PUBACK of one byte", kEvery, "4001 01", ReasonCode::malformed_packet),
    // [MQTT-2.1.3-1]
    refused("PUBACK with flags", kEvery, "4202 0001", ReasonCode::malformed_packet),
    // [MQTT-3.6.1-1]
    refused("P17 P18 PUBREL with flags 0000", kEvery, "6002 0001", ReasonCode::malformed_packet),
    tolerated("PUBREL with DUP, which 3.1 has", k31, "6a02 0001", "6202 0001"),
    refused("PUBREL with DUP", kFrom311, "6a02 0001", ReasonCode::malformed_packet),

    // SUBSCRIBE, UNSUBSCRIBE
    {"SUBSCRIBE to one filter (below 5.0)", kBelow5, "820a 0001 0005612f2b2f62 01"},
    {"SUBSCRIBE to one filter (5.0)", k50, "820b 0001 00 0005612f2b2f62 01"},
    {"SUBSCRIBE to several filters (below 5.0)", kBelow5,
     "8217 0001 000123 00 00012b 01 00012f 02 0006245359532f23 00"},
    {"SUBSCRIBE to several filters (5.0)", k50, "8218 0001 00 000123 00 00012b 01 00012f 02 0006245359532f23 00"},
    {"SUBSCRIBE with every option", k50,
     "8220 0001 0a 0bff7f 2600016b000176 000161 2e 000c2473686172652f672f612f23 19"},
    tolerated("SUBSCRIBE with DUP, which 3.1 has", k31, "8a06 0001 000161 01", "8206 0001 000161 01"),
    {"SUBSCRIBE to an ill-placed wildcard is for the broker to refuse", k50, "820a 0001 00 0004612f6223 00"},
    // [MQTT-4.7.1-1]
    refused("SUBSCRIBE to an ill-placed #", kBelow5, "820a 0001 0005612f232f62 00", ReasonCode::malformed_packet),
    // [MQTT-4.7.1-2]
    refused("SUBSCRIBE to an ill-placed +", kBelow5, "8209 0001 0004612b2f62 00", ReasonCode::malformed_packet),
    // [MQTT-3.8.3-2]
    refused("SUBSCRIBE without a filter (below 5.0)", kBelow5, "8202 0001", ReasonCode::protocol_error),
    refused("SUBSCRIBE without a filter (5.0)", k50, "8203 0001 00", ReasonCode::protocol_error),
    refused("SUBSCRIBE to an empty filter (below 5.0)", kBelow5, "8205 0001 0000 00", ReasonCode::malformed_packet),
    refused("SUBSCRIBE to an empty filter (5.0)", k50, "8206 0001 00 0000 00", ReasonCode::malformed_packet),
    // [MQTT-3.8.3-1]
    refused("SUBSCRIBE to ill-formed UTF-8 (below 5.0)", kBelow5, "8208 0001 0003e08080 00",
            ReasonCode::malformed_packet),
    refused("SUBSCRIBE to ill-formed UTF-8 (5.0)", k50, "8209 0001 00 0003e08080 00", ReasonCode::malformed_packet),
    refused("SUBSCRIBE to U+0000 (below 5.0)", kBelow5, "8206 0001 000100 00", ReasonCode::malformed_packet),
    refused("SUBSCRIBE to U+0000 (5.0)", k50, "8207 0001 00 000100 00", ReasonCode::malformed_packet),
    refused("SUBSCRIBE with packet id 0 (below 5.0)", kBelow5, "8206 0000 000161 00", ReasonCode::malformed_packet),
    refused("SUBSCRIBE with packet id 0 (5.0)", k50, "8207 0000 00 000161 00", ReasonCode::malformed_packet),
    refused("SUBSCRIBE without options (below 5.0)", kBelow5, "8205 0001 000161", ReasonCode::malformed_packet),
    refused("SUBSCRIBE without options (5.0)", k50, "8206 0001 00 000161", ReasonCode::malformed_packet),
    // [MQTT-3.8.3-4] of 3.1.1
    refused("SUBSCRIBE with QoS 3 (below 5.0)", kBelow5, "8206 0001 000161 03", ReasonCode::malformed_packet),
    refused("SUBSCRIBE with QoS 3 (5.0)", k50, "8207 0001 00 000161 03", ReasonCode::protocol_error),
    refused("SUBSCRIBE with an option of 5.0", kBelow5, "8206 0001 000161 04", ReasonCode::malformed_packet),
    // [MQTT-3.8.3-5]
    refused("SUBSCRIBE with reserved option bit 6", k50, "8207 0001 00 000161 40", ReasonCode::malformed_packet),
    refused("SUBSCRIBE with reserved option bit 7", k50, "8207 0001 00 000161 80", ReasonCode::malformed_packet),
    refused("SUBSCRIBE with retain handling 3", k50, "8207 0001 00 000161 30", ReasonCode::protocol_error),
    // [MQTT-3.8.3-4]
    refused("SUBSCRIBE with no local on a shared subscription", k50, "8210 0001 00 000a2473686172652f672f61 04",
            ReasonCode::protocol_error),
    refused("SUBSCRIBE with subscription identifier 0", k50, "8209 0001 02 0b00 000161 00", ReasonCode::protocol_error),
    refused("SUBSCRIBE with the subscription identifier twice", k50, "820b 0001 04 0b01 0b02 000161 00",
            ReasonCode::protocol_error),
    // [MQTT-3.8.1-1]
    refused("SUBSCRIBE with flags 0000 (below 5.0)", kBelow5, "8006 0001 000161 00", ReasonCode::malformed_packet),
    refused("SUBSCRIBE with flags 0000 (5.0)", k50, "8007 0001 00 000161 00", ReasonCode::malformed_packet),
    refused("SUBSCRIBE that ends inside a filter (below 5.0)", kBelow5, "8206 0001 0005 6162",
            ReasonCode::malformed_packet),
    refused("SUBSCRIBE that ends inside a filter (5.0)", k50, "8207 0001 00 0005 6162", ReasonCode::malformed_packet),
    {"UNSUBSCRIBE from one filter (below 5.0)", kBelow5, "a209 0001 0005612f2b2f62"},
    {"UNSUBSCRIBE from one filter (5.0)", k50, "a20a 0001 00 0005612f2b2f62"},
    {"UNSUBSCRIBE from several filters (below 5.0)", kBelow5, "a211 0001 000123 000a2473686172652f672f61"},
    {"UNSUBSCRIBE from several filters (5.0)", k50, "a212 0001 00 000123 000a2473686172652f672f61"},
    {"UNSUBSCRIBE with a user property", k50, "a20d 0001 07 2600016b000176 000161"},
    tolerated("UNSUBSCRIBE with DUP, which 3.1 has", k31, "aa05 0001 000161", "a205 0001 000161"),
    // [MQTT-3.10.3-2]
    refused("UNSUBSCRIBE without a filter (below 5.0)", kBelow5, "a202 0001", ReasonCode::protocol_error),
    refused("UNSUBSCRIBE without a filter (5.0)", k50, "a203 0001 00", ReasonCode::protocol_error),
    refused("UNSUBSCRIBE from an empty filter (below 5.0)", kBelow5, "a204 0001 0000", ReasonCode::malformed_packet),
    refused("UNSUBSCRIBE from an empty filter (5.0)", k50, "a205 0001 00 0000", ReasonCode::malformed_packet),
    refused("UNSUBSCRIBE from an ill-placed wildcard", kBelow5, "a207 0001 0003232f61", ReasonCode::malformed_packet),
    // [MQTT-3.10.3-1]
    refused("UNSUBSCRIBE from ill-formed UTF-8 (below 5.0)", kBelow5, "a205 0001 0001f8", ReasonCode::malformed_packet),
    refused("UNSUBSCRIBE from ill-formed UTF-8 (5.0)", k50, "a206 0001 00 0001f8", ReasonCode::malformed_packet),
    refused("UNSUBSCRIBE with packet id 0 (below 5.0)", kBelow5, "a205 0000 000161", ReasonCode::malformed_packet),
    refused("UNSUBSCRIBE with packet id 0 (5.0)", k50, "a206 0000 00 000161", ReasonCode::malformed_packet),
    refused("UNSUBSCRIBE with a property it does not have", k50, "a208 0001 02 0b01 000161",
            ReasonCode::malformed_packet),
    // [MQTT-3.10.1-1]
    refused("UNSUBSCRIBE with flags 0000 (below 5.0)", kBelow5, "a005 0001 000161", ReasonCode::malformed_packet),
    refused("UNSUBSCRIBE with flags 0000 (5.0)", k50, "a006 0001 00 000161", ReasonCode::malformed_packet),

    // SUBACK, UNSUBACK
    {"SUBACK of every return code", kBelow5, "9006 0001 00010280"},
    {"SUBACK of every reason code", k50, "901a 0001 0b 1f000172 2600016b000176 0001028083878f91979ea1a2"},
    refused("SUBACK without codes (below 5.0)", kBelow5, "9002 0001", ReasonCode::protocol_error),
    refused("SUBACK without codes (5.0)", k50, "9003 0001 00", ReasonCode::protocol_error),
    // [MQTT-3.9.3-2] of 3.1.1
    refused("SUBACK of granted QoS 3", kBelow5, "9003 0001 03", ReasonCode::protocol_error),
    // [MQTT-3.9.3-2]
    refused("SUBACK with a reason code of other packets", k50, "9005 0001 00 0011", ReasonCode::protocol_error),
    refused("SUBACK with packet id 0 (below 5.0)", kBelow5, "9003 0000 00", ReasonCode::malformed_packet),
    refused("SUBACK with packet id 0 (5.0)", k50, "9004 0000 00 00", ReasonCode::malformed_packet),
    refused("SUBACK of one byte", kEvery, "9001 01", ReasonCode::malformed_packet),
    {"UNSUBACK", kBelow5, "b002 0001"},
    {"UNSUBACK of every reason code", k50, "b00a 0001 00 00118083878f91"},
    refused("UNSUBACK with codes below 5.0", kBelow5, "b003 0001 00", ReasonCode::malformed_packet),
    refused("UNSUBACK without codes", k50, "b003 0001 00", ReasonCode::protocol_error),
    // [MQTT-3.11.3-2]
    refused("UNSUBACK with a reason code of other packets", k50, "b004 0001 00 01", ReasonCode::protocol_error),
    refused("UNSUBACK with packet id 0 (below 5.0)", kBelow5, "b002 0000", ReasonCode::malformed_packet),
    refused("UNSUBACK with packet id 0 (5.0)", k50, "b004 0000 00 00", ReasonCode::malformed_packet),
};

}  // namespace mqtt_sim::protocol::vectors
