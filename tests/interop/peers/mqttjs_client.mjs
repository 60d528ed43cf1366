// MQTT.js as a client of a broker: node mqttjs_client.mjs URL [CA FOREIGN_CA]
// Goes through every level and QoS over one scheme as ../matrix.py describes it, and prints a line of JSON for each cell.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const require = createRequire(new URL("../../../build/node/", import.meta.url));
const mqtt = require("mqtt");

const [url, ca, foreignCa] = process.argv.slice(2);
const SIZES = [0, 1, 125, 126, 127, 1000, 16383, 16384, 65535, 65536, 100000];
const BURST = 50;
const PATIENCE_MS = 10000;

function connect(level, options = {}) {
  const identity = level === 3 ? { protocolId: "MQIsdp", protocolVersion: 3 } : { protocolVersion: level };
  const trust = ca ? { ca: readFileSync(options.trusting ?? ca) } : {};
  return mqtt.connectAsync(url, { reconnectPeriod: 0, connectTimeout: PATIENCE_MS, ...identity, ...trust, ...options });
}

// What a client hears, in order, for those who wait for it.
function inbox(client) {
  const heard = [];
  const waiting = [];
  client.on("message", (topic, payload, packet) => {
    const message = { topic, payload, qos: packet.qos, retain: packet.retain, properties: packet.properties };
    if (waiting.length) waiting.shift()(message);
    else heard.push(message);
  });
  return () =>
    heard.length ? Promise.resolve(heard.shift()) : within(new Promise((resolve) => waiting.push(resolve)), "a message");
}

function within(promise, what) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no ${what} within ${PATIENCE_MS} ms`)), PATIENCE_MS);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

function payloadOf(index, size) {
  const bytes = Buffer.alloc(size);
  for (let i = 0; i < size; i++) bytes[i] = index + 7 * i;
  return bytes;
}

function expect(condition, what) {
  if (!condition) throw new Error(what);
}

async function cell(level, qos) {
  const root = `matrix/mqttjs/${level}/${qos}`;
  const clients = [];
  const open = async (options) => clients[clients.push(await within(connect(level, options), "CONNACK")) - 1];
  try {
    const hears = await open();
    const next = inbox(hears);
    const granted = await within(hears.subscribeAsync(`${root}/#`, { qos }), "SUBACK");
    expect(granted[0].qos === qos, `granted QoS ${granted[0].qos}`);
    const speaks = await open();
    const properties = level === 5 ? { properties: { userProperties: { from: "mqttjs" }, contentType: "bytes" } } : {};

    for (const [index, size] of SIZES.entries()) {
      const payload = payloadOf(index, size);
      await within(speaks.publishAsync(`${root}/size`, payload, { qos, ...properties }), "acknowledgement");
      const message = await next();
      expect(message.payload.equals(payload), `payload of ${size} bytes came as ${message.payload.length} others`);
      expect(message.qos === qos && !message.retain, `came with QoS ${message.qos}, retain ${message.retain}`);
      if (level === 5) expect(message.properties?.userProperties?.from === "mqttjs", "user property lost");
    }

    const sent = Promise.all([...Array(BURST).keys()].map((i) => speaks.publishAsync(`${root}/burst`, `${i}`, { qos })));
    sent.catch(() => {}); // told below, unless the wait for the messages fails first
    for (let i = 0; i < BURST; i++) {
      const text = String((await next()).payload);
      expect(text === `${i}`, `message ${i} of the burst came as ${text}`);
    }
    await within(sent, "acknowledgements");

    await within(speaks.publishAsync(`${root}/state`, "kept", { qos, retain: true }), "acknowledgement");
    expect(!(await next()).retain, "retain set for a subscriber who was there");
    const late = await open();
    const nextLate = inbox(late);
    await within(late.subscribeAsync(`${root}/state`, { qos }), "SUBACK");
    const kept = await nextLate();
    expect(kept.retain && String(kept.payload) === "kept" && kept.qos === qos, "the retained message did not wait");
    await within(speaks.publishAsync(`${root}/state`, "", { qos, retain: true }), "acknowledgement");
    await next();

    const mortal = await open({ will: { topic: `${root}/will`, payload: Buffer.from("gone"), qos, retain: false } });
    mortal.on("error", () => {});
    mortal.stream.destroy();
    const will = await next();
    expect(will.topic === `${root}/will` && String(will.payload) === "gone" && will.qos === qos, "no will");
  } finally {
    await Promise.all(clients.map((client) => client.endAsync(true)));
  }
}

async function refusesForeignAuthority() {
  let client;
  try {
    client = await connect(4, { trusting: foreignCa });
  } catch {
    return;
  }
  client.end(true);
  throw new Error("connected to a broker whose authority it does not know");
}

async function report(row, check) {
  const began = performance.now();
  let detail = "";
  try {
    await check();
  } catch (error) {
    detail = String(error?.message || error?.code || error) || "failed";
  }
  const seconds = (performance.now() - began) / 1000;
  console.log(JSON.stringify({ ...row, passed: !detail, detail, seconds: Number(seconds.toFixed(3)) }));
}

for (const level of [3, 4, 5]) for (const qos of [0, 1, 2]) await report({ level, qos }, () => cell(level, qos));
if (foreignCa) await report({ check: "foreign authority" }, refusesForeignAuthority);
process.exit(0);
