// The console view: the last thousand messages as a table, with a filter, a pause and a copy. Rows are written four
// times a second at most, and only while somebody looks.
import { formatLatency, formatTime, UNKNOWN } from "./format.js";

const ROWS_LIMIT = 1000;
const PERIOD_MS = 250;
const COLUMNS = ["time", "topic", "speaker", "text", "latency"];

export class RecordTable {
  #view;
  #body;
  #scroll;
  #count;
  #records = []; // as columns of text, oldest first
  #new = 0; // of them, not yet shown
  #filter = "";
  #isPaused = false;

  constructor(view) {
    this.#view = view;
    this.#body = view.querySelector("tbody");
    this.#scroll = view.querySelector(".scroll");
    this.#count = view.querySelector("output");
    view.querySelector("input").addEventListener("input", (event) => this.#refilter(event.target.value));
    const pause = view.querySelector("[data-do=pause]");
    pause.addEventListener("click", () => this.#pause(pause));
    const copy = view.querySelector("[data-do=copy]");
    copy.addEventListener("click", () => this.#copy(copy));
    setInterval(() => this.#write(), PERIOD_MS);
  }

  add({ wall, topic, speaker, text, latency }) {
    if (this.#isPaused) return;
    this.#records.push([wall, topic, speaker, text, latency]);
    if (this.#records.length > 2 * ROWS_LIMIT) this.#records.splice(0, this.#records.length - ROWS_LIMIT);
    this.#new++;
  }

  setVisible(isVisible) {
    this.#view.hidden = !isVisible;
    if (isVisible) this.#rewrite();
  }

  #write() {
    if (this.#view.hidden || !this.#new) return;
    const isAtEnd = this.#scroll.scrollHeight - this.#scroll.scrollTop - this.#scroll.clientHeight < 40;
    const fresh = this.#records.slice(-Math.min(this.#new, ROWS_LIMIT)).filter((record) => this.#matches(record));
    this.#new = 0;
    // Rows that fall out at the top are written anew for the bottom.
    const surplus = Math.max(0, this.#body.rows.length + fresh.length - ROWS_LIMIT);
    const reused = [...this.#body.rows].slice(0, surplus);
    reused.forEach((row) => row.remove());
    this.#body.append(...fresh.map((record, i) => fill(reused[i] ?? makeRow(), record)));
    this.#tell();
    if (isAtEnd) this.#scroll.scrollTop = this.#scroll.scrollHeight;
  }

  #rewrite() {
    this.#body.replaceChildren();
    this.#new = Math.min(this.#records.length, ROWS_LIMIT);
    if (!this.#new) this.#tell();
    this.#write();
    this.#scroll.scrollTop = this.#scroll.scrollHeight;
  }

  #tell() {
    const rows = this.#body.rows.length;
    this.#count.textContent = `${rows.toLocaleString("en")} ${rows === 1 ? "message" : "messages"}`;
  }

  #matches([, topic, speaker, text]) {
    return !this.#filter || `${topic}\n${speaker}\n${text}`.toLowerCase().includes(this.#filter);
  }

  #refilter(text) {
    this.#filter = text.trim().toLowerCase();
    this.#rewrite();
  }

  #pause(button) {
    this.#isPaused = !this.#isPaused;
    button.setAttribute("aria-pressed", String(this.#isPaused));
    button.textContent = this.#isPaused ? "Resume" : "Pause";
  }

  async #copy(button) {
    const lines = [...this.#body.rows].map((row) => [...row.cells].map((cell) => cell.textContent.replace(/\s+/g, " ")).join("\t"));
    const isDone = await copyText([COLUMNS.join("\t"), ...lines].join("\n"));
    button.textContent = isDone ? "Copied" : "Not allowed";
    setTimeout(() => (button.textContent = "Copy"), 1500);
  }
}

function makeRow() {
  const row = document.createElement("tr");
  for (const column of COLUMNS) row.insertCell().className = column;
  return row;
}

function fill(row, [wall, topic, speaker, text, latency]) {
  const shown = [wall === null ? UNKNOWN : formatTime(wall), topic, speaker, text, formatLatency(latency)];
  shown.forEach((each, i) => (row.cells[i].textContent = each));
  return row;
}

// Pages without TLS on another machine have no clipboard of their own; there the old way still works.
async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = document.createElement("textarea");
    area.value = text;
    document.body.append(area);
    area.select();
    const isDone = document.execCommand("copy");
    area.remove();
    return isDone;
  }
}
