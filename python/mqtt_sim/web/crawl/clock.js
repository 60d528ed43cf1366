// How long a message was under way, although sender and page have clocks of their own. The server's clock is compared
// with ours whenever /stats.json is read; the exchange that took least time says it best. Without a comparison, messages
// are measured against the fastest one seen. All instants in milliseconds; `now` is performance.now().

const KEPT_COMPARISONS = 10;

export class Clock {
  #comparisons = [];
  #fastest = Infinity;
  #source = "none";

  // We asked at `asked`, the server's clock read `remote`, the answer was here at `answered`.
  compare(asked, answered, remote) {
    this.#comparisons.push({ offset: remote - (asked + answered) / 2, error: (answered - asked) / 2 });
    if (this.#comparisons.length > KEPT_COMPARISONS) this.#comparisons.shift();
  }

  // Another server, another clock.
  reset() {
    this.#comparisons = [];
    this.#fastest = Infinity;
  }

  // Milliseconds since the message was meant to leave, or null. `wall` is Date.now().
  latency({ stamp, sentAt }, now, wall) {
    if (stamp) return this.#stamped(stamp.intended, now);
    if (sentAt === null) return null;
    this.#source = "wall";
    return Math.max(0, wall - sentAt);
  }

  #stamped(intended, now) {
    const best = this.#best();
    if (best) {
      this.#source = "compared";
      return Math.max(0, now + best.offset - intended);
    }
    this.#source = "fastest";
    const apparent = now - intended;
    this.#fastest = Math.min(this.#fastest, apparent);
    return apparent - this.#fastest;
  }

  #best() {
    return this.#comparisons.reduce((best, each) => (!best || each.error < best.error ? each : best), null);
  }

  // What a reader of the figures must know about them.
  note() {
    if (this.#source === "compared") return `clocks compared with the server's, ± ${this.#best()?.error.toFixed(1) ?? "?"} ms`;
    if (this.#source === "fastest") return "above the fastest message: the clocks could not be compared";
    if (this.#source === "wall") return "by the senders' wall clocks, as far as they are right";
    return "no message with a stamp yet";
  }
}
