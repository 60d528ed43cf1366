// Finds packets in a stream of bytes: a WebSocket message may hold several, or a part of one. [MQTT-6.0.0-2]
import { ProtocolError } from "./bytes.js";
import { decode } from "./packet.js";

export class Framer {
  #version;
  #limit;
  #chunks = [];
  #size = 0;
  #needed = 2;

  constructor(version, limit) {
    this.#version = version;
    this.#limit = limit;
  }

  // Yields the packets that these bytes complete. Throws ProtocolError.
  *push(bytes) {
    this.#chunks.push(bytes);
    this.#size += bytes.length;
    while (this.#size >= this.#needed) {
      const all = this.#joined();
      const frame = this.#frame(all);
      if (!frame) return;
      this.#keep(all.subarray(frame.end));
      yield decode(all[0], all.subarray(frame.start, frame.end), this.#version);
    }
  }

  #joined() {
    if (this.#chunks.length > 1) {
      const all = new Uint8Array(this.#size);
      let at = 0;
      for (const chunk of this.#chunks) {
        all.set(chunk, at);
        at += chunk.length;
      }
      this.#chunks = [all];
    }
    return this.#chunks[0];
  }

  // Where the first packet's body lies; nothing while it is incomplete, and then `#needed` says what it takes.
  #frame(all) {
    let length = 0;
    let start = 1;
    for (let factor = 1; ; factor *= 128) {
      if (start > 4) throw new ProtocolError("a remaining length too long");
      if (start === all.length) return void (this.#needed = all.length + 1);
      const byte = all[start++];
      length += (byte & 127) * factor;
      if (byte < 128) break;
    }
    if (start + length > this.#limit) throw new ProtocolError(`a packet of ${start + length} bytes`, 0x95);
    this.#needed = start + length;
    return this.#size < this.#needed ? undefined : { start, end: start + length };
  }

  #keep(rest) {
    this.#chunks = rest.length ? [rest] : [];
    this.#size = rest.length;
    this.#needed = 2;
  }
}
