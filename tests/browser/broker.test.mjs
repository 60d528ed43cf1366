// The built /mqtt.js, as a page would load it, against the WebSocket listeners of our embedded broker and of Mosquitto.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import "../../python/mqtt_sim/web/mqtt.js";
import { installWebSocket, startEmbedded, startMosquitto } from "./support/brokers.mjs";

const { connect } = globalThis.mqtt;

const event = (client, name) =>
  new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no ${name} within 5 s`)), 5000);
    client.once(name, (...values) => {
      clearTimeout(timer);
      resolve(values);
    });
  });
const call = (action) => new Promise((resolve, reject) => action((error, ...rest) => (error ? reject(error) : resolve(rest))));

describe("the embedded broker", () => behavesWith(startEmbedded));
describe("Mosquitto", () => behavesWith(startMosquitto));

function behavesWith(start) {
  let broker;
  const clients = [];

  before(async () => {
    installWebSocket();
    broker = await start();
  });
  after(async () => {
    for (const client of clients) client.end(true);
    await broker.close();
  });

  function open(options) {
    const client = connect(broker.url, { reconnectPeriod: 100, ...options });
    clients.push(client);
    return client;
  }

  for (const protocolVersion of [3, 4, 5])
    for (const qos of [0, 1, 2])
      test(`version ${protocolVersion}, QoS ${qos}: a page hears itself`, async () => {
        const client = open({ protocolVersion });
        const topic = `self/${protocolVersion}/${qos}`;
        const [granted] = await call((done) => client.subscribe(topic, { qos }, done));
        assert.deepEqual(granted, [{ topic, qos }]);
        const arrived = event(client, "message");
        await call((done) => client.publish(topic, "grüß dich", { qos }, done));
        const [heard, payload, packet] = await arrived;
        assert.deepEqual([heard, payload.toString(), packet.qos], [topic, "grüß dich", qos]);
        await call((done) => client.end(() => done(null)));
      });

  test("properties travel both ways in 5.0", async () => {
    const client = open({ protocolVersion: 5 });
    client.subscribe("properties", { qos: 1, properties: { subscriptionIdentifier: 7 } });
    const properties = { contentType: "json", correlationData: "id", userProperties: { a: ["1", "2"] } };
    client.publish("properties", "{}", { qos: 1, properties });
    const [, , packet] = await event(client, "message");
    assert.equal(packet.properties.contentType, "json");
    assert.equal(new TextDecoder().decode(packet.properties.correlationData), "id");
    assert.deepEqual(packet.properties.userProperties.a, ["1", "2"]);
    assert.equal(packet.properties.subscriptionIdentifier, 7);
  });

  test("retained messages come with their flag, and go with an empty payload", async () => {
    const client = open();
    await call((done) => client.publish("kept", "now", { qos: 1, retain: true }, done));
    client.subscribe("kept");
    const [, payload, packet] = await event(client, "message");
    assert.deepEqual([payload.toString(), packet.retain], ["now", true]);
    await call((done) => client.publish("kept", "", { qos: 1, retain: true }, done));
  });

  test("the will speaks when the connection is cut, not after a goodbye", async () => {
    const watcher = open();
    await call((done) => watcher.subscribe("will/#", done));
    const heard = [];
    watcher.on("message", (topic) => heard.push(topic));
    const sockets = [];
    const createWebsocket = (url, protocols) => (sockets.push(new WebSocket(url, protocols)), sockets.at(-1));
    const polite = open({ will: { topic: "will/polite", payload: "x" } });
    const cut = open({ will: { topic: "will/cut", payload: "x" }, createWebsocket });
    await Promise.all([event(polite, "connect"), event(cut, "connect")]);
    polite.end();
    sockets[0].terminate?.();
    await event(watcher, "message");
    await new Promise((resolve) => setTimeout(resolve, 100));
    assert.deepEqual(heard, ["will/cut"]);
  });

  test("1,000 messages of QoS 2 arrive once and in order", async () => {
    const client = open({ protocolVersion: 5 });
    client.subscribe("many", { qos: 2 });
    const heard = [];
    const all = new Promise((resolve) =>
      client.on("message", (topic, payload) => heard.push(Number(payload.toString())) === 1000 && resolve()));
    for (let i = 0; i < 1000; i++) client.publish("many", String(i), { qos: 2 });
    await all;
    assert.deepEqual(heard, [...heard.keys()]);
  });

  test("after a restart of the broker the page is back with its subscriptions", async () => {
    const client = open();
    await call((done) => client.subscribe("back", { qos: 1 }, done));
    const offline = event(client, "offline");
    await broker.stop();
    await offline;
    client.publish("back", "said while away", { qos: 1 });
    const [back, message] = [event(client, "connect"), event(client, "message")]; // they may come before start() is over
    await broker.start();
    await back;
    const [, payload] = await message;
    assert.equal(payload.toString(), "said while away");
  });
}
