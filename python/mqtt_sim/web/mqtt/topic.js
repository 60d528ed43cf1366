// What may name a topic, and what may select topics; and the ways in which callers of subscribe() write filters.

const TEXT_LIMIT = 65535;

function isText(value) {
  return typeof value === "string" && value !== "" && !value.includes("\0") && value.length <= TEXT_LIMIT;
}

export function isTopicName(topic) {
  return isText(topic) && !/[+#]/.test(topic);
}

export function isTopicFilter(filter) {
  if (!isText(filter)) return false;
  const levels = filter.split("/");
  return levels.every((level, i) =>
    level === "+" || (level === "#" && i === levels.length - 1) || !/[+#]/.test(level)); // [MQTT-4.7.1-1] [MQTT-4.7.1-2]
}

// What is wrong with filters of a request, if something is.
export function filterProblem(filters) {
  const wrong = filters.find((each) => !isTopicFilter(each));
  if (filters.length && wrong === undefined) return undefined;
  return new Error(filters.length ? `"${wrong}" is no topic filter` : "no topic filter");
}

// One filter, an array of them, or an object whose values are a quality of service or options of their own.
export function toSubscriptions(topic, options = {}) {
  const { qos = 0, nl = false, rap = false, rh = 0 } = options;
  const common = { qos, nl, rap, rh };
  if (typeof topic === "string") return [{ topic, ...common }];
  if (Array.isArray(topic)) return topic.map((each) => ({ topic: each, ...common }));
  return Object.entries(topic ?? {}).map(([each, own]) =>
    ({ topic: each, ...common, ...(typeof own === "number" ? { qos: own } : own) }));
}
