/**
 * Input on its way to the program: bounded, in order, each byte exactly once.
 *
 * Owns what was typed and is not yet known to be taken. Positions are counts of
 * bytes since the session began. Does not own the channel it is sent by.
 */

import { MAX_MESSAGE, WINDOW } from "./wire.js";

/** Bytes that may wait: a large paste. */
export const LIMIT = 8 * 1024 * 1024;

export class Outbox {
  /** @type {Uint8Array[]} from the position `#taken` on */
  #parts = [];
  #length = 0;
  #taken = 0;
  #sent = 0;
  #window = WINDOW;

  /** Bytes typed that no message carries yet. */
  get waiting() {
    return this.#taken + this.#length - this.#sent;
  }

  /** Bytes that the program is not known to have. */
  get length() {
    return this.#length;
  }

  /** The first of them. @param {number} most */
  peek(most) {
    return this.#slice(0, Math.min(most, this.#length));
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
    const room = this.#window - (this.#sent - this.#taken);
    const size = Math.min(MAX_MESSAGE, room, this.waiting);
    if (size <= 0) return null;
    const bytes = this.#slice(this.#sent - this.#taken, size);
    this.#sent += size;
    return bytes;
  }

  /** What was sent counts as taken: the dialect has no acknowledgement. */
  takeSent() {
    this.#drop(this.#sent);
  }

  /** @param {number} bytes the agent's count of bytes the program has taken */
  ack(bytes) {
    this.#drop(Math.min(bytes, this.#sent));
  }

  /**
   * The connection is new, the program the same.
   *
   * @param {number} taken how much of the input had arrived; the rest is sent (again)
   * @param {number} [window] bytes that may be unacknowledged
   */
  resume(taken, window = WINDOW) {
    this.#window = window;
    this.#drop(Math.min(taken, this.#sent));
    // After a reload our counts begin at 0, and the agent's do not.
    this.#taken = this.#sent = taken;
  }

  /** Everything that the program does not have, taken out: it may be pushed again, or not. */
  hold() {
    const held = this.#slice(0, this.#length);
    this.#parts = [];
    this.#length = 0;
    this.#sent = this.#taken;
    return held;
  }

  /** Another program: what was meant for the last one is forgotten. @returns {number} bytes */
  restart() {
    const forgotten = this.waiting;
    this.#parts = [];
    this.#length = this.#taken = this.#sent = 0;
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
