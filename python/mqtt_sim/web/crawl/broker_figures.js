// The broker's own counts, from whichever source speaks: /stats.json, or the $SYS topics that brokers publish
// ($SYS/broker/... of Mosquitto, $SYS/<id>/... of others). While /stats.json answers, $SYS is not looked at.
import { Counter } from "./figures.js";

const SYS_TOPICS = {
  "clients/connected": "clients",
  "publish/messages/received": "messages_in",
  "publish/received": "messages_in",
  "publish/messages/sent": "messages_out",
  "publish/sent": "messages_out",
  "publish/messages/dropped": "dropped",
};
const STATS_VALID_MS = 5000;

export class BrokerFigures {
  clients = null;
  dropped = null;
  in = new Counter();
  out = new Counter();
  #statsAt = -Infinity;

  // The broker is away: what it had says nothing any more.
  forget() {
    this.clients = this.dropped = null;
    this.in = new Counter();
    this.out = new Counter();
  }

  // `broker` as in /stats.json.
  readStats(broker, now) {
    this.#statsAt = now;
    const drops = Object.entries(broker).filter(([name]) => name.startsWith("dropped"));
    this.#take({ ...broker, dropped: drops.reduce((sum, [, count]) => sum + count, 0) }, now);
  }

  readSys(topic, payload, now) {
    const name = SYS_TOPICS[topic.split("/").slice(2).join("/")];
    const value = parseFloat(payload);
    if (name && Number.isFinite(value) && now - this.#statsAt > STATS_VALID_MS) this.#take({ [name]: value }, now);
  }

  #take({ clients, messages_in, messages_out, dropped }, now) {
    if (clients !== undefined) this.clients = clients;
    if (dropped !== undefined) this.dropped = dropped;
    if (messages_in !== undefined) this.in.read(messages_in, now);
    if (messages_out !== undefined) this.out.read(messages_out, now);
  }
}
