// The page: joins the connection, the crawl, the console, the figures and the keyboard. Everything that decides
// something lies in modules without a document; see README.md beside this folder.
import { Belt } from "./belt.js";
import { BrokerFigures } from "./broker_figures.js";
import { Clock } from "./clock.js";
import { Histogram, SlidingHistogram, Tally } from "./figures.js";
import { Link } from "./link.js";
import { readMessage } from "./message.js";
import { readOptions } from "./options.js";
import { Panel } from "./panel.js";
import { RecordTable } from "./record_table.js";
import { drawStars } from "./stars.js";
import { StatsFeed } from "./stats_feed.js";

const PRELUDE_MS = 6200;
const SPOKEN_PERIOD_MS = 4000;
const STATES = { connecting: "connecting", live: "live", offline: "offline", refused: "refused" };

const find = (selector) => document.querySelector(selector);
const options = readOptions(location.search, location.href);
const calm = matchMedia("(prefers-reduced-motion: reduce)");
const narrow = matchMedia("(max-width: 700px)");

const clock = new Clock();
const broker = new BrokerFigures();
const whole = new Histogram();
const recent = new SlidingHistogram(10);
const arrivals = new Tally();
const panel = new Panel(find("#figures"));
const records = new RecordTable(find("#console"));
const belt = new Belt(find("#stage"), find("#crawl"), { speed: options.speed, isFlat: calm.matches, onShown: speak });
let link = null;
let run = null;
let isHistoryShown = options.history === 0;
let spokenAt = -Infinity;
let isForbidden = false;

// ---- messages

function handleMessage(topic, payload, packet) {
  const now = performance.now();
  if (topic.startsWith("$SYS/")) {
    broker.readSys(topic, payload.toString(), now);
    return;
  }
  const wall = Date.now();
  const message = readMessage(topic, payload, packet.properties);
  // A retained message was said at some other time.
  const latency = packet.retain ? null : clock.latency(message, now, wall);
  arrivals.add(now);
  if (latency !== null) {
    whole.record(latency);
    recent.record(latency, now);
  }
  show(topic, message, wall, latency);
}

function show(topic, message, wall, latency) {
  find("#silence").hidden = true;
  belt.push(message);
  records.add({ wall, topic, speaker: message.speaker, text: message.text, latency });
}

function handleStats(stats, asked, answered) {
  if (stats.clock !== null) clock.compare(asked, answered, stats.clock);
  if (stats.broker) broker.readStats(stats.broker, answered);
  run = stats.run;
  setTitle(stats.name);
  if (isHistoryShown) return;
  isHistoryShown = true;
  for (const { topic, payload, at } of stats.history.slice(-options.history))
    show(topic, readMessage(topic, payload), at, null);
}

// For those who listen instead of looking: now and then what is being said, not every line.
function speak(line) {
  const now = performance.now();
  if (line.skipped || now - spokenAt < SPOKEN_PERIOD_MS) return;
  spokenAt = now;
  find("#spoken").textContent = `${line.speaker}: ${line.text}`;
}

// ---- connection

function open(password) {
  const target = { ...options, url: options.url ?? undefined, password };
  link = new Link(globalThis.mqtt, target, { message: handleMessage, state: handleState, credentials: askPassword });
}

function handleState(state, reason) {
  if (isForbidden) return;
  document.body.dataset.state = state;
  find("#state").textContent = STATES[state];
  find("#where").textContent = state === "live" ? `MQTT ${link.version}` : "";
  const notice = find("#notice");
  notice.hidden = state === "live" || state === "connecting";
  notice.textContent = state === "offline" ? "The broker is away. The page comes back by itself." : reason;
  if (state === "offline") broker.forget();
  if (state === "live") {
    clock.reset();
    stats.hurry();
  }
}

function askPassword(reason) {
  const dialog = find("#login");
  find("#login-reason").textContent = reason ?? "";
  find("#login-user").value ||= options.user ?? "";
  if (!dialog.open) dialog.showModal();
  find(find("#login-user").value ? "#login-password" : "#login-user").focus();
}

find("#login form").addEventListener("submit", () => {
  const [user, password] = [find("#login-user").value, find("#login-password").value];
  find("#login-password").value = "";
  if (link) link.logIn(user, password);
  else {
    options.user = user;
    open(password);
  }
});

// ---- what is shown, and how

function setTitle(name) {
  const title = name ?? "mqtt-sim";
  for (const place of document.querySelectorAll("#title, #prelude-title")) place.textContent = title;
  document.title = `${title} · crawl`;
}

const actions = {
  console: () => {
    const isOpen = document.body.classList.toggle("with-console");
    records.setVisible(isOpen);
    press("console", isOpen);
  },
  figures: () => {
    panel.setBrief(!panel.isBrief);
    press("figures", !panel.isBrief);
  },
  pause: () => {
    belt.isPaused = !belt.isPaused;
    document.body.classList.toggle("paused", belt.isPaused);
    press("pause", belt.isPaused);
  },
  keys: () => find("#keys").showModal(),
};

function press(name, isOn) {
  find(`header [data-do=${name}]`).setAttribute("aria-pressed", String(isOn));
}

for (const button of document.querySelectorAll("header [data-do]"))
  button.addEventListener("click", () => actions[button.dataset.do]());

const KEYS = { c: "console", p: "figures", " ": "pause", "?": "keys" };
addEventListener("keydown", (event) => {
  const isTyping = event.target.matches("input, textarea") || document.querySelector("dialog[open]");
  if (event.key === "Escape" && !document.querySelector("dialog[open]") && document.body.classList.contains("with-console"))
    actions.console();
  const action = actions[KEYS[event.key]];
  if (!action || isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === " " && event.target.matches("button")) return;
  event.preventDefault();
  action();
});

// The opening lines; any key or touch ends them.
function openCurtain() {
  const prelude = find("#prelude");
  if (options.isQuiet || calm.matches) {
    prelude.remove();
    return;
  }
  belt.isPaused = true;
  const end = () => {
    if (!prelude.isConnected) return;
    prelude.remove();
    belt.isPaused = document.body.classList.contains("paused");
  };
  setTimeout(end, PRELUDE_MS);
  addEventListener("pointerdown", end, { once: true });
  addEventListener("keydown", end, { once: true });
}

function tick() {
  const now = performance.now();
  panel.show({
    page: arrivals.rate(now),
    series: arrivals.series(now),
    broker,
    reconnects: link?.reconnects ?? 0,
    recent: recent.summary(now),
    whole: whole.summary(),
    run,
    note: clock.note(),
  });
}

calm.addEventListener("change", () => belt.setFlat(calm.matches));
document.addEventListener("securitypolicyviolation", (event) => {
  handleState("refused", `This server's policy lets the page connect to no other place than itself: ${event.blockedURI}`);
  isForbidden = true;
  link?.end();
});

const stats = new StatsFeed("/stats.json", handleStats);
find("#topics").textContent = options.topics.join("  ");
panel.setBrief(narrow.matches);
press("figures", !narrow.matches);
setTitle(null);
drawStars(find("#sky svg"), () => calm.matches || belt.isPaused);
openCurtain();
stats.start();
if (options.user) askPassword();
else open();
setInterval(tick, 1000);
tick();
