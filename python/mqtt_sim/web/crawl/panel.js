// The figures at the bottom: rates, the broker's counts, latencies, a minute of history as a line.
import { formatCount, formatLatency, formatRate } from "./format.js";

const SPARK = { width: 120, height: 28 };

export class Panel {
  #view;
  #fields;
  #line;

  constructor(view) {
    this.#view = view;
    this.#fields = [...view.querySelectorAll("[data-figure]")];
    this.#line = view.querySelector("polyline");
  }

  get isBrief() {
    return this.#view.dataset.size === "brief";
  }

  setBrief(isBrief) {
    this.#view.dataset.size = isBrief ? "brief" : "full";
  }

  // Everything as text, once a second.
  show({ page, series, broker, reconnects, recent, whole, run, note }) {
    this.#set("page-rate", formatRate(page));
    this.#set("in-rate", formatRate(broker.in.perSecond));
    this.#set("out-rate", formatRate(broker.out.perSecond));
    this.#set("clients", formatCount(broker.clients));
    this.#set("dropped", formatCount(broker.dropped));
    this.#set("reconnects", formatCount(reconnects));
    this.#latencies("recent", recent);
    this.#latencies("whole", whole);
    this.#latencies("run", run?.latency ?? null);
    this.#set("brief-p99", formatLatency(recent?.p99));
    this.#view.classList.toggle("has-run", Boolean(run?.latency));
    this.#set("note", note);
    this.#draw(series);
  }

  #latencies(name, summary) {
    for (const part of ["p50", "p99", "max"]) this.#set(`${name}-${part}`, formatLatency(summary?.[part]));
  }

  #set(name, text) {
    for (const field of this.#fields)
      if (field.dataset.figure === name && field.textContent !== text) field.textContent = text;
  }

  #draw(series) {
    const most = Math.max(1, ...series);
    const x = (i) => ((i / (series.length - 1)) * SPARK.width).toFixed(1);
    const y = (value) => (SPARK.height - 1 - (value / most) * (SPARK.height - 2)).toFixed(1);
    this.#line.setAttribute("points", series.map((value, i) => `${x(i)},${y(value)}`).join(" "));
  }
}
