/**
 * What is said over one data channel once it is open, in either dialect.
 *
 * Owns the greeting, flow control both ways, the heartbeat, and finding out which
 * dialect the agent speaks: one that knows hatchway.v1 answers the greeting with
 * `welcome` before it connects anything; another sends its terminal as JSON.
 * Does not own the channel's making or what follows its loss.
 */

import { CAPABILITIES, decode, encode, WireError } from "./wire.js";

const PING_MS = 2000;
/** No sign of life for so long: the connection counts as lost. */
const SILENCE_MS = 8000;
/** How long an error without a code, which may be about our greeting, waits for the terminal. */
const DOUBT_MS = 5000;
/** Output bytes rendered between two acknowledgements. */
const ACK_EVERY = 16 * 1024;

/**
 * @typedef {Extract<import("./wire.js").AgentMessage, {type: "welcome"}>} Welcome
 *
 * @typedef {object} ConversationHandlers
 * @property {(welcome: Welcome) => void} welcome
 * @property {(container: string) => void} connected the program takes input
 * @property {(bytes: Uint8Array | string) => void} output
 * @property {(screen: string) => void} snapshot
 * @property {(exitCode: number | null, reason: string, code: string) => void} ended `code`: why, as a word
 * @property {(seconds: number | null) => void} idle until it ends for that; null: no longer
 * @property {(text: string, code: string) => void} error
 * @property {(role: import("./wire.js").Role) => void} role
 * @property {(state: "waiting" | "allowed" | "denied") => void} approval
 * @property {(text: string, level: string) => void} notice
 * @property {(milliseconds: number) => void} rtt
 * @property {() => void} silent the other side does not answer
 */

export class Conversation {
  /**
   * @param {import("./peer.js").Peer} peer open
   * @param {boolean} v1 whether hatchway.v1 was asked for
   * @param {import("./outbox.js").Outbox} outbox
   * @param {ConversationHandlers} handlers
   */
  constructor(peer, v1, outbox, handlers) {
    this.#peer = peer;
    this.#outbox = outbox;
    this.#handlers = handlers;
    this.#askedV1 = v1;
  }

  #peer;
  #outbox;
  #handlers;
  #askedV1;
  #v1 = false;
  /** @type {string[]} what the agent knows beyond the first hatchway.v1 */
  #capabilities = [];
  #connected = false;
  #over = false;
  #acked = 0;
  #heard = 0;
  #pinged = 0;
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #timer;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #doubt;
  #size = { cols: 80, rows: 24 };
  #decoder = new TextDecoder();

  get isV1() {
    return this.#v1;
  }

  /** @param {{cols: number, rows: number}} size @param {number} received output had before */
  begin(size, received) {
    this.#heard = performance.now();
    this.#size = size;
    if (this.#askedV1) this.#peer.send(encode.hello(size.cols, size.rows, received, CAPABILITIES));
    else this.#peer.send(encode.resize(size.cols, size.rows));
    this.#timer = setInterval(() => this.#beat(), PING_MS / 2);
  }

  stop() {
    clearInterval(this.#timer);
    clearTimeout(this.#doubt);
    this.#over = true;
  }

  /** @param {{cols: number, rows: number}} size */
  resize(size) {
    this.#size = size;
    this.#peer.send(encode.resize(size.cols, size.rows));
  }

  /** @param {number} position all output before it is on the screen */
  rendered(position) {
    if (!this.#v1 || position - this.#acked < ACK_EVERY) return;
    this.#acked = position;
    this.#peer.send(encode.ack(position));
  }

  /** Somebody is here: do not end the session as idle. */
  keep() {
    if (this.#capabilities.includes("idle")) this.#peer.send(encode.keep());
  }

  /** Ask for the end of the session and its processes. */
  close() {
    this.#peer.send(encode.close());
  }

  /** Send what is typed and may be sent now. */
  pump() {
    while (this.#connected && !this.#over && this.#peer.open && !this.#peer.congested) {
      const bytes = this.#outbox.next();
      if (!bytes) return;
      if (this.#v1) this.#peer.send(bytes);
      else this.#peer.send(encode.input(this.#decoder.decode(bytes, { stream: true })));
    }
  }

  /** @param {Uint8Array} bytes */
  bytes(bytes) {
    this.#heard = performance.now();
    if (this.#v1) this.#handlers.output(bytes);
  }

  /** @param {string} message */
  text(message) {
    this.#heard = performance.now();
    try {
      const decoded = decode(message);
      if (decoded) this.#take(decoded);
    } catch (problem) {
      if (!(problem instanceof WireError)) throw problem;
      console.warn("A message of the host cannot be used:", problem.message);
    }
  }

  /** @param {import("./wire.js").AgentMessage} message */
  #take(message) {
    const handlers = this.#handlers;
    switch (message.type) {
      case "ping":
        this.#peer.send(encode.pong());
        break;
      case "pong":
        if (this.#pinged) handlers.rtt(performance.now() - this.#pinged);
        this.#pinged = 0;
        break;
      case "welcome":
        this.#v1 = true;
        this.#capabilities = message.capabilities;
        this.#acked = message.start;
        handlers.welcome(message);
        break;
      case "pty_connected":
        this.#connected = true;
        clearTimeout(this.#doubt);
        this.#outbox.acked = this.#v1;
        // The greeting that had the size was not understood.
        if (this.#askedV1 && !this.#v1) this.resize(this.#size);
        handlers.connected(message.container);
        this.pump();
        break;
      case "output":
        handlers.output(message.data);
        break;
      case "ack":
        this.#outbox.ack(message.bytes);
        this.pump();
        break;
      case "snapshot":
        handlers.snapshot(message.data);
        break;
      case "exit":
        this.#end(message.exit_code, message.reason, message.code);
        break;
      case "pty_disconnected":
        // In hatchway.v1 `exit` follows, which says more.
        if (!this.#v1) this.#end(message.exit_code, message.reason, "");
        break;
      case "idle":
        handlers.idle(message.seconds);
        break;
      case "error":
        this.#complaint(message.message, message.code);
        break;
      case "role":
        handlers.role(message.role);
        break;
      case "approval":
        handlers.approval(message.state);
        break;
      case "notice":
        handlers.notice(message.text, message.level);
        break;
    }
  }

  /**
   * An agent that does not know our greeting says so, perhaps without a code, and goes on.
   *
   * @param {string} text
   * @param {string} code
   */
  #complaint(text, code) {
    const tell = () => this.#handlers.error(text, code);
    if (this.#v1 || this.#connected || !this.#askedV1) return tell();
    if (code === "unknown_type") return;
    if (code || this.#doubt) return tell();
    this.#doubt = setTimeout(tell, DOUBT_MS);
  }

  /** @param {number | null} exitCode @param {string} reason @param {string} code */
  #end(exitCode, reason, code) {
    if (this.#over) return;
    this.#over = true;
    this.#handlers.ended(exitCode, reason, code);
  }

  #beat() {
    const now = performance.now();
    if (now - this.#heard > SILENCE_MS && this.#pinged) return this.#handlers.silent();
    if (this.#pinged) return;
    this.#pinged = now;
    if (!this.#peer.send(encode.ping())) this.#pinged = 0;
  }
}
