// What the page's address asks for:
//   topic    filter, may be given several times; default StarWars/#
//   url      another broker's WebSocket address
//   v        protocol version 4 or 5, or 3.1.1; default 5, then 4 when the broker does not know it
//   user     user name; the password is asked for, never read from an address
//   speed    factor of the crawl's speed, 0.25 to 4
//   history  so many of the last messages before ours, from /stats.json
//   quiet    without the opening lines
// and three names for servers: `diffusion`, `mosquitto`, `useDiffusionServer`. What is given by itself goes before them.

const VERSIONS = { 3: 4, 4: 4, 5: 5, "3.1.1": 4, "5.0": 5 };
const HISTORY_LIMIT = 200;

export function readOptions(query, page) {
  const given = new URLSearchParams(query);
  const preset = readPreset(given, new URL(page));
  const { url, user } = splitUrl(given.get("url"), page);
  const topics = given.getAll("topic").filter(Boolean);
  return {
    topics: topics.length ? topics : ["StarWars/#"],
    url: url ?? preset.url ?? null,
    version: VERSIONS[given.get("v")] ?? preset.version ?? null,
    user: given.get("user") ?? user ?? preset.user ?? null,
    speed: bounded(given.get("speed"), 1, 0.25, 4),
    history: Math.floor(bounded(given.get("history"), 0, 0, HISTORY_LIMIT)),
    isQuiet: given.has("quiet"),
  };
}

// The public Mosquitto's WebSocket ports, and the connector's port and path, on the host of the page.
function readPreset(given, { protocol, hostname }) {
  const isSecure = protocol === "https:";
  const on = (port, path) => `${isSecure ? "wss" : "ws"}://${hostname}:${port}${path}`;
  if (given.has("useDiffusionServer")) return { url: on(8086, "/diffusion"), version: 5, user: "admin" };
  if (given.has("mosquitto")) return { url: on(isSecure ? 8081 : 8080, "/") };
  if (given.has("diffusion")) return { url: "/diffusion", version: 5, user: "admin" };
  return {};
}

// An address that holds credentials keeps its user name only.
function splitUrl(url, page) {
  if (!url) return {};
  try {
    const target = new URL(url, page);
    const user = target.username ? decodeURIComponent(target.username) : undefined;
    target.username = target.password = "";
    return { url: target.href, user };
  } catch {
    return { url };
  }
}

function bounded(text, otherwise, least, most) {
  const value = Number(text);
  return text === null || text === "" || Number.isNaN(value) ? otherwise : Math.min(most, Math.max(least, value));
}
