/**
 * The guest's end of the conversation over one data channel, in either dialect.
 *
 * Owns which dialect the agent speaks, what it may say when, positions of output,
 * acknowledgements, and the heartbeat. Does not own the channel's making or what
 * follows its loss. engine/wire/conversation/guest.py does the same for the Python
 * peer; tests/vectors/conversation.json holds both to the same sequences.
 *
 * An agent that knows hatchway.v1 answers the greeting with `welcome` before it
 * connects anything; another one complains about it, or not, and sends its terminal
 * as JSON.
 */

import { ACK_EVERY, CAPABILITIES, decode, encode, WireError } from "./wire.js";

const PING_MS = 2000;
/** No sign of life for so long: the connection counts as lost. */
const SILENCE_MS = 8000;
/** What was typed is sent on return if the connection was lost at most so long ago. */
const SEND_MS = 30_000;
/** How long an error that may be about our greeting waits for the terminal. */
const DOUBT_MS = 5000;

/** @typedef {"unknown" | "v1" | "plain"} Dialect */

/**
 * In which dialects a message of the agent means something; in others it is ignored.
 *
 * @type {Record<string, Dialect[]>}
 */
const USED = {
  ping: ["unknown", "v1", "plain"],
  pong: ["unknown", "v1", "plain"],
  pty_connected: ["unknown", "v1", "plain"],
  error: ["unknown", "v1", "plain"],
  welcome: ["unknown", "v1", "plain"], // refused where it has no place
  output: ["unknown", "plain"],
  pty_disconnected: ["unknown", "plain"], // in hatchway.v1 `exit` follows, which says more
  exit: ["unknown", "v1"],
  role: ["unknown", "v1"],
  approval: ["unknown", "v1"],
  notice: ["unknown", "v1"],
  ack: ["v1"],
  idle: ["v1"],
  snapshot: ["v1"],
  size: ["v1"],
  people: ["v1"],
  keyboard: ["v1"],
  recording: ["v1"],
};
/** Messages that are used only when both ends list the capability of that name. */
const AGREED = new Set(["idle", "snapshot", "size", "people", "keyboard", "recording"]);

/**
 * @typedef {Extract<import("./wire.js").AgentMessage, {type: "welcome"}>} Welcome
 * @typedef {Extract<import("./wire.js").AgentMessage, {type: "snapshot"}>} Snapshot
 * @typedef {Extract<import("./wire.js").AgentMessage, {type: "size"}>} Size
 * @typedef {import("./wire.js").Keyboard} Keyboard
 *
 * @typedef {object} Before what the connection before this one left
 * @property {number} received output bytes had
 * @property {boolean} wasLive a program took input
 * @property {number} [away] milliseconds since the connection was lost
 * @property {string} [shell] that `received` belongs to
 * @property {Uint8Array} [held] typed while away, and not sent
 *
 * @typedef {object} ConversationHandlers
 * @property {(welcome: Welcome, dropped: number, agreed: Set<string>) => void} welcome `dropped`:
 *   bytes typed that were meant for an earlier program; `agreed`: capabilities of both ends
 * @property {(bytes: Uint8Array, typed: boolean) => void} held typed while away, and sent only by
 *   `sendHeld`: it is too old, or somebody else has typed since (`typed`)
 * @property {(container: string, dropped: number) => void} connected the program takes input
 * @property {(bytes: Uint8Array | string, end: number) => void} output `end`: the position after it
 * @property {(snapshot: Snapshot) => void} snapshot a fresh screen follows
 * @property {(bytes: Uint8Array, at: number | null) => void} screen of a snapshot; with its last
 *   bytes comes the position at which output goes on, to be reported as rendered
 * @property {(size: Size) => void} size the shell has another one from here on
 * @property {(people: import("./wire.js").Person[]) => void} people
 * @property {(keyboard: Keyboard) => void} keyboard
 * @property {(on: boolean, since: number | null) => void} recording `since`: seconds since 1970
 * @property {(exitCode: number | null, reason: string, code: string) => void} ended `code`: why, as a word
 * @property {(seconds: number | null) => void} idle until it ends for that; null: no longer
 * @property {(text: string, code: string) => void} error
 * @property {(role: import("./wire.js").Role) => void} role
 * @property {(state: "waiting" | "allowed" | "denied") => void} approval
 * @property {(text: string, level: string) => void} notice
 * @property {(milliseconds: number) => void} rtt
 * @property {() => void} silent the other side does not answer
 */

/** @param {Uint8Array} one @param {Uint8Array} other */
function joined(one, other) {
  const both = new Uint8Array(one.length + other.length);
  both.set(one);
  both.set(other, one.length);
  return both;
}

export class Conversation {
  /**
   * @param {import("./peer.js").Peer} peer open
   * @param {boolean} v1 whether hatchway.v1 was asked for
   * @param {import("./outbox.js").Outbox} outbox
   * @param {ConversationHandlers} handlers
   * @param {string[]} [capabilities] what this end knows beyond the first hatchway.v1
   */
  constructor(peer, v1, outbox, handlers, capabilities = CAPABILITIES) {
    this.#peer = peer;
    this.#outbox = outbox;
    this.#handlers = handlers;
    this.#asksV1 = v1;
    this.#dialect = v1 ? "unknown" : "plain";
    this.#capabilities = capabilities;
  }

  #peer;
  #outbox;
  #handlers;
  #asksV1;
  #capabilities;
  /** @type {Dialect} */
  #dialect;
  /** @type {"starting" | "live" | "leaving" | "over"} */
  #stage = "starting";
  /** Capabilities that both ends list. @type {Set<string>} */
  #agreed = new Set();
  #wasLive = false;
  #away = 0;
  #shell = "";
  #held = new Uint8Array();
  #received = 0;
  #acked = 0;
  #ackEvery = ACK_EVERY;
  #screenLeft = 0;
  #screenAt = 0;
  #heard = 0;
  #pinged = 0;
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #timer;
  /** An error that may be about our greeting. @type {{text: string, code: string} | null} */
  #doubted = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #doubt;
  #size = { cols: 80, rows: 24 };
  #decoder = new TextDecoder();

  get isV1() {
    return this.#dialect === "v1";
  }

  /** Output bytes had, for a return. Half a snapshot is no screen: then it begins anew. */
  get received() {
    return this.#screenLeft ? 0 : this.#received;
  }

  /**
   * @param {{cols: number, rows: number}} size
   * @param {Before} before
   * @param {import("./wire.js").Greeting} [more] what we say of ourselves
   */
  begin({ cols, rows }, before, more) {
    const { received, wasLive, away = 0, shell = "", held } = before;
    this.#heard = performance.now();
    this.#away = away;
    this.#shell = shell;
    if (held) this.#held = held.slice();
    this.#size = { cols, rows };
    this.#received = received;
    this.#wasLive = wasLive;
    if (this.#asksV1)
      this.#peer.send(
        encode.hello(cols, rows, received, this.#capabilities, { ...more, ...(shell && { shell }) }),
      );
    else this.#peer.send(encode.resize(cols, rows));
    this.#timer = setInterval(() => this.#beat(), PING_MS / 2);
  }

  stop() {
    clearInterval(this.#timer);
    clearTimeout(this.#doubt);
    this.#stage = "over";
  }

  /** @param {{cols: number, rows: number}} size */
  resize({ cols, rows }) {
    if (cols === this.#size.cols && rows === this.#size.rows) return;
    this.#size = { cols, rows };
    if (this.#stage === "starting" || this.#stage === "live")
      this.#peer.send(encode.resize(cols, rows));
  }

  /** @param {number} position all output before it is on the screen; of a snapshot, its `at` */
  rendered(position) {
    if (this.#dialect !== "v1") return;
    position = Math.min(position, this.#received);
    // A snapshot is acknowledged at once: the agent waits for that.
    const shown = this.#acked < this.#screenAt && position >= this.#screenAt;
    if (position - this.#acked < this.#ackEvery && !shown) return;
    this.#acked = position;
    this.#peer.send(encode.ack(position));
  }

  /** Somebody is here: do not end the session as idle. */
  keep() {
    this.#request("idle", encode.keep());
  }

  /** Ask for the keyboard; or no longer, or hand it back. @param {boolean} on */
  askKeyboard(on) {
    this.#request("keyboard", encode.ask_keyboard(on));
  }

  /** Ask for history that the snapshot at a position left out. @param {number} before @param {number} lines */
  history(before, lines) {
    this.#request("history", encode.history(before, lines));
  }

  /** Tell the nonce that the offer committed to. @param {string} nonce @returns {boolean} whether the host takes it */
  reveal(nonce) {
    return this.#request("reveal", encode.reveal(nonce));
  }

  /** @param {string} capability @param {string} message @returns {boolean} */
  #request(capability, message) {
    const agreed = this.#agreed.has(capability) && this.#stage !== "over";
    if (agreed) this.#peer.send(message);
    return agreed;
  }

  /** What was typed while away and kept back. */
  get held() {
    return this.#held;
  }

  /** Send it now, after what was typed since. */
  sendHeld() {
    this.#outbox.push(this.#held);
    this.discardHeld();
    this.pump();
  }

  discardHeld() {
    this.#held = new Uint8Array();
  }

  /** Ask for the end of the session and its processes. What was typed before goes first. */
  close() {
    this.pump();
    if (this.#stage !== "over") this.#stage = "leaving";
    this.#peer.send(encode.close());
  }

  /** Send what is typed and may be sent now. */
  pump() {
    while (this.#stage === "live" && this.#peer.open && !this.#peer.congested) {
      const bytes = this.#outbox.next();
      if (!bytes) return;
      if (this.isV1) {
        this.#peer.send(bytes);
        continue;
      }
      this.#outbox.takeSent(); // nothing acknowledges plain input
      const text = this.#decoder.decode(bytes, { stream: true });
      if (text) this.#peer.send(encode.input(text));
    }
  }

  /** @param {Uint8Array} bytes */
  bytes(bytes) {
    this.#heard = performance.now();
    if (this.#dialect !== "v1")
      return console.warn("A binary message of a host that did not say welcome");
    const screen = Math.min(this.#screenLeft, bytes.length);
    if (screen) {
      this.#screenLeft -= screen;
      const last = !this.#screenLeft;
      if (last) this.#received = this.#screenAt;
      this.#handlers.screen(bytes.subarray(0, screen), last ? this.#screenAt : null);
      if (screen === bytes.length) return;
      bytes = bytes.subarray(screen);
    }
    this.#received += bytes.length;
    this.#handlers.output(bytes, this.#received);
  }

  /** @param {string} message */
  text(message) {
    this.#heard = performance.now();
    try {
      const decoded = decode(message);
      if (decoded && this.#isUsed(decoded.type)) this.#take(decoded);
    } catch (problem) {
      if (!(problem instanceof WireError)) throw problem;
      console.warn("A message of the host cannot be used:", problem.message);
    }
  }

  /** @param {string} type */
  #isUsed(type) {
    const agreed = !AGREED.has(type) || this.#agreed.has(type);
    return agreed && !!USED[type]?.includes(this.#dialect);
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
        this.#welcomed(message);
        break;
      case "pty_connected":
        this.#connected(message.container);
        break;
      case "output":
        handlers.output(message.data, this.#received);
        break;
      case "ack":
        this.#outbox.ack(message.bytes);
        this.pump();
        break;
      case "snapshot":
        this.#announced(message);
        break;
      case "exit":
        this.#end(message.exit_code, message.reason, message.code);
        break;
      case "pty_disconnected":
        this.#end(message.exit_code, message.reason, "");
        break;
      case "size":
        if (this.#screenLeft) throw new WireError("A size came in the middle of a snapshot");
        handlers.size(message);
        break;
      case "people":
        handlers.people(message.people);
        break;
      case "keyboard":
        handlers.keyboard(message);
        break;
      case "recording":
        handlers.recording(message.on, message.since);
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

  /** @param {Welcome} message */
  #welcomed(message) {
    if (this.#dialect !== "unknown")
      throw new WireError("welcome may only come once, before the terminal");
    this.#dialect = "v1";
    clearTimeout(this.#doubt);
    const theirs = new Set(message.capabilities);
    this.#agreed = new Set(this.#capabilities.filter((one) => theirs.has(one)));
    this.#ackEvery = Math.max(1, Math.min(ACK_EVERY, Math.floor(message.window / 16)));
    this.#received = this.#acked = this.#screenAt = message.start;
    // Another program never gets what was meant for the last one.
    const isOther = !!this.#shell && !!message.shell && this.#shell !== message.shell;
    let dropped = 0;
    if ((this.#wasLive && !message.resumed) || isOther) {
      dropped = this.#outbox.restart();
      this.discardHeld();
    }
    this.#outbox.resume(message.taken, message.window);
    // It was meant for what was on the screen then.
    if (message.typed || this.#away > SEND_MS) this.#held = joined(this.#held, this.#outbox.hold());
    this.#handlers.welcome(message, dropped, this.#agreed);
    if (this.#held.length) this.#handlers.held(this.#held, message.typed);
  }

  /** @param {string} container */
  #connected(container) {
    if (this.#stage !== "starting" && this.#stage !== "live") return;
    clearTimeout(this.#doubt);
    let dropped = 0;
    if (this.#dialect === "unknown") {
      this.#dialect = "plain";
      // The greeting that had the size was not understood.
      this.#peer.send(encode.resize(this.#size.cols, this.#size.rows));
    }
    if (this.#stage === "starting") {
      this.#stage = "live";
      // In plain JSON nothing can be taken up: this is always a new program.
      if (this.#dialect === "plain" && this.#wasLive) dropped = this.#outbox.restart();
      this.#wasLive = true;
    }
    this.#handlers.connected(container, dropped);
    this.pump();
  }

  /** @param {Snapshot} message */
  #announced(message) {
    if (this.#screenLeft) throw new WireError("A snapshot came before the last one was complete");
    if (message.at < this.#received) throw new WireError("Field 'at' goes back");
    this.#screenAt = message.at;
    this.#screenLeft = message.bytes;
    if (!message.bytes) this.#received = message.at;
    this.#handlers.snapshot(message);
  }

  /**
   * Of errors before the dialect is known, one may be about our greeting: it is held, and
   * reported when no terminal comes.
   *
   * @param {string} text
   * @param {string} code
   */
  #complaint(text, code) {
    const report = (/** @type {string} */ words) => this.#handlers.error(words, code);
    if (this.#dialect !== "unknown") return report(text);
    const held = this.#doubted;
    if (!held) {
      this.#doubted = { text, code };
      this.#doubt = setTimeout(() => report(text), DOUBT_MS);
      return;
    }
    if (code === "unknown_type") return;
    clearTimeout(this.#doubt);
    // Otherwise nobody knows which of them was about the greeting.
    report(held.code === "unknown_type" ? text : `${held.text}; ${text}`);
  }

  /** @param {number | null} exitCode @param {string} reason @param {string} code */
  #end(exitCode, reason, code) {
    if (this.#stage === "over") return;
    this.#stage = "over";
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
