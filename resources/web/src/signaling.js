/**
 * The line to the relay: Socket.IO, kept up for as long as the page lives.
 *
 * Owns one connection and its calls. Does not own a terminal: those go on when
 * this line is lost, and never pass through it.
 */

import { io } from "socket.io-client";

import { accessProof, relayAccess } from "./link.js";

export const CALL_SECONDS = 25;
const RETRY_MS = 1000;
/** For how long a link nobody knows is tried again: its host may just be coming back. */
const UNKNOWN_SECONDS = 8;
/** For the relay to say how to connect: one call, and all attempts. */
const SERVERS_CALL_SECONDS = 10;
const SERVERS_SECONDS = 20;
/** Answers to that which asking again does not change. */
const GIVEN = new Set(["bad_proof", "no_turn"]);
const RETRIED = new Set(["link_unknown", "rate_limited", "relay_degraded"]);

/** The relay or the host said no. `code` is the stable word of docs/LINKS.md. */
export class Refusal extends Error {
  /** @param {string} text @param {string} [code] */
  constructor(text, code = "") {
    super(text);
    this.code = code;
  }
}

/** Text of another make's peer, which may put anything there. @type {(value: unknown, otherwise: string) => string} */
const words = (value, otherwise) => (typeof value === "string" && value ? value : otherwise);

/**
 * @typedef {object} Target one row of `guest:targets`
 * @property {string} agent_id
 * @property {string} agent_name
 * @property {string} id
 * @property {string} kind
 * @property {string} name
 * @property {string} state
 * @property {"control" | "view"} [role]
 * @property {boolean} [approval]
 *
 * @typedef {object} Candidate `webrtc:ice`
 * @property {string} session_id
 * @property {string | null} candidate
 * @property {string | null} sdp_mid
 * @property {number | null} sdp_mline_index
 *
 * @typedef {object} Handlers
 * @property {(up: boolean) => void} [line] the connection came or went
 * @property {(targets: Target[]) => void} [targets] the list has changed
 * @property {(candidate: Candidate) => void} [candidate]
 */

export class Signaling {
  /**
   * @param {string} base the relay's address, without a slash at its end
   * @param {Record<string, string>} auth what the connection says it is
   */
  constructor(base, auth) {
    const url = new URL(base);
    /** @type {Handlers} */
    this.handlers = {};
    this.#socket = io(url.origin, {
      path: `${url.pathname.replace(/\/$/, "")}/socket.io/`,
      auth: { role: "guest", ...auth },
      transports: ["websocket", "polling"],
      tryAllTransports: true,
      autoConnect: false,
      reconnectionDelay: 300,
      reconnectionDelayMax: 3000,
    });
    this.#socket.on("connect", () => this.handlers.line?.(true));
    this.#socket.on("disconnect", (reason) => {
      this.handlers.line?.(false);
      // A relay that stops says goodbye; the library takes that for the last word.
      if (reason === "io server disconnect") setTimeout(() => this.#reopen(), RETRY_MS);
    });
    this.#socket.on("guest:targets", (message) => {
      if (Array.isArray(message?.targets)) this.handlers.targets?.(message.targets);
    });
    this.#socket.on("webrtc:ice", (message, reply) => {
      if (message?.session_id) this.handlers.candidate?.(message);
      if (typeof reply === "function") reply({ status: "success" });
    });
  }

  #socket;
  #closed = false;

  get up() {
    return this.#socket.connected;
  }

  /**
   * Until the line is up, however long that takes.
   *
   * @throws {Refusal} when the relay does not want us
   */
  async ready() {
    const began = Date.now();
    while (!this.#socket.connected && !this.#closed) {
      const refusal = await this.#outcome();
      if (!refusal) continue;
      const late = Date.now() - began > UNKNOWN_SECONDS * 1000;
      if (refusal.code && (late || !RETRIED.has(refusal.code))) throw refusal;
      await new Promise((done) => setTimeout(done, RETRY_MS));
    }
  }

  /** @returns {Promise<Refusal | null>} null when connected; an empty code: not reached */
  #outcome() {
    return new Promise((resolve) => {
      const socket = this.#socket;
      const done = (/** @type {Refusal | null} */ outcome) => {
        socket.off("connect", connected);
        socket.off("connect_error", failed);
        resolve(outcome);
      };
      const connected = () => done(null);
      const failed = (/** @type {Error & {data?: {code?: string}}} */ error) =>
        done(new Refusal(error.message, error.data?.code));
      socket.on("connect", connected);
      socket.on("connect_error", failed);
      if (!socket.active) this.#reopen();
    });
  }

  #reopen() {
    if (this.#closed || this.#socket.connected) return;
    // A connection that was refused takes no other attempt: open a new one.
    this.#socket.disconnect();
    this.#socket.connect();
  }

  /**
   * The reply, when it is a success.
   *
   * @param {string} event
   * @param {object} [payload]
   * @param {number} [seconds]
   * @returns {Promise<any>}
   * @throws {Refusal}
   */
  async call(event, payload = {}, seconds = CALL_SECONDS) {
    let reply;
    try {
      reply = await this.#socket.timeout(seconds * 1000).emitWithAck(event, payload);
    } catch {
      // The library says either in words of its own.
      const lost = !this.#socket.connected;
      const reason = lost ? "The relay was lost" : `No answer came within ${seconds} s`;
      throw new Refusal(reason, "timeout");
    }
    if (reply?.status === "error")
      throw new Refusal(words(reply.error, "Refused"), words(reply.code, "refused"));
    return reply ?? {};
  }

  /** Say something now or not at all. @param {string} event @param {object} payload */
  say(event, payload) {
    if (this.#socket.connected) this.#socket.emit(event, payload);
  }

  close() {
    this.#closed = true;
    this.#socket.disconnect();
  }
}

/**
 * ICE servers, and whether only TURN is allowed. No answer is no leave to connect directly:
 * the relay is asked again, for at most SERVERS_SECONDS.
 *
 * @param {Signaling} line
 * @param {import("./link.js").Link | null} link whose secret proves that we may have TURN
 * @returns {Promise<RTCConfiguration>}
 * @throws {Refusal} `relay_silent`, `no_turn`, `bad_proof`
 */
export async function iceConfiguration(line, link) {
  const end = Date.now() + SERVERS_SECONDS * 1000;
  for (let wait = 250; ; wait = Math.min(2 * wait, 2000)) {
    try {
      return await servers(line, link);
    } catch (problem) {
      if (!(problem instanceof Refusal) || GIVEN.has(problem.code)) throw problem;
      if (Date.now() > end)
        throw new Refusal("The relay did not say how to connect, so nothing was opened", "relay_silent");
    }
    await new Promise((done) => setTimeout(done, wait));
  }
}

/**
 * One attempt.
 *
 * @param {Signaling} line
 * @param {import("./link.js").Link | null} link
 * @returns {Promise<RTCConfiguration>}
 */
async function servers(line, link) {
  let reply = await line.call("ice:servers", {}, SERVERS_CALL_SECONDS);
  if (typeof reply.relay_only !== "boolean") throw new Refusal("No answer of use", "relay_silent");
  const { relay_only, nonce } = reply;
  if (link && typeof nonce === "string") {
    const proof = accessProof(relayAccess(link.secret), nonce);
    try {
      reply = await line.call("ice:servers", { proof }, SERVERS_CALL_SECONDS);
    } catch (problem) {
      // Where a direct path is allowed, TURN is only a help.
      if (relay_only) throw problem;
    }
  }
  /** @type {RTCIceServer[]} */
  const iceServers = Array.isArray(reply.ice_servers) ? reply.ice_servers : [];
  const urls = iceServers.flatMap((one) => one.urls);
  if (relay_only && !urls.some((url) => /^turns?:/.test(url)))
    throw new Refusal(
      "Only connections through a TURN server are allowed here, and the relay has none for you",
      "no_turn",
    );
  return { iceServers, iceTransportPolicy: relay_only ? "relay" : "all" };
}
