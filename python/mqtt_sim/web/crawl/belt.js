// The crawl itself. Lines lie on one tilted belt that moves away from the reader; a line enters at the bottom edge when
// the one before has made room. With reduced motion it is a plain list, newest last, at a pace that can be read.
import { formatSkipped } from "./format.js";
import { Backlog, Pace } from "./backlog.js";

const LINES_LIMIT = 48;
const FLAT_LINES_LIMIT = 40;
const FLAT_PERIOD_S = 0.7;
const BASE_SPEED = 46; // pixels a second, at the bottom edge
const GAP_EM = 1.1;
const LONGEST_STEP_S = 0.1; // after a stop the belt goes on, it does not jump

export class Belt {
  isPaused = false;
  #stage;
  #list;
  #backlog = new Backlog();
  #pace;
  #lines = []; // { element, y, height }, oldest first
  #offset = 0;
  #free = 0; // where the next line may begin
  #last = 0;
  #sinceLine = Infinity;
  #isFlat;
  #onShown;

  // onShown(line) is called for each line that enters.
  constructor(stage, list, { speed, isFlat, onShown }) {
    this.#stage = stage;
    this.#list = list;
    this.#pace = new Pace(BASE_SPEED, speed);
    this.#onShown = onShown;
    this.setFlat(isFlat);
    requestAnimationFrame((now) => this.#frame(now));
    new ResizeObserver(() => this.#arrange()).observe(list);
  }

  push(line) {
    this.#backlog.push(line);
  }

  setFlat(isFlat) {
    this.#isFlat = isFlat;
    this.#stage.classList.toggle("flat", isFlat);
    this.#list.replaceChildren();
    this.#list.style.transform = "";
    this.#lines = [];
    this.#free = this.#offset = 0;
  }

  #frame(now) {
    requestAnimationFrame((next) => this.#frame(next));
    const elapsed = Math.min(LONGEST_STEP_S, (now - this.#last) / 1000);
    this.#last = now;
    if (this.isPaused) return;
    if (this.#isFlat) this.#stepFlat(elapsed);
    else this.#step(elapsed);
  }

  #step(elapsed) {
    if (!this.#lines.length && !this.#backlog.waiting) return;
    this.#offset += this.#pace.step(this.#backlog.waiting, elapsed) * elapsed;
    if (this.#backlog.waiting && this.#free <= this.#offset) this.#enter(this.#backlog.next());
    this.#leave();
    this.#list.style.transform = `rotateX(var(--tilt)) translate3d(0, ${-this.#offset}px, 0)`;
  }

  #enter(line) {
    const element = this.#show(line);
    const y = Math.max(this.#free, this.#offset);
    element.style.top = `${y}px`;
    const height = element.offsetHeight;
    this.#lines.push({ element, y, height });
    this.#free = y + height + this.#gap();
  }

  #gap() {
    return GAP_EM * parseFloat(getComputedStyle(this.#list).fontSize);
  }

  // The window has another width and lines have other heights: all keep their order, upwards from the newest.
  #arrange() {
    if (this.#isFlat || !this.#lines.length) return;
    const gap = this.#gap();
    let below = Infinity;
    for (const line of [...this.#lines].reverse()) {
      line.height = line.element.offsetHeight;
      line.y = Math.min(line.y, below - gap - line.height);
      line.element.style.top = `${line.y}px`;
      below = line.y;
    }
    const last = this.#lines.at(-1);
    this.#free = last.y + last.height + gap;
  }

  // Far enough away to be seen no more; and when nothing is left, the belt begins anew with small numbers.
  #leave() {
    const far = this.#stage.clientHeight * 5;
    while (this.#lines.length > LINES_LIMIT || this.#lines[0]?.y + this.#lines[0]?.height < this.#offset - far)
      this.#lines.shift().element.remove();
    if (!this.#lines.length && !this.#backlog.waiting) this.#free = this.#offset = 0;
    if (this.#offset > 50_000) this.#rebase();
  }

  #rebase() {
    const by = this.#offset;
    for (const line of this.#lines) {
      line.y -= by;
      line.element.style.top = `${line.y}px`;
    }
    this.#free -= by;
    this.#offset = 0;
  }

  #stepFlat(elapsed) {
    this.#sinceLine += elapsed;
    if (this.#sinceLine < FLAT_PERIOD_S || !this.#backlog.waiting) return;
    this.#sinceLine = 0;
    this.#show(this.#backlog.next());
    while (this.#list.children.length > FLAT_LINES_LIMIT) this.#list.firstElementChild.remove();
    this.#list.lastElementChild.scrollIntoView({ block: "end" });
  }

  // Always as text, whatever it looks like.
  #show(line) {
    const element = document.createElement("li");
    if (line.skipped) {
      element.className = "skipped";
      element.textContent = formatSkipped(line.skipped);
    } else {
      element.className = line.kind;
      const [speaker, text] = [document.createElement("span"), document.createElement("p")];
      speaker.className = "speaker";
      speaker.textContent = line.speaker;
      text.textContent = line.text;
      element.append(speaker, text);
    }
    this.#list.append(element);
    this.#onShown(line);
    return element;
  }
}
