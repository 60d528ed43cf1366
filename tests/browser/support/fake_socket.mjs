// A WebSocket that goes nowhere, and a clock that stands still: what a client under test is given instead of the world.

export const bytes = (text) => Uint8Array.from(text.trim().split(/\s+/).filter(Boolean), (each) => parseInt(each, 16));
export const hex = (data) => [...data].map((byte) => byte.toString(16).padStart(2, "0")).join(" ");

export class FakeSocket {
  bufferedAmount = 0;
  sent = [];
  isClosed = false;

  constructor(url, protocols) {
    this.url = url;
    this.protocols = protocols;
  }

  send(data) {
    this.sent.push(hex(data));
  }

  close() {
    this.isClosed = true;
  }

  // ---- the other side

  open() {
    this.onopen?.({});
  }

  deliver(...packets) {
    for (const packet of packets) this.onmessage?.({ data: bytes(packet).buffer });
  }

  break() {
    this.onclose?.({ code: 1006 });
  }

  // The packets sent since the last call.
  take() {
    return this.sent.splice(0);
  }
}

// Replaces the global timers until restore(); advance() lets time pass and runs what falls due, in order.
export class FakeClock {
  #now = 0;
  #timers = new Map();
  #next = 1;
  #real = { setTimeout: globalThis.setTimeout, clearTimeout: globalThis.clearTimeout };

  constructor() {
    globalThis.setTimeout = (action, delay = 0) => {
      this.#timers.set(this.#next, { at: this.#now + delay, action });
      return this.#next++;
    };
    globalThis.clearTimeout = (id) => this.#timers.delete(id);
  }

  restore() {
    Object.assign(globalThis, this.#real);
  }

  get pending() {
    return this.#timers.size;
  }

  // Real promises settle between two timers.
  async advance(milliseconds) {
    const end = this.#now + milliseconds;
    for (;;) {
      await settle();
      const due = [...this.#timers].filter(([, timer]) => timer.at <= end).sort((a, b) => a[1].at - b[1].at || a[0] - b[0])[0];
      if (!due) break;
      this.#timers.delete(due[0]);
      this.#now = due[1].at;
      due[1].action();
    }
    this.#now = end;
  }
}

export async function settle() {
  for (let i = 0; i < 5; i++) await Promise.resolve();
}
