// connect(url?, options?): where to, by which defaults. Without a URL: to the server the page came from.
import { Client } from "./client.js";

const DEFAULTS = {
  protocolVersion: 4,
  keepalive: 60,
  clean: true,
  connectTimeout: 30_000,
  reconnectPeriod: 1000, // 0: never again
  reconnectBackoff: 1, // factor from one attempt to the next
  reconnectPeriodMax: 60_000,
  resubscribe: true,
  queueLimit: 65_535,
};

export function connect(url, options) {
  if (url && typeof url === "object" && !(url instanceof URL)) [url, options] = [undefined, url];
  const given = { ...DEFAULTS, clientId: `mqttsim_${Math.random().toString(36).slice(2)}`, ...options };
  const target = resolveUrl(url, given, globalThis.location?.href);
  given.username ??= target.username ? decodeURIComponent(target.username) : undefined;
  given.password ??= target.password ? decodeURIComponent(target.password) : undefined;
  target.username = target.password = target.hash = "";
  return new Client({ ...given, url: target.href });
}

// A ws or wss URL; `page` is the address of the page, if there is one.
export function resolveUrl(url, { host, hostname, port, protocol, path }, page) {
  const scheme = (protocol ?? (page?.startsWith("https:") ? "wss" : "ws")).replace(/:?$/, ":");
  const name = hostname ?? host;
  const written = url ?? (name ? `${scheme}//${name}${port ? `:${port}` : ""}/` : "/");
  let target;
  try {
    target = new URL(written, page);
  } catch {
    throw new Error(`"${written}" is no URL, or it needs a page to start from`);
  }
  const secure = { "ws:": "ws:", "wss:": "wss:", "http:": "ws:", "https:": "wss:" }[target.protocol];
  if (!secure) throw new Error(`${target.protocol} is neither ws: nor wss:`);
  if (path && target.pathname === "/") target.pathname = path;
  target.protocol = secure;
  return target;
}
