// The stamp that a scenario's messages carry (core/load/stamp.hpp): 32 bytes, as 64 hexadecimal digits in a JSON member
// or a user property, or raw at the end of the payload. Its instants are nanoseconds of the sending machine's monotonic
// clock; here they become milliseconds.

export const STAMP_SIZE = 32;
export const STAMP_PROPERTY = "mqtt-sim-stamp";
const MAGIC = [0x6d, 0x71, 0xc2, 0x53];

// { run, stream, sequence, intended, sent } or null.
export function readStamp(bytes) {
  if (bytes.length !== STAMP_SIZE || MAGIC.some((byte, i) => bytes[i] !== byte)) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const instant = (at) => (view.getUint32(at) * 2 ** 32 + view.getUint32(at + 4)) / 1e6;
  const [run, stream, sequence] = [4, 8, 12].map((at) => view.getUint32(at));
  return { run, stream, sequence, intended: instant(16), sent: instant(24) };
}

export function readStampText(text) {
  if (typeof text !== "string" || !/^[0-9a-f]{64}$/.test(text)) return null;
  const view = new DataView(new ArrayBuffer(STAMP_SIZE));
  for (let at = 0; at < STAMP_SIZE; at += 4) view.setUint32(at, parseInt(text.slice(2 * at, 2 * at + 8), 16));
  return readStamp(new Uint8Array(view.buffer));
}

// The stamp at the end of a payload, if there is one.
export function readTrailer(payload) {
  return payload.length < STAMP_SIZE ? null : readStamp(payload.subarray(payload.length - STAMP_SIZE));
}
