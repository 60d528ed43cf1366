// Numbers and times as people read them. What is not known is an em dash.

export const UNKNOWN = "—";

export function formatCount(value) {
  return value === null || value === undefined ? UNKNOWN : Math.round(value).toLocaleString("en");
}

export function formatRate(value) {
  if (value === null || value === undefined) return UNKNOWN;
  return value > 0 && value < 10 ? value.toFixed(1).replace(/\.0$/, "") : formatCount(value);
}

// Milliseconds in three digits or so, with a unit that fits.
export function formatLatency(milliseconds) {
  if (milliseconds === null || milliseconds === undefined) return UNKNOWN;
  if (milliseconds < 1) return `${Math.round(milliseconds * 1000)} µs`;
  if (milliseconds < 1000) return `${digits(milliseconds)} ms`;
  return `${digits(milliseconds / 1000)} s`;
}

function digits(value) {
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);
}

// Time of day in the page's zone, to the millisecond.
export function formatTime(wall) {
  const at = new Date(wall);
  const part = (value, size = 2) => String(value).padStart(size, "0");
  return `${part(at.getHours())}:${part(at.getMinutes())}:${part(at.getSeconds())}.${part(at.getMilliseconds(), 3)}`;
}

export function formatSkipped(count) {
  return `+${formatCount(count)} ${count === 1 ? "line" : "lines"}`;
}
