// What both sides remember of each other when a connection is lost [MQTT-4.1.0-1]: requests without their last answer,
// messages of QoS 2 not yet released, and the subscriptions. An entry is a request: { packet, callback }.

export class Session {
  subscriptions = new Map();
  inflight = new Map();
  received = new Set();
  #lastId = 0;

  // Number of published messages on their way, which the server's receive maximum limits.
  published = 0;

  get isFull() {
    return this.inflight.size >= 65535;
  }

  add(entry) {
    do this.#lastId = (this.#lastId % 65535) + 1;
    while (this.inflight.has(this.#lastId)); // [MQTT-2.2.1-2]
    entry.packet.messageId = this.#lastId;
    this.inflight.set(this.#lastId, entry);
    if (entry.packet.cmd === "publish") this.published++;
  }

  // The request of that kind and number, which is over with this.
  finish(id, cmd) {
    const entry = this.inflight.get(id);
    if (entry?.packet.cmd !== cmd) return undefined;
    this.inflight.delete(id);
    if (cmd === "publish") this.published--;
    return entry;
  }

  // Entries to send again, oldest first. Without a session on the other side an earlier half of a QoS 2 exchange is over,
  // and what is sent is sent anew. [MQTT-4.4.0-1]
  resume(isPresent) {
    if (!isPresent) this.received.clear();
    const again = [];
    for (const [id, entry] of [...this.inflight]) {
      if (entry.isRenewal || (entry.isReleased && !isPresent)) this.finish(id, entry.packet.cmd).callback?.(null, entry.packet);
      else again.push(entry);
      if (entry.packet.cmd === "publish") entry.packet.dup = isPresent;
    }
    return again;
  }

  // All requests, which nobody will answer any more.
  abandon() {
    const entries = [...this.inflight.values()];
    this.inflight.clear();
    this.published = 0;
    return entries;
  }
}
