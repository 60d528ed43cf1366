// Bytes of the page's MQTT client: what it writes and what it makes of what it reads, vector by vector.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Payload, ProtocolError, Reader, Writer } from "../../python/mqtt_sim/web/mqtt/bytes.js";
import { Framer } from "../../python/mqtt_sim/web/mqtt/framer.js";
import { decode, encode } from "../../python/mqtt_sim/web/mqtt/packet.js";
import { bytes, hex } from "./support/fake_socket.mjs";

const CONNECT = { cmd: "connect", clientId: "c", clean: true, keepalive: 60 };
const WRITTEN = [
  ["CONNECT of 3.1.1", 4, CONNECT, "10 0d 00 04 4d 51 54 54 04 02 00 3c 00 01 63"],
  ["CONNECT of 3.1", 3, CONNECT, "10 0f 00 06 4d 51 49 73 64 70 03 02 00 3c 00 01 63"],
  ["CONNECT of 5.0", 5, CONNECT, "10 0e 00 04 4d 51 54 54 05 02 00 3c 00 00 01 63"],
  [
    "CONNECT with a will and credentials", 4,
    { ...CONNECT, clean: false, username: "u", password: "p", will: { topic: "w", payload: "x", qos: 1, retain: true } },
    "10 19 00 04 4d 51 54 54 04 ec 00 3c 00 01 63 00 01 77 00 01 78 00 01 75 00 01 70",
  ],
  [
    "CONNECT with properties and a delayed will", 5,
    {
      ...CONNECT,
      properties: { sessionExpiryInterval: 300, userProperties: { a: "b" } },
      will: { topic: "w", payload: "", qos: 0, properties: { willDelayInterval: 5 } },
    },
    "10 25 00 04 4d 51 54 54 05 06 00 3c 0c 11 00 00 01 2c 26 00 01 61 00 01 62 00 01 63 05 18 00 00 00 05 00 01 77 00 00",
  ],
  ["PUBLISH of QoS 0", 4, { cmd: "publish", topic: "a/b", payload: "hi", qos: 0 }, "30 07 00 03 61 2f 62 68 69"],
  [
    "PUBLISH of QoS 2, retained, again", 4,
    { cmd: "publish", topic: "a", payload: "x", qos: 2, retain: true, dup: true, messageId: 258 }, "3d 06 00 01 61 01 02 78",
  ],
  [
    "PUBLISH with properties", 5,
    { cmd: "publish", topic: "a", payload: "", qos: 0, properties: { payloadFormatIndicator: true, contentType: "t", userProperties: { k: ["1", "2"] } } },
    "30 18 00 01 61 14 01 01 03 00 01 74 26 00 01 6b 00 01 31 26 00 01 6b 00 01 32",
  ],
  ["PUBACK", 4, { cmd: "puback", messageId: 1 }, "40 02 00 01"],
  ["PUBACK of 5.0 without a reason", 5, { cmd: "puback", messageId: 1, reasonCode: 0 }, "40 02 00 01"],
  ["PUBREL", 4, { cmd: "pubrel", messageId: 1 }, "62 02 00 01"],
  ["PUBREL of 5.0 for a number nobody knows", 5, { cmd: "pubrel", messageId: 1, reasonCode: 0x92 }, "62 03 00 01 92"],
  ["PUBCOMP of 3.1.1 says no reason", 4, { cmd: "pubcomp", messageId: 1, reasonCode: 0x92 }, "70 02 00 01"],
  [
    "SUBSCRIBE", 4, { cmd: "subscribe", messageId: 1, subscriptions: [{ topic: "a", qos: 0 }, { topic: "b", qos: 1 }] },
    "82 0a 00 01 00 01 61 00 00 01 62 01",
  ],
  [
    "SUBSCRIBE of 5.0 with options", 5,
    { cmd: "subscribe", messageId: 1, subscriptions: [{ topic: "a", qos: 2, nl: true, rap: true, rh: 2 }], properties: { subscriptionIdentifier: 200 } },
    "82 0a 00 01 03 0b c8 01 00 01 61 2e",
  ],
  ["UNSUBSCRIBE", 4, { cmd: "unsubscribe", messageId: 2, unsubscriptions: ["a"] }, "a2 05 00 02 00 01 61"],
  ["PINGREQ", 4, { cmd: "pingreq" }, "c0 00"],
  ["DISCONNECT", 4, { cmd: "disconnect" }, "e0 00"],
  ["DISCONNECT of 5.0 that wants its will sent", 5, { cmd: "disconnect", reasonCode: 4 }, "e0 01 04"],
];

for (const [name, version, packet, expected] of WRITTEN)
  test(`writes ${name}`, () => assert.equal(hex(encode(packet, version)), expected));

const read = (version, text) => {
  const [packet] = [...new Framer(version, 1e6).push(bytes(text))];
  return packet;
};

const READ = [
  ["CONNACK", 4, "20 02 01 00", { cmd: "connack", sessionPresent: true, reasonCode: 0 }],
  ["a refusal", 4, "20 02 00 05", { cmd: "connack", sessionPresent: false, reasonCode: 5 }],
  ["a refusal of 5.0 by a server of 3.1.1", 5, "20 02 00 01", { cmd: "connack", reasonCode: 1 }],
  ["CONNACK of 5.0", 5, "20 09 00 00 06 21 00 0a 13 00 1e", { properties: { receiveMaximum: 10, serverKeepAlive: 30 } }],
  ["PUBLISH", 4, "33 06 00 01 61 00 07 78", { topic: "a", qos: 1, retain: true, dup: false, messageId: 7 }],
  [
    "user properties under any name", 5, "30 17 00 01 61 13 26 00 01 6b 00 01 31 26 00 01 6b 00 01 32 0b 05 0b c8 01",
    { properties: { userProperties: { k: ["1", "2"] }, subscriptionIdentifier: [5, 200] } },
  ],
  ["SUBACK", 4, "90 04 00 01 00 80", { messageId: 1, granted: [0, 128] }],
  ["SUBACK of 5.0", 5, "90 05 00 01 00 02 87", { messageId: 1, granted: [2, 135] }],
  ["UNSUBACK", 4, "b0 02 00 02", { messageId: 2, granted: [] }],
  ["PUBREC with a reason", 5, "50 04 00 01 97 00", { messageId: 1, reasonCode: 0x97 }],
  ["DISCONNECT of 5.0", 5, "e0 01 8e", { reasonCode: 0x8e }],
  ["PINGRESP", 4, "d0 00", { cmd: "pingresp" }],
];

for (const [name, version, text, expected] of READ)
  test(`reads ${name}`, () => {
    const packet = read(version, text);
    for (const [key, value] of Object.entries(expected))
      assert.deepEqual(JSON.parse(JSON.stringify(packet[key])), value, key);
  });

const REFUSED = [
  ["QoS 3 [MQTT-3.3.1-4]", 4, "36 05 00 01 61 00 01", 0x81],
  ["packet identifier 0 [MQTT-2.2.1-3]", 4, "32 05 00 01 61 00 00", 0x82],
  ["wildcards in a topic [MQTT-3.3.2-2]", 4, "30 03 00 01 23", 0x90],
  ["a topic that is not UTF-8 [MQTT-1.5.4-1]", 4, "30 03 00 01 ff", 0x81],
  ["a null character [MQTT-1.5.4-2]", 4, "30 03 00 01 00", 0x81],
  ["wrong flags [MQTT-2.1.3-1]", 4, "41 02 00 01", 0x81],
  ["PUBREL without its flags [MQTT-2.1.3-1]", 4, "60 02 00 01", 0x81],
  ["a field that ends too soon", 4, "30 03 00 09 61", 0x81],
  ["bytes left over", 4, "40 03 00 01 00", 0x81],
  ["an unknown property", 5, "30 05 00 01 61 01 7f", 0x81],
  ["a property twice", 5, "30 08 00 01 61 04 01 01 01 01", 0x82],
  ["properties longer than the packet", 5, "30 04 00 01 61 09", 0x81],
  ["PINGREQ from a server", 4, "c0 00", 0x82],
  ["DISCONNECT from a server of 3.1.1", 4, "e0 00", 0x82],
  ["a remaining length of five bytes", 4, "30 ff ff ff ff 01", 0x81],
];

for (const [name, version, text, code] of REFUSED)
  test(`refuses ${name}`, () =>
    assert.throws(
      () => read(version, text),
      (error) => error instanceof ProtocolError && error.code === code,
    ));

test("a packet over the limit is refused before its bytes have come", () =>
  assert.throws(() => [...new Framer(4, 100).push(bytes("30 64"))], (error) => error.code === 0x95));

test("a user property may be called like a member of Object", () => {
  const packet = read(5, "30 13 00 01 61 0e 26 00 09 5f 5f 70 72 6f 74 6f 5f 5f 00 00 78");
  assert.deepEqual(Object.keys(packet.properties.userProperties), ["__proto__"]);
});

test("packets are found wherever the stream is cut", () => {
  const stream = bytes("20 02 00 00 30 06 00 01 61 68 65 79 d0 00");
  for (let first = 0; first <= stream.length; first++)
    for (let second = first; second <= stream.length; second++) {
      const framer = new Framer(4, 1e6);
      const parts = [stream.slice(0, first), stream.slice(first, second), stream.slice(second)];
      const found = parts.flatMap((part) => [...framer.push(part)]).map((packet) => packet.cmd);
      assert.deepEqual(found, ["connack", "publish", "pingresp"], `cut at ${first} and ${second}`);
    }
});

test("a large packet in small pieces is joined once", () => {
  const payload = new Uint8Array(300_000).fill(0x78);
  const whole = encode({ cmd: "publish", topic: "a", payload, qos: 0 }, 4);
  const framer = new Framer(4, 1e6);
  const found = [];
  for (let at = 0; at < whole.length; at += 1000) found.push(...framer.push(whole.subarray(at, at + 1000)));
  assert.equal(found.length, 1);
  assert.equal(found[0].payload.length, 300_000);
});

test("a payload is bytes that print as text", () => {
  const payload = Payload.from([0xc3, 0xa9, 0xff]);
  assert.ok(payload instanceof Uint8Array);
  assert.equal(`${payload}`, "é\ufffd");
  assert.equal(["a", Payload.from([0x62])].join(": "), "a: b");
});

for (const [value, expected] of [[0, "00"], [127, "7f"], [128, "80 01"], [16383, "ff 7f"], [268435455, "ff ff ff 7f"]])
  test(`variable byte integer ${value}`, () => {
    const written = new Writer().variable(value).bytes;
    assert.equal(hex(written), expected);
    assert.equal(new Reader(Uint8Array.from(written)).variable(), value);
  });

test("fields and packets beyond MQTT's limits are refused", () => {
  assert.throws(() => new Writer().text("x".repeat(65536)), RangeError);
  assert.throws(() => new Writer().variable(268435456), RangeError);
});

test("decode() alone reads a body", () => assert.equal(decode(0xd0, new Uint8Array(0), 4).cmd, "pingresp"));
