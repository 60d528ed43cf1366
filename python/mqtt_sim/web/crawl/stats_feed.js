// Reads /stats.json once a second. What it holds, every member optional:
//   {
//     "name": "episode4",            the scenario's title, or null
//     "clock_ns": 123456789,         the server's monotonic clock when it answered: the clock of the stamps
//     "broker": {                    counts since its start, as `Broker.stats()` has them
//       "connections", "clients", "messages_in", "messages_out", "dropped_slow", "dropped_queue_full", ... },
//     "run": null | {                the run in progress, or the last one
//       "phase": "steady", "elapsed_s": 12.5, "sent_per_s": 1000, "received_per_s": 4000,
//       "latency_ns": { "p50", "p99", "max" },        of the whole run, as its report will say
//       "lost": 0 },                                  once it is over
//     "history": [                   the last messages, oldest first
//       { "topic", "payload", "encoding": "base64" (absent: the payload is text), "at": epoch ms } ]
//   }
// Anything else than such an object, 404 for one, means that this server has no figures; it is asked again later.

const PERIOD_MS = 1000;
const PERIOD_WITHOUT_MS = 15_000;

export class StatsFeed {
  #onStats;
  #url;
  #timer = 0;

  // onStats(stats, asked, answered): the object, and performance.now() before and after.
  constructor(url, onStats) {
    this.#url = url;
    this.#onStats = onStats;
  }

  start() {
    this.#read();
  }

  // The server is back: what it did not have before it may have now.
  hurry() {
    clearTimeout(this.#timer);
    this.#read();
  }

  async #read() {
    const found = document.hidden ? true : await this.#ask().finally(() => clearTimeout(this.#timer));
    this.#timer = setTimeout(() => this.#read(), found ? PERIOD_MS : PERIOD_WITHOUT_MS);
  }

  async #ask() {
    const asked = performance.now();
    const answer = await fetch(this.#url, { cache: "no-store", signal: AbortSignal.timeout(5000) }).catch(() => null);
    const answered = performance.now();
    const stats = answer?.ok ? readStats(await answer.text().catch(() => "")) : null;
    if (stats) this.#onStats(stats, ...(takeTiming(answer.url) ?? [asked, answered]));
    return stats !== null;
  }
}

// When the request left and its answer began, as the browser's network side saw it: a busy page sees it later.
function takeTiming(url) {
  const entry = performance.getEntriesByName(url, "resource").at(-1);
  performance.clearResourceTimings();
  return entry?.responseStart ? [entry.requestStart, entry.responseStart] : null;
}

// The object with every member in place, or null when the text is no such thing.
export function readStats(text) {
  let given;
  try {
    given = JSON.parse(text);
  } catch {
    return null;
  }
  if (typeof given !== "object" || given === null || Array.isArray(given)) return null;
  return {
    name: typeof given.name === "string" ? given.name : null,
    clock: Number.isFinite(given.clock_ns) ? given.clock_ns / 1e6 : null,
    broker: Number.isFinite(given.broker?.messages_in) ? given.broker : null,
    run: typeof given.run === "object" && given.run ? readRun(given.run) : null,
    history: Array.isArray(given.history) ? given.history.map(readPast).filter(Boolean) : [],
  };
}

function readRun(run) {
  const inMs = (ns) => (ns && Number.isFinite(ns.p50) ? { p50: ns.p50 / 1e6, p99: ns.p99 / 1e6, max: ns.max / 1e6 } : null);
  return {
    phase: String(run.phase ?? ""),
    sentPerS: run.sent_per_s ?? null,
    receivedPerS: run.received_per_s ?? null,
    lost: run.lost ?? null,
    latency: inMs(run.latency_ns),
  };
}

function readPast(past) {
  const { topic, payload, encoding, at } = past ?? {};
  if (typeof topic !== "string" || typeof payload !== "string") return null;
  try {
    const bytes =
      encoding === "base64"
        ? Uint8Array.from(atob(payload), (letter) => letter.charCodeAt(0))
        : new TextEncoder().encode(payload);
    return { topic, payload: bytes, at: Number.isFinite(at) ? at : null };
  } catch {
    return null;
  }
}
