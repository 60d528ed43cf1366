// Lines that wait to enter the crawl. At most `ready` lines follow each other without a gap; what comes meanwhile waits
// behind them, only the newest of it, and the rest becomes one line that counts: "+312 lines". So the crawl always shows
// whole passages, in order, not far behind, and each gap stands where it is.

const READY_LIMIT = 8;
const BEHIND_LIMIT = 8;

export class Backlog {
  #ready = [];
  #behind = [];
  #skipped = 0;

  push(line) {
    if (!this.#behind.length && this.#ready.length < READY_LIMIT) {
      this.#ready.push(line);
      return;
    }
    this.#behind.push(line);
    if (this.#behind.length > BEHIND_LIMIT) {
      this.#behind.shift();
      this.#skipped++;
    }
  }

  // How many lines wait, the counted ones as one: between 0 and 17.
  get waiting() {
    return this.#ready.length + this.#behind.length + (this.#skipped ? 1 : 0);
  }

  // The next line, or { skipped: n }, or undefined.
  next() {
    if (!this.#ready.length && this.#skipped) {
      const counted = { skipped: this.#skipped };
      this.#skipped = 0;
      this.#promote();
      return counted;
    }
    if (!this.#ready.length) this.#promote();
    return this.#ready.shift();
  }

  #promote() {
    this.#ready = this.#behind;
    this.#behind = [];
  }
}

// How fast the crawl moves: unhurried when nothing waits, up to six and a half times that; changes take about a second.
export class Pace {
  #speed;

  constructor(base, factor = 1) {
    this.base = base * factor;
    this.#speed = this.base;
  }

  // Pixels a second, after `elapsed` seconds with so many lines waiting.
  step(waiting, elapsed) {
    const wanted = this.base * Math.min(6.5, 1 + Math.max(0, waiting - 1) * 0.6);
    this.#speed += (wanted - this.#speed) * (1 - Math.exp(-elapsed / 0.8));
    return this.#speed;
  }
}
