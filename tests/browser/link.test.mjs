// The crawl page's connection: versions, credentials, states. With the real client over fake sockets.
import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { Link } from "../../python/mqtt_sim/web/crawl/link.js";
import { connect } from "../../python/mqtt_sim/web/mqtt/connect.js";
import { FakeClock, FakeSocket } from "./support/fake_socket.mjs";

// req: W-02
let clock;
let sockets;
let states;
let asked;

beforeEach(() => {
  clock = new FakeClock();
  [sockets, states, asked] = [[], [], []];
});
afterEach(() => clock.restore());

function makeLink(options = {}) {
  const createWebsocket = (url, protocols) => (sockets.push(new FakeSocket(url, protocols)), sockets.at(-1));
  const mqtt = { connect: (url, given) => connect(url, { ...given, createWebsocket }) };
  const target = { url: "ws://broker.test/", version: null, user: null, topics: ["a/#"], ...options };
  return new Link(mqtt, target, {
    message: () => {},
    state: (state) => states.push(state),
    credentials: (reason) => asked.push(reason),
  });
}

const version = (socket) => socket.take()[0].split(" ")[8];

test("speaks 5.0, asks for the topics and for $SYS, and is live", () => {
  const link = makeLink();
  sockets[0].open();
  assert.equal(version(sockets[0]), "05");
  sockets[0].deliver("20 03 00 00 00");
  assert.deepEqual(states, ["live"]);
  assert.equal(link.version, "5.0");
  assert.equal(sockets[0].take()[0], "82 12 00 01 00 00 03 61 2f 23 00 00 06 24 53 59 53 2f 23 00");
});

test("falls back to 3.1.1 when 5.0 is refused", async () => {
  const link = makeLink();
  sockets[0].open();
  sockets[0].deliver("20 02 00 01");
  await clock.advance(1);
  assert.deepEqual(states, []);
  sockets[1].open();
  assert.equal(version(sockets[1]), "04");
  sockets[1].deliver("20 02 00 00");
  assert.deepEqual([states, link.version], [["live"], "3.1.1"]);
});

test("falls back to 3.1.1 when a greeting in 5.0 is hung up on", async () => {
  makeLink();
  sockets[0].open();
  sockets[0].break();
  await clock.advance(500);
  sockets[1].open();
  assert.equal(version(sockets[1]), "04");
});

test("a version that was asked for is kept", async () => {
  makeLink({ version: 5 });
  sockets[0].open();
  sockets[0].deliver("20 02 00 01");
  await clock.advance(60_000);
  assert.deepEqual([states, sockets.length], [["refused"], 1]);
});

test("a broker that is away makes the page offline, then live again, and counts it", async () => {
  const link = makeLink();
  sockets[0].open();
  sockets[0].deliver("20 03 00 00 00");
  sockets[0].break();
  await clock.advance(500);
  sockets[1].break();
  await clock.advance(750);
  sockets[2].open();
  sockets[2].deliver("20 03 00 00 00");
  assert.deepEqual(states, ["live", "offline", "offline", "live"]);
  assert.equal(link.reconnects, 1);
});

test("wrong credentials are asked for again, and tried", async () => {
  const link = makeLink({ user: "ann", password: "wrong" });
  sockets[0].open();
  sockets[0].deliver("20 03 00 86 00");
  assert.deepEqual([states, asked], [["refused"], ["connection refused: bad user name or password"]]);
  await clock.advance(60_000);
  assert.equal(sockets.length, 1);
  link.logIn("ann", "right");
  sockets[1].open();
  assert.ok(sockets[1].take()[0].endsWith("72 69 67 68 74"));
  sockets[1].deliver("20 03 00 00 00");
  assert.deepEqual(states, ["refused", "connecting", "live"]);
});

test("$SYS may be refused, the topics may not", async () => {
  makeLink();
  sockets[0].open();
  sockets[0].deliver("20 03 00 00 00", "90 05 00 01 00 00 87");
  await clock.advance(0);
  assert.deepEqual(states, ["live"]);
  makeLink();
  sockets[1].open();
  sockets[1].deliver("20 03 00 00 00", "90 05 00 01 00 87 87");
  await clock.advance(0);
  assert.deepEqual(states, ["live", "live", "refused"]);
});
