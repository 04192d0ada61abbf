/**
 * Input on its way to the program: bounded, in order, each byte exactly once.
 *
 * Owns what was typed and is not yet known to be taken. Positions are counts of
 * bytes since the session began. Does not own the channel it is sent by.
 */

import { MAX_MESSAGE } from "./wire.js";

/** Bytes that may wait: a large paste. */
export const LIMIT = 8 * 1024 * 1024;
/** Bytes that may be sent and not yet taken by the program. */
export const WINDOW = 256 * 1024;

export class Outbox {
  /** @type {Uint8Array[]} from the position `#taken` on */
  #parts = [];
  #length = 0;
  #taken = 0;
  #sent = 0;
  /** What an agent that counts per connection has to be helped with. */
  #offset = 0;
  /** Whether bytes are kept until they are acknowledged; plain JSON has no acks. */
  acked = true;

  /** Bytes typed that no message carries yet. */
  get waiting() {
    return this.#taken + this.#length - this.#sent;
  }

  /**
   * @param {Uint8Array} bytes
   * @returns {boolean} false when there is no room; nothing is taken then
   */
  push(bytes) {
    if (this.#length + bytes.length > LIMIT) return false;
    if (bytes.length) this.#parts.push(bytes);
    this.#length += bytes.length;
    return true;
  }

  /** @returns {Uint8Array | null} the next message's worth, or null while nothing may be sent */
  next() {
    const room = this.acked ? WINDOW - (this.#sent - this.#taken) : MAX_MESSAGE;
    const size = Math.min(MAX_MESSAGE, room, this.waiting);
    if (size <= 0) return null;
    const bytes = this.#slice(this.#sent - this.#taken, size);
    this.#sent += size;
    if (!this.acked) this.#drop(this.#sent);
    return bytes;
  }

  /** @param {number} bytes the agent's count of bytes the program has taken */
  ack(bytes) {
    this.#drop(Math.min(bytes + this.#offset, this.#sent));
  }

  /**
   * The connection is new, the program the same.
   *
   * @param {number | null} taken how much of the input had arrived; null: nobody knows, and
   *   what was under way counts as taken, for a command must not run twice
   */
  resume(taken) {
    this.#drop(taken === null ? this.#sent : Math.min(taken, this.#sent));
    this.#offset = taken === null ? this.#taken : 0;
    this.#sent = this.#taken;
  }

  /** Another program: what was meant for the last one is forgotten. @returns {number} bytes */
  restart() {
    const forgotten = this.waiting;
    this.#parts = [];
    this.#length = this.#taken = this.#sent = this.#offset = 0;
    return forgotten;
  }

  /** @param {number} from relative to the first byte kept @param {number} size */
  #slice(from, size) {
    const bytes = new Uint8Array(size);
    let filled = 0;
    for (const part of this.#parts) {
      if (from >= part.length) {
        from -= part.length;
        continue;
      }
      const piece = part.subarray(from, from + size - filled);
      bytes.set(piece, filled);
      filled += piece.length;
      from = 0;
      if (filled === size) break;
    }
    return bytes;
  }

  /** @param {number} position */
  #drop(position) {
    let count = position - this.#taken;
    if (count <= 0) return;
    this.#taken = position;
    this.#length -= count;
    while (count > 0) {
      const first = this.#parts[0];
      if (first.length > count) {
        this.#parts[0] = first.subarray(count);
        break;
      }
      count -= first.length;
      this.#parts.shift();
    }
  }
}
