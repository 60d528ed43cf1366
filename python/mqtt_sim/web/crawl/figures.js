// Counting: distributions, their last ten seconds, rates by the second. Fixed memory, however much is counted.

const STEPS_PER_OCTAVE = 32; // a bucket is 2.2 % wide
const BUCKETS = 32 * STEPS_PER_OCTAVE;

// Values are milliseconds, told apart from 1 microsecond to more than an hour.
export class Histogram {
  count = 0;
  max = 0;
  #counts = new Uint32Array(BUCKETS);

  record(value) {
    this.#counts[bucketOf(value)]++;
    this.count++;
    this.max = Math.max(this.max, value);
  }

  add(other) {
    for (let i = 0; i < BUCKETS; i++) this.#counts[i] += other.#counts[i];
    this.count += other.count;
    this.max = Math.max(this.max, other.max);
  }

  clear() {
    this.#counts.fill(0);
    this.count = this.max = 0;
  }

  // The value that a share of all does not exceed, within 1.1 %; null when there is none.
  quantile(share) {
    if (!this.count) return null;
    const wanted = Math.max(1, Math.ceil(share * this.count));
    for (let i = 0, seen = 0; i < BUCKETS; i++) {
      seen += this.#counts[i];
      if (seen >= wanted) return Math.min(valueOf(i), this.max);
    }
    return this.max;
  }

  summary() {
    return this.count ? { p50: this.quantile(0.5), p99: this.quantile(0.99), max: this.max, count: this.count } : null;
  }
}

function bucketOf(milliseconds) {
  const microseconds = milliseconds * 1000;
  if (!(microseconds > 1)) return 0;
  return Math.min(BUCKETS - 1, 1 + Math.floor(Math.log2(microseconds) * STEPS_PER_OCTAVE));
}

function valueOf(bucket) {
  return bucket === 0 ? 0.001 : 2 ** ((bucket - 0.5) / STEPS_PER_OCTAVE) / 1000;
}

// The distribution of the last seconds, in slots of one second.
export class SlidingHistogram {
  #slots;

  constructor(seconds = 10) {
    this.#slots = Array.from({ length: seconds }, () => ({ second: -Infinity, histogram: new Histogram() }));
  }

  record(value, now) {
    const second = Math.floor(now / 1000);
    const slot = this.#slots[second % this.#slots.length];
    if (slot.second !== second) {
      slot.histogram.clear();
      slot.second = second;
    }
    slot.histogram.record(value);
  }

  summary(now) {
    const oldest = Math.floor(now / 1000) - this.#slots.length;
    const whole = new Histogram();
    for (const { second, histogram } of this.#slots) if (second > oldest) whole.add(histogram);
    return whole.summary();
  }
}

// Events by the second, for the last minute.
export class Tally {
  total = 0;
  #seconds;
  #counts;

  constructor(seconds = 60) {
    this.#seconds = new Float64Array(seconds).fill(-1);
    this.#counts = new Uint32Array(seconds);
  }

  add(now, count = 1) {
    const second = Math.floor(now / 1000);
    const slot = second % this.#counts.length;
    if (this.#seconds[slot] !== second) {
      this.#seconds[slot] = second;
      this.#counts[slot] = 0;
    }
    this.#counts[slot] += count;
    this.total += count;
  }

  #of(second) {
    const slot = second % this.#counts.length;
    return second >= 0 && this.#seconds[slot] === second ? this.#counts[slot] : 0;
  }

  // The last whole second's count.
  rate(now) {
    return this.#of(Math.floor(now / 1000) - 1);
  }

  // Whole seconds, oldest first.
  series(now) {
    const last = Math.floor(now / 1000) - 1;
    return Array.from({ length: this.#counts.length - 1 }, (_, i) => this.#of(last - this.#counts.length + 2 + i));
  }
}

// A growing counter of somebody else's, read now and then.
export class Counter {
  value = null;
  perSecond = null;
  #at = 0;

  read(value, now) {
    const elapsed = (now - this.#at) / 1000;
    if (this.value !== null && elapsed < 0.2) return;
    // A smaller number than before: it was started anew.
    this.perSecond = this.value !== null && value >= this.value ? (value - this.value) / elapsed : null;
    this.value = value;
    this.#at = now;
  }
}
