// The page's MQTT client against a fake socket and a clock that stands still.
import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { connect, resolveUrl } from "../../python/mqtt_sim/web/mqtt/connect.js";
import { FakeClock, FakeSocket, settle } from "./support/fake_socket.mjs";

const CONNACK = "20 02 00 00";
const CONNACK_RESUMED = "20 02 01 00";
const CONNACK_V5 = "20 03 00 00 00";

let clock;
let sockets;
let events;
let client;

function start(options = {}) {
  client = connect("ws://broker.test/", {
    clientId: "c",
    createWebsocket: (url, protocols) => {
      sockets.push(new FakeSocket(url, protocols));
      return sockets.at(-1);
    },
    ...options,
  });
  for (const name of ["connect", "reconnect", "close", "offline", "end"]) client.on(name, () => events.push(name));
  client.on("error", (error) => events.push(`error: ${error.message}`));
  client.on("message", (topic, payload, packet) => events.push(`${topic}=${payload}${packet.retain ? " retained" : ""}`));
  return sockets[0];
}

function online(options) {
  const socket = start(options);
  socket.open();
  socket.deliver(client.options.protocolVersion === 5 ? CONNACK_V5 : CONNACK);
  socket.take();
  return socket;
}

beforeEach(() => {
  clock = new FakeClock();
  sockets = [];
  events = [];
});
afterEach(() => clock.restore());

// ---- where to

const PAGE = "http://127.0.0.1:3000/some/page.html?x#y";
// req: B-02
for (const [name, url, options, page, expected] of [
  ["no URL is the page's own server, with its port", undefined, {}, PAGE, "ws://127.0.0.1:3000/"],
  ["no URL on a secure page is wss", undefined, {}, "https://host:3001/", "wss://host:3001/"],
  ["path joins the page's server", undefined, { path: "/mqtt" }, PAGE, "ws://127.0.0.1:3000/mqtt"],
  ["a URL stays as it is", "ws://other:81/x?y=1", { path: "/z" }, PAGE, "ws://other:81/x?y=1"],
  ["http is taken for ws", "https://other/", {}, PAGE, "wss://other/"],
  ["host, port and protocol make a URL", undefined, { host: "h", port: 9001, protocol: "wss" }, undefined, "wss://h:9001/"],
  ["a path alone is a path of the page's server", "/diffusion", {}, PAGE, "ws://127.0.0.1:3000/diffusion"],
])
  test(`address: ${name}`, () => assert.equal(resolveUrl(url, options, page).href.replace("#y", ""), expected));

test("address: raw MQTT is no way out of a page", () => {
  assert.throws(() => resolveUrl("mqtt://host", {}, PAGE), /neither ws: nor wss:/);
  assert.throws(() => resolveUrl(undefined, {}, undefined), /needs a page/);
});

test("address: credentials in the URL travel in CONNECT, not in the upgrade", () => {
  client = connect("ws://u:p%40@h/", { createWebsocket: (url) => (sockets.push(new FakeSocket(url)), sockets[0]) });
  assert.equal(sockets[0].url, "ws://h/");
  assert.deepEqual([client.options.username, client.options.password], ["u", "p@"]);
});

for (const [version, protocol] of [[3, "mqttv3.1"], [4, "mqtt"], [5, "mqtt"]])
  test(`subprotocol of version ${version} is ${protocol} [MQTT-6.0.0-3]`, () =>
    assert.deepEqual(start({ protocolVersion: version }).protocols, [protocol]));

// ---- order

// req: B-03 B-05
test("what is asked before the connection goes out after CONNACK, in order", async () => {
  const socket = start();
  client.subscribe("mqtt/demo");
  client.publish("mqtt/demo", "hello world!");
  client.publish("q1", "x", { qos: 1 });
  assert.deepEqual(socket.take(), []);
  socket.open();
  assert.equal(socket.take().length, 1); // CONNECT alone
  socket.deliver(CONNACK);
  const sent = socket.take().map((packet) => packet.slice(0, 2));
  assert.deepEqual(sent, ["82", "30", "32"]);
  assert.deepEqual(events, ["connect"]);
});

test("messages arrive as bytes that print as text", () => {
  const socket = online();
  socket.deliver("31 05 00 01 61 68 69");
  assert.deepEqual(events, ["connect", "a=hi retained"]);
});

test("a listener that throws stops no other and no packet", async () => {
  const socket = start();
  client.once("connect", () => {
    throw new Error("listener");
  });
  client.on("connect", () => events.push("second"));
  socket.open();
  assert.doesNotThrow(() => socket.deliver(CONNACK + " 30 04 00 01 61 68"));
  assert.deepEqual(events, ["connect", "second", "a=h"]);
  await assert.rejects(clock.advance(0), /listener/);
});

// ---- acknowledgements

test("publish answers by quality of service", async () => {
  const socket = online();
  const done = [];
  for (const qos of [0, 1, 2]) client.publish("a", "x", { qos }, (error) => done.push(error ?? qos));
  await settle();
  assert.deepEqual(done, [0]);
  assert.deepEqual(socket.take(), ["30 04 00 01 61 78", "32 06 00 01 61 00 01 78", "34 06 00 01 61 00 02 78"]);
  socket.deliver("40 02 00 01", "50 02 00 02");
  await settle();
  assert.deepEqual(done, [0, 1]);
  assert.deepEqual(socket.take(), ["62 02 00 02"]);
  socket.deliver("70 02 00 02");
  await settle();
  assert.deepEqual(done, [0, 1, 2]);
});

test("a refused message is an error with its code", async () => {
  const socket = online({ protocolVersion: 5 });
  let failure;
  client.publish("a", "x", { qos: 1 }, (error) => (failure = error));
  socket.deliver("40 03 00 01 87");
  await settle();
  assert.equal(failure.code, 0x87);
  assert.match(failure.message, /not authorized/);
});

test("QoS 2 is delivered once however often it comes [MQTT-4.3.3-10]", () => {
  const socket = online();
  socket.deliver("34 06 00 01 61 00 09 78", "3c 06 00 01 61 00 09 78", "62 02 00 09", "34 06 00 01 61 00 09 79");
  assert.deepEqual(events, ["connect", "a=x", "a=y"]);
  assert.deepEqual(socket.take(), ["50 02 00 09", "50 02 00 09", "70 02 00 09", "50 02 00 09"]);
});

test("QoS 1 is acknowledged [MQTT-4.3.2-4]", () => {
  const socket = online();
  socket.deliver("32 06 00 01 61 00 09 78");
  assert.deepEqual(socket.take(), ["40 02 00 09"]);
});

test("no more than the server's receive maximum is under way [MQTT-3.3.4-9]", () => {
  const socket = start({ protocolVersion: 5 });
  socket.open();
  socket.deliver("20 06 00 00 03 21 00 01");
  socket.take();
  client.publish("a", "1", { qos: 1 });
  client.publish("a", "2", { qos: 1 });
  client.publish("a", "3");
  assert.equal(socket.take().length, 1);
  socket.deliver("40 02 00 01");
  assert.equal(socket.take().length, 2);
});

test("what the server does not take is refused here", async () => {
  const socket = start({ protocolVersion: 5 });
  socket.open();
  socket.deliver("20 0c 00 00 09 24 00 25 00 27 00 00 00 14");
  socket.take();
  const failures = [];
  client.publish("a", "x", { qos: 1 }, (error) => failures.push(error?.message));
  client.publish("a", "x", { retain: true }, (error) => failures.push(error?.message));
  client.publish("a", "x".repeat(20), (error) => failures.push(error?.message));
  await settle();
  assert.deepEqual(failures, ["the server takes no QoS 1", "the server retains nothing", "larger than the server takes"]);
  assert.deepEqual(socket.take(), []);
});

test("topic aliases are resolved when we asked for them", () => {
  const socket = online({ protocolVersion: 5, properties: { topicAliasMaximum: 5 } });
  socket.deliver("30 08 00 01 61 03 23 00 01 78", "30 07 00 00 03 23 00 01 79");
  assert.deepEqual(events, ["connect", "a=x", "a=y"]);
});

// ---- subscriptions

for (const [name, topic, options, expected] of [
  ["one filter", "a", undefined, "82 06 00 01 00 01 61 00"],
  ["one filter with options", "a", { qos: 2 }, "82 06 00 01 00 01 61 02"],
  ["an array", ["a", "b"], { qos: 1 }, "82 0a 00 01 00 01 61 01 00 01 62 01"],
  ["a map of QoS", { a: 0, b: 1 }, undefined, "82 0a 00 01 00 01 61 00 00 01 62 01"],
  ["a map of options", { b: { qos: 1 } }, undefined, "82 06 00 01 00 01 62 01"],
])
  test(`subscribe takes ${name}`, () => {
    const socket = online();
    client.subscribe(topic, options);
    assert.deepEqual(socket.take(), [expected]);
  });

test("subscribe tells what was granted, and what refused", async () => {
  const socket = online();
  let answer;
  client.subscribe(["a", "b"], { qos: 1 }, (error, granted) => (answer = { error: error?.message, granted }));
  socket.deliver("90 04 00 01 01 80");
  await settle();
  const granted = [{ topic: "a", qos: 1 }, { topic: "b", qos: 128 }];
  assert.deepEqual(answer, { error: "b refused: unspecified error", granted });
});

test("unsubscribe is answered, and forgotten filters are not renewed", async () => {
  const socket = online();
  client.subscribe(["a", "b"]);
  socket.deliver("90 04 00 01 00 00");
  let answered = false;
  client.unsubscribe("a", (error) => (answered = error === null));
  socket.deliver("b0 02 00 02");
  await settle();
  assert.ok(answered);
  socket.break();
  await clock.advance(1000);
  sockets[1].open();
  sockets[1].deliver(CONNACK);
  assert.equal(sockets[1].take()[1], "82 06 00 03 00 01 62 00");
});

for (const filter of ["", "a/#/b", "a+", "#a", "a\0"])
  test(`filter ${JSON.stringify(filter)} is refused [MQTT-4.7.1-1]`, async () => {
    online();
    let failure;
    client.subscribe(filter, (error) => (failure = error));
    await settle();
    assert.match(failure.message, /no topic filter/);
  });

for (const topic of ["", "a/+", "#"])
  test(`topic ${JSON.stringify(topic)} is refused [MQTT-3.3.2-2]`, async () => {
    online();
    client.publish(topic, "x");
    await settle();
    assert.match(events.at(-1), /error: .*no topic name/);
  });

test("the queue has a limit with a name", async () => {
  start({ queueLimit: 2 });
  for (let i = 0; i < 3; i++) client.publish("a", "x");
  await settle();
  assert.match(events[0], /queueLimit/);
});

test("a full buffer of the browser holds messages back until it drains", async () => {
  const socket = online();
  socket.bufferedAmount = 5 * 1024 * 1024;
  client.publish("a", "x");
  assert.deepEqual(socket.take(), []);
  socket.bufferedAmount = 0;
  await clock.advance(20);
  assert.equal(socket.take().length, 1);
});

// ---- life

// req: B-04
test("end() in a listener says goodbye once: connect, close, end", async () => {
  const socket = start();
  client.on("message", () => client.end());
  socket.open();
  socket.deliver(CONNACK);
  socket.take();
  socket.deliver("30 04 00 01 61 78");
  await clock.advance(0);
  assert.deepEqual(socket.take(), ["e0 00"]);
  assert.ok(socket.isClosed);
  assert.deepEqual(events, ["connect", "a=x", "close", "end"]);
  await clock.advance(100_000);
  assert.equal(sockets.length, 1);
  assert.equal(clock.pending, 0);
});

test("end() waits for what was asked before, even before the connection", async () => {
  const socket = start();
  const order = [];
  client.publish("a", "x", { qos: 1 }, () => order.push("acknowledged"));
  client.end(() => order.push("ended"));
  await clock.advance(10);
  assert.deepEqual(order, []);
  socket.open();
  socket.deliver(CONNACK);
  await clock.advance(10);
  socket.deliver("40 02 00 01");
  await clock.advance(10);
  assert.deepEqual(order, ["acknowledged", "ended"]);
  assert.equal(socket.take().at(-1), "e0 00");
});

test("end() waits no longer than connectTimeout, end(true) not at all", async () => {
  const failures = [];
  online({ connectTimeout: 500 });
  client.publish("a", "x", { qos: 1 }, (error) => failures.push(error.message));
  client.end();
  await clock.advance(499);
  assert.deepEqual(failures, []);
  await clock.advance(1);
  assert.deepEqual(failures, ["the client has ended"]);
  events.length = 0;
  sockets.length = 0;
  online();
  client.publish("a", "x", { qos: 1 });
  client.end(true);
  await clock.advance(0);
  assert.equal(events.at(-1), "end");
});

test("the broker goes away: offline, close, reconnect, connect", async () => {
  const socket = online();
  socket.break();
  await clock.advance(1000);
  sockets[1].open();
  sockets[1].deliver(CONNACK);
  assert.deepEqual(events, ["connect", "offline", "close", "reconnect", "connect"]);
});

test("nothing listens: offline once, an error for each attempt, one attempt a period", async () => {
  start({ reconnectPeriod: 1000 });
  for (let i = 0; i < 3; i++) {
    sockets.at(-1).break();
    await clock.advance(1000);
  }
  const refused = "error: no connection to ws://broker.test/";
  const again = ["reconnect", refused, "close"];
  assert.deepEqual(events, [refused, "offline", "close", ...again, ...again, "reconnect"]);
});

test("the period grows by the backoff, up to its limit, and is short again after success", async () => {
  start({ reconnectPeriod: 100, reconnectBackoff: 2, reconnectPeriodMax: 300 });
  for (const delay of [100, 200, 300, 300]) {
    const count = sockets.length;
    sockets.at(-1).break();
    await clock.advance(delay - 1);
    assert.equal(sockets.length, count);
    await clock.advance(1);
    assert.equal(sockets.length, count + 1);
  }
  sockets.at(-1).open();
  sockets.at(-1).deliver(CONNACK);
  sockets.at(-1).break();
  const count = sockets.length;
  await clock.advance(100);
  assert.equal(sockets.length, count + 1);
});

test("reconnectPeriod 0 never comes back; reconnect() does", async () => {
  start({ reconnectPeriod: 0 }).break();
  await clock.advance(100_000);
  assert.equal(sockets.length, 1);
  client.reconnect();
  assert.equal(sockets.length, 2);
});

test("silence after the upgrade ends the attempt at connectTimeout", async () => {
  start({ connectTimeout: 3000, reconnectPeriod: 0 }).open();
  await clock.advance(2999);
  assert.deepEqual(events, []);
  await clock.advance(1);
  assert.deepEqual(events, ["error: no answer in time (connectTimeout)", "offline", "close"]);
});

for (const [name, version, connack, message, retries] of [
  ["bad credentials", 4, "20 02 00 04", "bad user name or password", false],
  ["an unknown version", 5, "20 02 00 01", "unsupported protocol version", false],
  ["not authorized, in 5.0", 5, "20 03 00 87 00", "not authorized", false],
  ["a busy server", 5, "20 03 00 89 00", "server busy", true],
  ["a server that is unavailable", 4, "20 02 00 03", "server unavailable", true],
])
  test(`refused for ${name}: ${retries ? "tries again" : "stays away"}`, async () => {
    const socket = start({ protocolVersion: version });
    socket.open();
    socket.deliver(connack);
    assert.deepEqual(events, [`error: connection refused: ${message}`, "offline", "close"]);
    await clock.advance(1000);
    assert.equal(sockets.length, retries ? 2 : 1);
  });

test("a session that somebody else took is not fought for", async () => {
  const socket = online({ protocolVersion: 5 });
  socket.deliver("e0 01 8e");
  await clock.advance(100_000);
  assert.deepEqual(events, ["connect", "offline", "close"]);
});

test("pings after silence, gives up when no answer comes [MQTT-3.1.2-20]", async () => {
  const socket = online({ keepalive: 10, reconnectPeriod: 0 });
  await clock.advance(9_000);
  client.publish("a", "x");
  await clock.advance(9_999);
  assert.deepEqual(socket.take(), ["30 04 00 01 61 78"]);
  await clock.advance(1);
  assert.deepEqual(socket.take(), ["c0 00"]);
  socket.deliver("d0 00");
  await clock.advance(10_000);
  assert.deepEqual(socket.take(), ["c0 00"]);
  client.publish("a", "x"); // what we send proves nothing about the other side
  await clock.advance(10_000);
  assert.deepEqual(events.slice(1), ["error: no answer to a ping (keepalive)", "offline", "close"]);
});

test("the server's keep alive and client identifier are taken over [MQTT-3.2.2-21]", async () => {
  const socket = start({ protocolVersion: 5, clientId: "" });
  socket.open();
  socket.deliver("20 0b 00 00 08 13 00 02 12 00 02 69 64");
  socket.take();
  assert.equal(client.options.clientId, "id");
  await clock.advance(2000);
  assert.deepEqual(socket.take(), ["c0 00"]);
});

// ---- after a reconnection

async function comeBack(connack) {
  sockets.at(-1).break();
  await clock.advance(1000);
  sockets.at(-1).open();
  sockets.at(-1).take();
  sockets.at(-1).deliver(connack);
  return sockets.at(-1).take();
}

test("with a session, what is unanswered goes again in order, marked as such [MQTT-4.4.0-1]", async () => {
  const socket = online({ clean: false });
  client.subscribe("s");
  socket.deliver("90 03 00 01 00");
  client.publish("a", "1", { qos: 1 });
  client.publish("a", "2", { qos: 2 });
  client.publish("a", "3", { qos: 2 });
  socket.deliver("50 02 00 03");
  socket.take();
  assert.deepEqual(await comeBack(CONNACK_RESUMED), ["3a 06 00 01 61 00 02 31", "62 02 00 03", "3c 06 00 01 61 00 04 33"]);
});

test("without a session, subscriptions are renewed first and messages go as new ones", async () => {
  const socket = online();
  const done = [];
  client.subscribe("s", { qos: 1 });
  socket.deliver("90 03 00 01 01");
  client.publish("a", "1", { qos: 1 });
  client.publish("a", "2", { qos: 2 }, () => done.push("released before"));
  socket.deliver("50 02 00 03");
  assert.deepEqual(await comeBack(CONNACK), ["82 06 00 04 00 01 73 01", "32 06 00 01 61 00 02 31"]);
  await settle();
  assert.deepEqual(done, ["released before"]);
});

test("what was asked while away goes after what was renewed", async () => {
  const socket = online();
  client.subscribe("s");
  socket.deliver("90 03 00 01 00");
  socket.break();
  client.publish("a", "x");
  await clock.advance(1000);
  sockets[1].open();
  sockets[1].take();
  sockets[1].deliver(CONNACK);
  assert.deepEqual(sockets[1].take(), ["82 06 00 02 00 01 73 00", "30 04 00 01 61 78"]);
});

// ---- a server that errs

for (const [name, packet, code] of [
  ["anything before CONNACK [MQTT-3.2.0-1]", "d0 00", null],
  ["a second CONNACK [MQTT-3.2.0-2]", `${CONNACK_V5} ${CONNACK_V5}`, "82"],
  ["a malformed packet", `${CONNACK_V5} 36 05 00 01 61 00 01`, "81"],
  ["a topic alias nobody allowed", `${CONNACK_V5} 30 08 00 01 61 03 23 00 01 78`, "94"],
])
  test(`the connection ends at ${name}`, () => {
    const socket = start({ protocolVersion: 5, reconnectPeriod: 0 });
    socket.open();
    socket.take();
    socket.deliver(packet);
    assert.deepEqual(socket.take(), code ? [`e0 01 ${code}`] : []);
    assert.ok(socket.isClosed);
    assert.equal(events.at(-1), "close");
  });

test("the connection ends at a text frame [MQTT-6.0.0-1]", () => {
  const socket = online({ reconnectPeriod: 0 });
  socket.onmessage({ data: "hello" });
  assert.deepEqual(events, ["connect", "error: a text frame", "offline", "close"]);
});

test("an address that the browser refuses is an error like any other", async () => {
  start({
    reconnectPeriod: 0,
    createWebsocket: () => {
      throw new Error("refused by policy");
    },
  });
  await clock.advance(0);
  assert.deepEqual(events, ["error: refused by policy", "offline", "close"]);
});
