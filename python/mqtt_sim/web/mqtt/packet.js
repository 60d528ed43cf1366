// Control packets as a client writes and reads them; `version` is the protocol version byte: 3, 4 (3.1.1) or 5.
// A packet is an object with `cmd` and the fields of its kind, named as in MQTT.js.
import { Payload, ProtocolError, Reader, toBytes, Writer } from "./bytes.js";
import { readProperties, writeProperties } from "./properties.js";

const NAMES = (
  "reserved connect connack publish puback pubrec pubrel pubcomp " +
  "subscribe suback unsubscribe unsuback pingreq pingresp disconnect auth"
).split(" ");
const ACKS = new Set(NAMES.slice(4, 8));

export function encode(packet, version) {
  const body = new Writer();
  let flags = 0;
  let payload = new Uint8Array(0);
  if (packet.cmd === "connect") writeConnect(body, packet, version);
  else if (packet.cmd === "publish") {
    flags = ((packet.dup ? 1 : 0) << 3) | (packet.qos << 1) | (packet.retain ? 1 : 0);
    payload = toBytes(packet.payload);
    writePublish(body, packet, version);
  } else if (ACKS.has(packet.cmd)) {
    flags = packet.cmd === "pubrel" ? 2 : 0; // [MQTT-3.6.1-1]
    body.u16(packet.messageId);
    writeReason(body, packet, version);
  } else if (packet.cmd === "subscribe" || packet.cmd === "unsubscribe") {
    flags = 2; // [MQTT-3.8.1-1] [MQTT-3.10.1-1]
    writeFilters(body, packet, version);
  } else if (packet.cmd === "disconnect") writeReason(body, packet, version);
  return assemble((NAMES.indexOf(packet.cmd) << 4) | flags, body.bytes, payload);
}

function assemble(header, body, payload) {
  const start = new Writer().u8(header).variable(body.length + payload.length).bytes;
  const whole = new Uint8Array(start.length + body.length + payload.length);
  whole.set(start);
  whole.set(body, start.length);
  whole.set(payload, start.length + body.length);
  return whole;
}

function writeConnect(body, packet, version) {
  const { will, username, password } = packet;
  body.text(packet.protocolId ?? (version === 3 ? "MQIsdp" : "MQTT")).u8(version);
  const willFlags = will ? 0x04 | ((will.qos ?? 0) << 3) | (will.retain ? 0x20 : 0) : 0;
  body.u8((username == null ? 0 : 0x80) | (password == null ? 0 : 0x40) | willFlags | (packet.clean ? 0x02 : 0));
  body.u16(packet.keepalive);
  if (version === 5) writeProperties(body, packet.properties);
  body.text(packet.clientId);
  if (will) {
    if (version === 5) writeProperties(body, will.properties);
    body.text(will.topic).binary(will.payload);
  }
  if (username != null) body.text(username);
  if (password != null) body.binary(password);
}

function writePublish(body, packet, version) {
  body.text(packet.topic);
  if (packet.qos > 0) body.u16(packet.messageId);
  if (version === 5) writeProperties(body, packet.properties);
}

function writeReason(body, packet, version) {
  if (version !== 5 || (!packet.reasonCode && !packet.properties)) return;
  body.u8(packet.reasonCode ?? 0);
  if (packet.properties) writeProperties(body, packet.properties);
}

function writeFilters(body, packet, version) {
  body.u16(packet.messageId);
  if (version === 5) writeProperties(body, packet.properties);
  if (packet.cmd === "unsubscribe") packet.unsubscriptions.forEach((filter) => body.text(filter));
  else
    for (const { topic, qos, nl, rap, rh } of packet.subscriptions)
      body.text(topic).u8(version === 5 ? qos | (nl ? 4 : 0) | (rap ? 8 : 0) | ((rh ?? 0) << 4) : qos);
}

// A packet from its first byte and what follows the remaining length. Throws ProtocolError.
export function decode(header, bytes, version) {
  const packet = { cmd: NAMES[header >> 4] };
  const reader = new Reader(bytes);
  const flags = header & 15;
  // [MQTT-2.1.3-1] reserved flags have one value each
  if (packet.cmd !== "publish" && flags !== (packet.cmd === "pubrel" ? 2 : 0))
    throw new ProtocolError(`${packet.cmd} with flags ${flags}`);
  if (packet.cmd === "publish") readPublish(packet, reader, flags, version);
  else if (packet.cmd === "connack") readConnack(packet, reader, version);
  else if (packet.cmd === "suback" || packet.cmd === "unsuback") readGranted(packet, reader, version);
  else if (ACKS.has(packet.cmd) || packet.cmd === "disconnect") readReason(packet, reader, version);
  else if (packet.cmd !== "pingresp") throw new ProtocolError(`${packet.cmd} from a server`, 0x82);
  if (reader.left) throw new ProtocolError(`${packet.cmd} with ${reader.left} bytes too many`);
  return packet;
}

function readPublish(packet, reader, flags, version) {
  packet.dup = (flags & 8) !== 0;
  packet.qos = (flags >> 1) & 3;
  packet.retain = (flags & 1) !== 0;
  if (packet.qos === 3) throw new ProtocolError("quality of service 3"); // [MQTT-3.3.1-4]
  packet.topic = reader.text();
  if (/[+#]/.test(packet.topic)) throw new ProtocolError("a topic with wildcards", 0x90); // [MQTT-3.3.2-2]
  if (packet.qos > 0) packet.messageId = readMessageId(reader);
  if (version === 5) packet.properties = readProperties(reader);
  const payload = reader.take(reader.left);
  packet.payload = new Payload(payload.buffer, payload.byteOffset, payload.length);
}

function readMessageId(reader) {
  const id = reader.u16();
  if (id === 0) throw new ProtocolError("packet identifier 0", 0x82); // [MQTT-2.2.1-3]
  return id;
}

function readConnack(packet, reader, version) {
  packet.sessionPresent = (reader.u8() & 1) !== 0;
  packet.reasonCode = packet.returnCode = reader.u8();
  // A server that does not know 5.0 refuses in the words of 3.1.1, without properties.
  if (version === 5 && reader.left) packet.properties = readProperties(reader);
}

function readGranted(packet, reader, version) {
  packet.messageId = readMessageId(reader);
  if (version === 5) packet.properties = readProperties(reader);
  packet.granted = [...reader.take(reader.left)];
}

function readReason(packet, reader, version) {
  if (packet.cmd !== "disconnect") packet.messageId = readMessageId(reader);
  else if (version !== 5) throw new ProtocolError("DISCONNECT from a server of 3.1.1", 0x82);
  packet.reasonCode = version === 5 && reader.left ? reader.u8() : 0;
  if (version === 5 && reader.left) packet.properties = readProperties(reader);
}
