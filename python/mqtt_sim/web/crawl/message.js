// What a message says: from any payload to a speaker and a text. Nothing here throws, whatever was published.
import { readStampText, readTrailer, STAMP_PROPERTY, STAMP_SIZE } from "./stamp.js";

const decoder = new TextDecoder("utf-8", { fatal: true });
const CONTROL = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/;
const TEXT_LIMIT = 1000;
const HEX_BYTES = 24;

// { kind: "dialogue" | "json" | "text" | "binary", speaker, text, stamp, sentAt }. Messages without a speaker are given
// their topic for one. `stamp` as readStamp() gives it, or null; `sentAt` from a member "time", wall clock ms, or null.
export function readMessage(topic, payload, properties) {
  const trailer = readTrailer(payload);
  const bytes = trailer ? payload.subarray(0, payload.length - STAMP_SIZE) : payload;
  const outer = trailer ?? readStampText(properties?.userProperties?.[STAMP_PROPERTY]);
  const said = readBody(topic, bytes);
  return { ...said, text: shorten(said.text || "(empty)"), stamp: outer ?? said.stamp ?? null, sentAt: said.sentAt ?? null };
}

function readBody(topic, bytes) {
  const text = readText(bytes);
  if (text === null) return { kind: "binary", speaker: topic, text: hexPreview(bytes) };
  if (/^\s*[{[]/.test(text)) {
    try {
      return readJson(topic, JSON.parse(text));
    } catch {
      // Looks like JSON and is not: then it is text.
    }
  }
  return { kind: "text", speaker: topic, text };
}

function readText(bytes) {
  try {
    const text = decoder.decode(bytes);
    return CONTROL.test(text) ? null : text;
  } catch {
    return null;
  }
}

function readJson(topic, value) {
  const stamp = readStampText(value.stamp);
  const time = typeof value.time === "string" ? Date.parse(value.time) : NaN;
  const sentAt = Number.isNaN(time) ? null : time;
  if (typeof value.character === "string" && typeof value.text === "string")
    return { kind: "dialogue", speaker: value.character, text: value.text, stamp, sentAt };
  return { kind: "json", speaker: topic, text: oneLine(value, stamp), stamp, sentAt };
}

// An object's members as "name: value", an array's values, on one line; the stamp is no content.
function oneLine(value, stamp) {
  const plain = (each) => (typeof each === "string" ? each : JSON.stringify(each));
  if (Array.isArray(value)) return value.map(plain).join(", ");
  const members = Object.entries(value).filter(([name]) => !(stamp && name === "stamp"));
  return members.map(([name, each]) => `${name}: ${plain(each)}`).join(" · ");
}

function hexPreview(bytes) {
  const digits = [...bytes.subarray(0, HEX_BYTES)].map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
  return `${digits}${bytes.length > HEX_BYTES ? " …" : ""} (${bytes.length.toLocaleString("en")} bytes)`;
}

function shorten(text) {
  return text.length > TEXT_LIMIT ? `${text.slice(0, TEXT_LIMIT)}…` : text;
}
