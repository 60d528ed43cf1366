// Bytes as MQTT writes them: integers big-endian, text as UTF-8 behind a 16-bit length, lengths in groups of seven bits.

const encoder = new TextEncoder();
const strictDecoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const lenientDecoder = new TextDecoder("utf-8", { ignoreBOM: true });

export const VARIABLE_INTEGER_LIMIT = 268_435_455;

// The peer broke the protocol; `code` is the reason code to answer with.
export class ProtocolError extends Error {
  constructor(message, code = 0x81) {
    super(message);
    this.name = "ProtocolError";
    this.code = code;
  }
}

// What a message carries: bytes that print as the text they spell.
export class Payload extends Uint8Array {
  toString() {
    return lenientDecoder.decode(this);
  }
}

// Text or bytes, as callers give them, as bytes.
export function toBytes(value) {
  if (typeof value !== "object" || !value) return encoder.encode(value ?? "");
  if (value instanceof Uint8Array) return value;
  return new Uint8Array(value.buffer ?? value, value.byteOffset, value.byteLength);
}

export class Writer {
  bytes = [];

  u8(value) {
    this.bytes.push(value & 0xff);
    return this;
  }

  u16(value) {
    return this.u8(value >> 8).u8(value);
  }

  u32(value) {
    return this.u16(value >>> 16).u16(value);
  }

  variable(value) {
    if (value > VARIABLE_INTEGER_LIMIT) throw new RangeError("a packet too large for MQTT");
    for (; value > 127; value >>= 7) this.u8(value | 0x80);
    return this.u8(value);
  }

  raw(bytes) {
    for (const byte of bytes) this.bytes.push(byte);
    return this;
  }

  binary(value) {
    const bytes = toBytes(value);
    if (bytes.length > 0xffff) throw new RangeError("a field of more than 65,535 bytes");
    return this.u16(bytes.length).raw(bytes);
  }

  text(value) {
    return this.binary(String(value));
  }
}

export class Reader {
  #bytes;
  #at = 0;

  constructor(bytes) {
    this.#bytes = bytes;
  }

  get left() {
    return this.#bytes.length - this.#at;
  }

  take(size) {
    if (size > this.left) throw new ProtocolError("a packet ends inside one of its fields");
    this.#at += size;
    return this.#bytes.subarray(this.#at - size, this.#at);
  }

  u8() {
    return this.take(1)[0];
  }

  u16() {
    return this.u8() * 256 + this.u8();
  }

  u32() {
    return this.u16() * 65536 + this.u16();
  }

  variable() {
    for (let value = 0, factor = 1; ; factor *= 128) {
      // [MQTT-1.5.5-1] four bytes are the most
      if (factor > 2097152) throw new ProtocolError("a variable byte integer too long");
      const byte = this.u8();
      value += (byte & 127) * factor;
      if (byte < 128) return value;
    }
  }

  binary() {
    return this.take(this.u16());
  }

  text() {
    let text;
    try {
      text = strictDecoder.decode(this.binary());
    } catch (error) {
      // [MQTT-1.5.4-1] text is well-formed UTF-8
      throw error instanceof ProtocolError ? error : new ProtocolError("text that is not UTF-8");
    }
    if (text.includes("\0")) throw new ProtocolError("text with a null character"); // [MQTT-1.5.4-2]
    return text;
  }
}
