// What the crawl page decides, without a document: options, messages, queue, pace, clocks, figures.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Backlog, Pace } from "../../python/mqtt_sim/web/crawl/backlog.js";
import { BrokerFigures } from "../../python/mqtt_sim/web/crawl/broker_figures.js";
import { Clock } from "../../python/mqtt_sim/web/crawl/clock.js";
import { Counter, Histogram, SlidingHistogram, Tally } from "../../python/mqtt_sim/web/crawl/figures.js";
import { formatCount, formatLatency, formatRate, formatSkipped, formatTime } from "../../python/mqtt_sim/web/crawl/format.js";
import { readMessage } from "../../python/mqtt_sim/web/crawl/message.js";
import { readOptions } from "../../python/mqtt_sim/web/crawl/options.js";
import { readStampText } from "../../python/mqtt_sim/web/crawl/stamp.js";
import { readStats } from "../../python/mqtt_sim/web/crawl/stats_feed.js";

// req: W-12
const utf8 = (text) => new TextEncoder().encode(text);
const PAGE = "http://box.test:3000/crawl";

// ---- options
// req: W-11 D-10 D-21

for (const [query, expected] of [
  ["", { topics: ["StarWars/#"], url: null, version: null, user: null, speed: 1, history: 0, isQuiet: false }],
  ["?topic=a/%23&topic=b", { topics: ["a/#", "b"] }],
  ["?url=ws://other:9001/mqtt&v=4", { url: "ws://other:9001/mqtt", version: 4 }],
  ["?v=3.1.1", { version: 4 }],
  ["?v=7", { version: null }],
  ["?url=ws://ann:secret@other/", { url: "ws://other/", user: "ann" }],
  ["?password=secret&user=ann", { user: "ann" }],
  ["?speed=100&history=1e9", { speed: 4, history: 200 }],
  ["?speed=fast&history=-3", { speed: 1, history: 0 }],
  ["?diffusion", { url: "/diffusion", version: 5, user: "admin" }],
  ["?mosquitto", { url: "ws://box.test:8080/", version: null, user: null }],
  ["?mosquitto&useDiffusionServer", { url: "ws://box.test:8086/diffusion", version: 5, user: "admin" }],
  ["?diffusion&user=ann&v=4&url=ws://x/", { url: "ws://x/", version: 4, user: "ann" }],
])
  test(`options of "${query}"`, () => {
    const options = readOptions(query, PAGE);
    for (const [name, value] of Object.entries(expected)) assert.deepEqual(options[name], value, name);
    assert.ok(!JSON.stringify(options).includes("secret"));
  });

test("on a secure page the public broker's secure port is meant", () =>
  assert.equal(readOptions("?mosquitto", "https://box.test/crawl").url, "wss://box.test:8081/"));

// ---- messages
// req: W-06

const STAMP = "6d71c253" + "00000001" + "00000002" + "00000003" + "000000003b9aca00" + "000000003b9aca01";

for (const [name, payload, expected] of [
  ["dialogue", '{"character":"OTTO","text":"Who is there?"}', { kind: "dialogue", speaker: "OTTO", text: "Who is there?" }],
  ["dialogue that says nothing", '{"character":"","text":""}', { kind: "dialogue", speaker: "", text: "(empty)" }],
  ["other JSON on one line", '{"type": "t", "value": [1, 2],\n "deep": {"a": null}}', { kind: "json", speaker: "a/b", text: 'type: t · value: [1,2] · deep: {"a":null}' }],
  ["an array", '[1,"x"]', { kind: "json", text: "1, x" }],
  ["JSON cut short", '{"character":"OTTO', { kind: "text", text: '{"character":"OTTO' }],
  ["plain text", "hello <b>world</b>", { kind: "text", speaker: "a/b", text: "hello <b>world</b>" }],
  ["text of several lines", "a\nb", { kind: "text", text: "a\nb" }],
  ["a number", "21.5", { kind: "text", text: "21.5" }],
  ["nothing", "", { kind: "text", text: "(empty)" }],
  ["control characters", "a\u0007b", { kind: "binary", text: "61 07 62 (3 bytes)" }],
])
  test(`message: ${name}`, () => {
    const message = readMessage("a/b", utf8(payload));
    for (const [key, value] of Object.entries(expected)) assert.equal(message[key], value, key);
  });

test("message: bytes are shown in hexadecimal, the first of them", () => {
  const { kind, text } = readMessage("a", Uint8Array.from({ length: 1200 }, () => 0xff));
  assert.equal(kind, "binary");
  assert.equal(text, `${Array(24).fill("ff").join(" ")} … (1,200 bytes)`);
});

test("message: very long text is cut", () => assert.equal(readMessage("a", utf8("x".repeat(5000))).text.length, 1001));

// ---- the stamp, in its three dresses
// req: D-18

test("stamp: in JSON, and no part of what is shown", () => {
  const message = readMessage("a", utf8(`{"type":"t","stamp":"${STAMP}"}`));
  assert.deepEqual(message.stamp, { run: 1, stream: 2, sequence: 3, intended: 1000, sent: 1000.000001 });
  assert.equal(message.text, "type: t");
});

test("stamp: at the end of the payload", () => {
  const raw = Uint8Array.from({ length: 32 }, (_, i) => parseInt(STAMP.slice(2 * i, 2 * i + 2), 16));
  const message = readMessage("a", Uint8Array.from([...utf8("hello"), ...raw]));
  assert.equal(message.text, "hello");
  assert.equal(message.stamp.sequence, 3);
});

test("stamp: as a user property", () =>
  assert.equal(readMessage("a", utf8("x"), { userProperties: { "mqtt-sim-stamp": STAMP } }).stamp.stream, 2));

test("stamp: what only looks like one is content", () => {
  assert.equal(readStampText(STAMP.replace("6d71", "0000")), null);
  assert.equal(readStampText(["x"]), null);
  assert.equal(readMessage("a", utf8('{"stamp":"today"}')).text, "stamp: today");
});

test("time: ISO text of a sender's wall clock", () => {
  const { sentAt, stamp } = readMessage("a", utf8('{"character":"A","text":"b","time":"2026-01-01T00:00:00.000Z"}'));
  assert.deepEqual([sentAt, stamp], [Date.UTC(2026, 0, 1), null]);
});

// ---- clocks

test("clock: compared over the quickest exchange", () => {
  const clock = new Clock();
  clock.compare(100, 140, 5000); // offset 4880 ± 20
  clock.compare(200, 202, 5101); // offset 4900 ± 1
  clock.compare(300, 330, 5300);
  assert.equal(clock.latency({ stamp: { intended: 5200 }, sentAt: null }, 310, 0), 10);
  assert.match(clock.note(), /compared with the server's, ± 1.0 ms/);
});

test("clock: without comparison, against the fastest message", () => {
  const clock = new Clock();
  const latency = (intended, now) => clock.latency({ stamp: { intended }, sentAt: null }, now, 0);
  assert.deepEqual([latency(1000, 50), latency(1010, 62), latency(1020, 68)], [0, 2, 0]);
  assert.match(clock.note(), /fastest/);
});

test("clock: a wall clock is taken at its word, never below zero", () => {
  const clock = new Clock();
  assert.equal(clock.latency({ stamp: null, sentAt: 1000 }, 0, 1030), 30);
  assert.equal(clock.latency({ stamp: null, sentAt: 2000 }, 0, 1030), 0);
  assert.match(clock.note(), /wall clocks/);
});

test("clock: no stamp, no latency; another server, another comparison", () => {
  const clock = new Clock();
  assert.equal(clock.latency({ stamp: null, sentAt: null }, 0, 0), null);
  assert.match(clock.note(), /no message with a stamp/);
  clock.compare(0, 0, 100);
  clock.reset();
  assert.equal(clock.latency({ stamp: { intended: 500 }, sentAt: null }, 7, 0), 0);
});

// ---- the queue
// req: W-04

const drain = (backlog) => {
  const lines = [];
  for (let line = backlog.next(); line !== undefined; line = backlog.next()) lines.push(line.skipped ? `+${line.skipped}` : line);
  return lines;
};

test("backlog: a few lines keep their order", () => {
  const backlog = new Backlog();
  for (let i = 1; i <= 16; i++) backlog.push(i);
  assert.deepEqual(drain(backlog), [...Array(16).keys()].map((i) => i + 1));
});

test("backlog: a burst becomes its beginning, a count and its end", () => {
  const backlog = new Backlog();
  for (let i = 1; i <= 5000; i++) backlog.push(i);
  assert.equal(backlog.waiting, 17);
  const lines = drain(backlog);
  assert.deepEqual(lines, [1, 2, 3, 4, 5, 6, 7, 8, "+4984", 4993, 4994, 4995, 4996, 4997, 4998, 4999, 5000]);
  assert.equal(backlog.waiting, 0);
});

test("backlog: in a lasting flood every line is shown or counted, once", () => {
  const backlog = new Backlog();
  let shown = 0;
  let counted = 0;
  for (let i = 0; i < 10_000; i++) {
    backlog.push(i);
    const line = i % 100 === 0 ? backlog.next() : undefined;
    if (line?.skipped) counted += line.skipped;
    else if (line !== undefined) shown++;
    assert.ok(backlog.waiting <= 17);
  }
  for (const line of drain(backlog)) typeof line === "string" ? (counted += Number(line.slice(1))) : shown++;
  assert.equal(shown + counted, 10_000);
});

test("pace: unhurried alone, faster with a backlog, never beyond its limit, and back", () => {
  const pace = new Pace(50);
  const after = (waiting) => Array.from({ length: 600 }, () => pace.step(waiting, 1 / 60)).at(-1);
  assert.equal(Math.round(after(0)), 50);
  assert.equal(Math.round(after(3)), 110);
  assert.equal(Math.round(after(17)), 325);
  assert.equal(Math.round(after(1)), 50);
  assert.ok(pace.step(17, 1 / 60) < 60); // no jolt
  assert.equal(new Pace(50, 2).base, 100);
});

// ---- figures
// req: W-08

test("histogram: quantiles within 1.1 %, the maximum exact", () => {
  const histogram = new Histogram();
  for (let i = 1; i <= 10_000; i++) histogram.record(i / 100);
  const { p50, p99, max, count } = histogram.summary();
  assert.ok(Math.abs(p50 - 50) / 50 < 0.012, `p50 ${p50}`);
  assert.ok(Math.abs(p99 - 99) / 99 < 0.012, `p99 ${p99}`);
  assert.deepEqual([max, count], [100, 10_000]);
});

test("histogram: nothing, almost nothing, far too much", () => {
  const histogram = new Histogram();
  assert.equal(histogram.summary(), null);
  histogram.record(0);
  assert.equal(histogram.quantile(0.5), 0);
  histogram.record(1e12);
  assert.equal(histogram.max, 1e12);
});

test("histogram: ten seconds slide", () => {
  const sliding = new SlidingHistogram(10);
  for (let second = 0; second < 30; second++) sliding.record(second, second * 1000);
  const { count, max } = sliding.summary(29_900);
  assert.deepEqual([count, max], [10, 29]);
  assert.equal(sliding.summary(50_000), null);
});

test("tally: the last whole second, and a minute of them", () => {
  const tally = new Tally(60);
  for (let i = 0; i < 100; i++) tally.add(5000 + i);
  tally.add(6000);
  assert.equal(tally.rate(6500), 100);
  assert.equal(tally.total, 101);
  const series = tally.series(8100);
  assert.equal(series.length, 59);
  assert.deepEqual(series.slice(-4), [0, 100, 1, 0]);
  assert.equal(tally.rate(70_000), 0);
});

test("counter: a rate from two readings, none over a restart", () => {
  const counter = new Counter();
  counter.read(100, 0);
  assert.equal(counter.perSecond, null);
  counter.read(600, 1000);
  assert.equal(counter.perSecond, 500);
  counter.read(10, 2000);
  assert.equal(counter.perSecond, null);
});

test("broker: $SYS of several brokers, until /stats.json speaks", () => {
  const figures = new BrokerFigures();
  figures.readSys("$SYS/broker/clients/connected", "12", 0);
  figures.readSys("$SYS/broker/publish/messages/received", "1000", 0);
  figures.readSys("$SYS/broker/publish/messages/received", "3000", 10_000);
  figures.readSys("$SYS/broker/publish/messages/dropped", "4", 10_000);
  figures.readSys("$SYS/broker/version", "mosquitto", 10_000);
  assert.deepEqual([figures.clients, figures.in.perSecond, figures.dropped], [12, 200, 4]);
  figures.readSys("$SYS/abc123/publish/received", "3300", 11_000);
  assert.equal(figures.in.perSecond, 300);
  figures.readStats({ clients: 7, messages_in: 5000, messages_out: 0, dropped_slow: 1, dropped_absent: 2 }, 12_000);
  figures.readSys("$SYS/broker/clients/connected", "99", 13_000);
  assert.deepEqual([figures.clients, figures.dropped], [7, 3]);
});

test("stats: what the server says, whatever is missing", () => {
  const run = { phase: "steady", latency_ns: { p50: 1e6, p99: 2e6, max: 3e6 }, lost: 0 };
  const history = [{ topic: "a", payload: "b" }, { topic: "a", payload: "/w==", encoding: "base64", at: 5 }, { payload: 1 }, null];
  const stats = readStats(JSON.stringify({ name: "n", clock_ns: 5e9, broker: { messages_in: 1 }, run, history }));
  assert.deepEqual([stats.name, stats.clock, stats.broker.messages_in], ["n", 5000, 1]);
  assert.deepEqual(stats.run.latency, { p50: 1, p99: 2, max: 3 });
  assert.deepEqual(stats.history.map(({ payload, at }) => [[...payload], at]), [[[98], null], [[255], 5]]);
  const empty = { name: null, clock: null, broker: null, run: null, history: [] };
  assert.deepEqual(readStats("{}"), empty);
  assert.equal(readStats("<html>"), null);
  assert.equal(readStats("[]"), null);
});

test("format: figures as people read them", () => {
  assert.deepEqual([0.0004, 0.42, 3.14159, 31.4159, 314.159, 31415.9].map(formatLatency), ["0 µs", "420 µs", "3.14 ms", "31.4 ms", "314 ms", "31.4 s"]);
  assert.deepEqual([null, 0, 0.5, 9.96, 1234.5].map(formatRate), ["—", "0", "0.5", "10", "1,235"]);
  assert.equal(formatCount(undefined), "—");
  assert.deepEqual([formatSkipped(1), formatSkipped(3120)], ["+1 line", "+3,120 lines"]);
  assert.match(formatTime(Date.UTC(2026, 0, 1, 0, 0, 1, 7)), /^\d\d:\d\d:01\.007$/);
});
