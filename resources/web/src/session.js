/**
 * One terminal of one guest, from opening the link to its end, over as many
 * connections as that takes: the same shell and screen after each loss.
 *
 * Owns the state shown to people, attempts, and coming back. Does not own the
 * screen (it hands output on) or the words (words.js).
 */

import { Conversation } from "./conversation.js";
import { newId } from "./ids.js";
import * as proofs from "./link.js";
import { LIMIT, Outbox } from "./outbox.js";
import { Peer } from "./peer.js";
import { iceConfiguration, Refusal } from "./signaling.js";
import { V1 } from "./wire.js";

const OPEN_SECONDS = 20;
const BACKOFF_MS = [0, 500, 1000, 2000, 4000];
/** Between two attempts while the host has paused the link. */
const PAUSED_MS = 5000;
/** Bytes of what was typed while away that are shown. */
const SHOWN_BYTES = 512;
/** Refusals that are said while it is tried again. */
const SAID = new Set(["link_suspended", "link_unknown"]);
/**
 * Words of a refusal that another attempt cannot change. An unknown link may be of a host that
 * is on its way to another relay.
 */
const FINAL = new Set([
  "access_denied", "bad_proof", "bad_request", "link_expired", "link_revoked", "link_used",
  "no_webrtc", "not_supported", "relay_refused", "replaced", "shell_ended", "target_not_found",
  "target_not_running",
]);

/**
 * @typedef {ReturnType<typeof setTimeout> | undefined} Timer
 *
 * @typedef {"relay" | "asking" | "connecting" | "approval" | "starting" | "live"
 *   | "reconnecting" | "ended"} Phase
 *
 * @typedef {object} State all that is shown
 * @property {Phase} phase
 * @property {import("./peer.js").Path} path
 * @property {number | null} rtt milliseconds
 * @property {import("./wire.js").Role} role
 * @property {string} target
 * @property {string} code the short code; empty before the answer came
 * @property {string} reason why it ended or was lost
 * @property {string} errorCode the stable word of a refusal
 * @property {string} endCode the stable word of an end; empty where the host gave none
 * @property {number | null} idleEnd when it ends for being idle, in milliseconds of performance.now()
 * @property {number | null} exitCode
 * @property {boolean} exited the program came to its end by itself
 * @property {boolean} seen the terminal has been live at least once
 * @property {number} waiting bytes typed while the connection is down
 * @property {Uint8Array} typed the first of them, to be shown
 * @property {Held | null} held typed while away, and not sent
 * @property {Date | null} since when the connection was lost, or the terminal ended
 * @property {string} me our participant's id
 * @property {import("./wire.js").Person[]} people who is here; empty where the host does not say
 * @property {(import("./wire.js").Keyboard & {againAt: number}) | null} keyboard `againAt`: in
 *   milliseconds of performance.now(); null where the host does not say
 * @property {Date | null} recording since when; null: it is not recorded
 * @property {{cols: number, rows: number, by: string} | null} size the shell's; null where it is
 *   this window's
 *
 * @typedef {object} Held
 * @property {Uint8Array} bytes
 * @property {boolean} typed somebody else has typed since; otherwise it is too old
 *
 * @typedef {object} Memento what a reload, or another device, needs to come back to the same shell
 * @property {string} session @property {string} resume @property {number} received
 * @property {string} [shell]
 * @property {boolean} [link] it came in an address: without its shell there is nothing to open
 *
 * @typedef {object} SessionHandlers
 * @property {(state: State) => void} state
 * @property {(data: Uint8Array | string, replayed: boolean, done: () => void) => void} output
 * @property {() => void} reset the screen starts anew
 * @property {() => void} redraw a whole screen follows
 * @property {() => void} drawn it is all there
 * @property {(agreed: {size: boolean, mute: boolean}) => void} agreed what this host takes care of
 * @property {(cols: number, rows: number) => void} size from here on
 * @property {(bytes: number) => void} missed so much output was skipped
 * @property {(text: string, level: string) => void} notice
 *
 * @typedef {object} Options
 * @property {import("./signaling.js").Signaling} line
 * @property {{id: string, agent_id?: string}} target
 * @property {import("./link.js").Link | null} link
 * @property {() => {cols: number, rows: number}} size
 * @property {boolean} [plain] speak plain JSON only
 * @property {Promise<RTCConfiguration>} [ice] asked for already
 * @property {Memento | null} [memento]
 * @property {() => import("./wire.js").Greeting} [about] what is said of the guest
 * @property {SessionHandlers} handlers
 */

/** @type {State} */
export const BEFORE = {
  phase: "relay", path: "", rtt: null, role: "control", target: "", code: "", reason: "",
  errorCode: "", endCode: "", idleEnd: null, exitCode: null, exited: false, seen: false, waiting: 0,
  typed: new Uint8Array(), held: null, since: null, me: "", people: [], keyboard: null,
  recording: null, size: null,
};

export class Session {
  /** @param {Options} options */
  constructor(options) {
    this.#options = options;
    this.#target = options.target;
    this.#ice = options.ice ?? null;
    const kept = options.memento;
    this.#id = kept?.session ?? newId();
    this.#resume = kept?.resume ?? "";
    this.#replayUntil = kept?.received ?? 0;
    this.#shellId = kept?.shell ?? "";
    this.#byLink = kept?.link ?? false;
    options.line.handlers.candidate = (candidate) => {
      if (candidate.session_id === this.#id) void this.#peer?.add(candidate);
    };
  }

  #options;
  #target;
  #id;
  #resume;
  /** Output before this position was answered by the page before a reload. */
  #replayUntil;
  #received = 0;
  /** Output before this position has been on this page's screen. */
  #had = 0;
  /** The host's name for the shell that positions belong to. */
  #shellId = "";
  #byLink = false;
  /** History that the last snapshot did not have. */
  #leftOut = { at: 0, lines: 0 };
  /** Whether the terminal is to be taken back from where it was opened since. */
  #takeBack = false;
  /** When the connection was lost, on both clocks: one of them stands still in sleep. */
  #lostAt = /** @type {{steady: number, wall: number} | null} */ (null);
  /** Counts shells: what an earlier one still has to say is ignored. */
  #shell = 0;
  #outbox = new Outbox();
  /** @type {Peer | null} */
  #peer = null;
  /** @type {Conversation | null} */
  #talk = null;
  /** @type {Promise<RTCConfiguration> | null} */
  #ice = null;
  /** Without a link: the nonce to be revealed, and the short code once the host knows it. */
  #committed = /** @type {{nonce: string, code: string} | null} */ (null);
  #attempt = 0;
  #failures = 0;
  /** @type {Timer} */
  #retry;
  /** @type {Timer} */
  #late;
  #state = BEFORE;

  get state() {
    return this.#state;
  }

  /** Whether what is typed reaches the program now. */
  get live() {
    return this.#state.phase === "live";
  }

  /** Connect; also what a Reconnect button does after the end. */
  start() {
    if (this.#state.phase === "ended") this.#forget();
    this.#begin();
  }

  /** After `replaced`: take the same terminal back, with its screen. */
  comeBack() {
    this.#takeBack = true;
    this.#begin();
  }

  /** Say anew who we are. The shell goes on meanwhile. */
  introduce() {
    if (this.live && this.#talk?.isV1) void this.#connect();
  }

  #begin() {
    this.#failures = 0;
    this.#set({ reason: "", errorCode: "", endCode: "", exitCode: null, exited: false, since: null });
    void this.#connect();
  }

  /** The network is back, or the page is shown again: do not wait any longer. */
  hurry() {
    if (this.#state.phase === "reconnecting" && this.#retry) void this.#connect();
  }

  /** @param {Uint8Array} bytes @returns {boolean} false when there is no room for it */
  type(bytes) {
    const held = this.#state.held?.bytes.length ?? 0;
    if (this.#state.phase === "ended" || held + this.#outbox.length + bytes.length > LIMIT) return false;
    this.#outbox.push(bytes);
    if (this.live) this.#talk?.pump();
    else this.#set(this.#kept());
    return true;
  }

  #kept() {
    return { waiting: this.#outbox.length, typed: this.#outbox.peek(SHOWN_BYTES) };
  }

  /** Send what was typed while away and kept back. */
  sendHeld() {
    if (!this.#state.held || !this.live) return;
    this.#talk?.sendHeld();
    this.#set({ held: null });
  }

  /** Forget what was typed while away. */
  discard() {
    this.#talk?.discardHeld();
    if (!this.live) this.#outbox.hold();
    this.#set({ held: null, ...this.#kept() });
  }

  /** Ask for the keyboard, or no longer. @param {boolean} on */
  askKeyboard(on) {
    this.#talk?.askKeyboard(on);
  }

  resize() {
    if (this.#talk) this.#talk.resize(this.#options.size());
  }

  /** Somebody is here, though nothing is typed. */
  keep() {
    this.#talk?.keep();
  }

  /** End the session and its processes. */
  end() {
    this.#talk?.close();
  }

  /** Let go of the connection; the host keeps the shell for a while. */
  detach() {
    this.#leave();
    this.#stop();
    this.#peer = null;
  }

  /** @returns {Memento | null} null when there is nothing to come back to */
  memento() {
    const { phase, errorCode } = this.#state;
    if (!this.#resume || (phase === "ended" && errorCode !== "replaced")) return null;
    const received = this.#talk?.received ?? this.#received;
    return { session: this.#id, resume: this.#resume, received, shell: this.#shellId };
  }

  /** @param {Partial<State>} change */
  #set(change) {
    // For the browser's profiler: where the time to a prompt goes.
    if (change.phase && change.phase !== this.#state.phase) performance.mark(change.phase);
    this.#state = { ...this.#state, ...change };
    this.#options.handlers.state(this.#state);
  }

  // --- One attempt -----------------------------------------------------------

  async #connect() {
    this.#stop();
    const attempt = ++this.#attempt;
    const { line, link, plain } = this.#options;
    const coming = this.#state.seen;
    const phase = (/** @type {Phase} */ name) => coming || this.#set({ phase: name });
    if (coming) this.#set({ phase: "reconnecting", path: "", rtt: null, ...this.#kept() });
    // A TURN server's credentials may have run out meanwhile.
    if (coming) this.#ice = null;
    try {
      if (!line.up) {
        phase("relay");
        this.#ice = null;
      }
      await line.ready();
      if (attempt !== this.#attempt) return;
      phase("asking");
      this.#ice ??= iceConfiguration(line, link);
      const peer = this.#makePeer(await this.#ice, plain ? "" : V1);
      if (attempt !== this.#attempt) return peer.close();
      this.#peer = peer;
      await this.#negotiate(peer);
      if (attempt !== this.#attempt) return;
      phase("connecting");
      this.#late = setTimeout(() => {
        this.#lost("No path to the other side was found in time");
      }, OPEN_SECONDS * 1000);
    } catch (problem) {
      if (attempt === this.#attempt) this.#failed(/** @type {Error} */ (problem));
    }
  }

  /** @param {RTCConfiguration} configuration @param {string} protocol */
  #makePeer(configuration, protocol) {
    const { line } = this.#options;
    return new Peer(configuration, protocol, {
      open: () => this.#opened(),
      text: (text) => this.#talk?.text(text),
      bytes: (bytes) => this.#talk?.bytes(bytes),
      drained: () => this.#talk?.pump(),
      lost: (reason) => this.#lost(reason),
      candidate: (candidate) =>
        line.say("webrtc:ice", {
          session_id: this.#id,
          candidate: candidate?.candidate ?? null,
          sdp_mid: candidate?.sdpMid ?? null,
          sdp_mline_index: candidate?.sdpMLineIndex ?? null,
        }),
    });
  }

  /** Offer and answer; both proofs are checked before the answer is applied. @param {Peer} peer */
  async #negotiate(peer) {
    const { line, link, size } = this.#options;
    const sdp = await peer.offer();
    const guest = proofs.fingerprint(sdp);
    const nonce = proofs.makeNonce();
    this.#committed = null;
    const answer = await line.call("webrtc:offer", {
      session_id: this.#id,
      correlation_id: newId(),
      device_id: this.#target.id,
      sdp,
      sdp_type: "offer",
      ...size(),
      ...(this.#target.agent_id && { agent_id: this.#target.agent_id }),
      ...(this.#resume && { resume: this.#resume }),
      ...(this.#takeBack && { again: true }),
      ...(link && {
        proof: {
          share: link.id,
          nonce,
          mac: proofs.offerProof(link.secret, this.#id, guest, nonce),
        },
      }),
      ...(!link && { commit: proofs.commitment(nonce) }),
    });
    if (peer !== this.#peer) return;
    const agent = proofs.fingerprint(String(answer.sdp));
    if (link) {
      const expected = proofs.answerProof(link.secret, this.#id, agent, guest, nonce);
      if (!proofs.genuine(expected, answer.proof)) {
        const reason = "The answer's proof is wrong: it was changed on its way to the guest";
        line.say("webrtc:disconnect", { session_id: this.#id, reason });
        throw new Refusal(
          "The answer was changed on its way, so it may not come from the host. Nothing was sent.",
          "bad_proof",
        );
      }
    }
    const theirs = answer.code_nonce;
    if (!link && proofs.isNonce(theirs))
      this.#committed = { nonce, code: proofs.committedCode(this.#id, agent, guest, nonce, theirs) };
    this.#set({ code: link ? proofs.shortCode(link.secret, this.#id, agent, guest) : "" });
    await peer.accept(String(answer.sdp));
  }

  #opened() {
    clearTimeout(this.#late);
    const peer = this.#peer;
    if (!peer) return;
    if (!this.#state.seen) this.#set({ phase: "starting" });
    this.#talk = new Conversation(peer, !this.#options.plain, this.#outbox, {
      welcome: (welcome, dropped, agreed) => this.#welcomed(welcome, dropped, agreed),
      held: (bytes, typed) => this.#set({ held: { bytes, typed } }),
      connected: (container, dropped) => this.#connected(container, dropped),
      output: (data, end) => this.#output(data, end),
      snapshot: (snapshot) => this.#snapshot(snapshot),
      size: (size) => this.#resized(size),
      people: (people) => this.#set({ people }),
      keyboard: (keyboard) => {
        this.#set({ keyboard: { ...keyboard, againAt: performance.now() + keyboard.again_in * 1000 } });
      },
      recording: (on, since) => {
        this.#set({ recording: on ? new Date(since === null ? Date.now() : since * 1000) : null });
      },
      screen: (bytes, at) => {
        this.#show(bytes, true, at);
        if (at !== null) this.#options.handlers.drawn();
      },
      ended: (exitCode, reason, endCode) => {
        this.#finish({ exitCode, reason, endCode, exited: exitCode !== null });
      },
      idle: (seconds) => {
        this.#set({ idleEnd: seconds === null ? null : performance.now() + seconds * 1000 });
      },
      error: (text, code) => this.#remoteError(text, code),
      role: (role) => this.#set({ role }),
      approval: (state) => this.#set({ phase: state === "waiting" ? "approval" : "starting" }),
      notice: (text, level) => this.#options.handlers.notice(text, level),
      rtt: (milliseconds) => this.#measured(milliseconds),
      silent: () => this.#lost("The host does not answer"),
    });
    const before = {
      received: this.#received,
      wasLive: this.#state.seen,
      away: this.#away(),
      shell: this.#shellId,
      held: this.#state.held?.bytes,
    };
    this.#talk.begin(this.#options.size(), before, this.#options.about?.());
  }

  /** @returns {number} milliseconds since the connection was lost */
  #away() {
    if (!this.#lostAt) return 0;
    const { steady, wall } = this.#lostAt;
    return Math.max(performance.now() - steady, Date.now() - wall);
  }

  // --- What the agent says ---------------------------------------------------

  /**
   * @param {import("./conversation.js").Welcome} welcome
   * @param {number} dropped
   * @param {Set<string>} agreed
   */
  #welcomed(welcome, dropped, agreed) {
    const before = this.#state.seen;
    const { handlers } = this.#options;
    const isOther = !!this.#shellId && !!welcome.shell && this.#shellId !== welcome.shell;
    const committed = this.#committed;
    this.#committed = null;
    if (committed && this.#talk?.reveal(committed.nonce)) this.#set({ code: committed.code });
    this.#resume = welcome.resume;
    this.#shellId = welcome.shell;
    handlers.agreed({ size: agreed.has("size"), mute: agreed.has("mute") });
    if (!welcome.resumed || isOther) {
      this.#replayUntil = 0;
      this.#anew(before, dropped);
    } else if (welcome.start > this.#received && before && !agreed.has("snapshot")) {
      handlers.reset();
      handlers.notice("Some output was missed while you were away", "warning");
    }
    this.#set({
      role: welcome.role,
      target: welcome.target,
      me: welcome.participant,
      ...(!agreed.has("people") && { people: [] }),
      ...(!agreed.has("keyboard") && { keyboard: null }),
      ...(!agreed.has("recording") && { recording: null }),
      ...(!agreed.has("size") && { size: null }),
    });
    const { cols, rows } = welcome;
    if (agreed.has("size") && cols && rows) this.#resized({ cols, rows, by: this.#state.size?.by ?? "" });
  }

  /** @param {{cols: number, rows: number, by: string}} size */
  #resized({ cols, rows, by }) {
    this.#options.handlers.size(cols, rows);
    this.#set({ size: { cols, rows, by } });
  }

  /** The screen is drawn anew; what came before it is on none. @param {import("./conversation.js").Snapshot} snapshot */
  #snapshot({ at, cols, rows, left_out }) {
    const { handlers } = this.#options;
    handlers.redraw();
    if (this.#state.size) this.#resized({ cols, rows, by: this.#state.size.by });
    if (this.#had && at > this.#had) handlers.missed(at - this.#had);
    this.#had = at;
    this.#leftOut = { at, lines: left_out };
  }

  /** Somebody looks for what is above the first line. @param {number} most lines */
  wantHistory(most) {
    const { at, lines } = this.#leftOut;
    if (!lines || !this.live) return;
    this.#leftOut = { at: 0, lines: 0 };
    this.#talk?.history(at, Math.min(lines, most));
  }

  /** @param {string} container @param {number} dropped */
  #connected(container, dropped) {
    // In plain JSON nothing can be taken up: this is always a new shell.
    if (!this.#talk?.isV1) {
      this.#options.handlers.agreed({ size: false, mute: false });
      if (this.#state.seen) this.#anew(true, dropped);
    }
    this.#failures = 0;
    this.#lostAt = null;
    this.#takeBack = this.#byLink = false;
    this.#set({
      phase: "live", target: container, seen: true, reason: "", errorCode: "", since: null,
      waiting: 0, typed: new Uint8Array(),
    });
    void this.#peer?.path().then((path) => this.live && this.#set({ path }));
  }

  /**
   * Another shell than the one on the screen.
   *
   * @param {boolean} before there was one
   * @param {number} dropped bytes typed for it that it did not get
   */
  #anew(before, dropped) {
    this.#shell++;
    this.#had = 0;
    this.#leftOut = { at: 0, lines: 0 };
    if (!before) return;
    this.#set({ held: null });
    this.#options.handlers.reset();
    this.#options.handlers.notice(
      "The earlier shell is gone; this is a new one." +
        (dropped ? " What you typed meanwhile was not sent to it." : ""),
      "warning",
    );
  }

  /** @param {Uint8Array | string} data @param {number} end */
  #output(data, end) {
    if (typeof data === "string") return this.#options.handlers.output(data, false, () => {});
    this.#had = end;
    // A replay after a reload was answered before: it must not make the terminal type again.
    const old = Math.max(0, Math.min(data.length, this.#replayUntil - (end - data.length)));
    if (old) this.#show(data.subarray(0, old), true, end - data.length + old);
    if (old < data.length) this.#show(old ? data.subarray(old) : data, false, end);
  }

  /** @param {Uint8Array} bytes @param {boolean} replayed @param {number | null} end */
  #show(bytes, replayed, end) {
    const shell = this.#shell;
    this.#options.handlers.output(bytes, replayed, () => {
      if (end !== null && shell === this.#shell) this.#talk?.rendered(end);
    });
  }

  /** @param {string} text @param {string} code */
  #remoteError(text, code) {
    if (code === "replaced") this.#finish({ reason: text, errorCode: code });
    else if (this.#state.phase === "live") this.#options.handlers.notice(text, "warning");
    else this.#finish({ reason: text, errorCode: code });
  }

  /** @param {number} milliseconds */
  #measured(milliseconds) {
    this.#set({ rtt: milliseconds });
    void this.#peer?.path().then((path) => path && this.live && this.#set({ path }));
  }

  // --- Ends ------------------------------------------------------------------

  /** @param {string} reason */
  #lost(reason) {
    if (this.#state.phase === "ended") return;
    this.#leave();
    this.#stop();
    if (this.#state.seen && !this.#resume) this.#id = newId();
    this.#again(reason);
  }

  /** @param {Error} problem */
  #failed(problem) {
    const code = problem instanceof Refusal ? problem.code : "";
    if (!(problem instanceof Refusal)) console.error(problem);
    if (code === "session_exists" || (code === "access_denied" && this.#resume && !this.#byLink)) {
      // What we would come back to is no longer ours; a new session may still be had.
      this.#id = newId();
      this.#resume = "";
      return this.#again(problem.message);
    }
    const final = FINAL.has(code) || !(problem instanceof Refusal);
    if (final || (!this.#state.seen && this.#failures >= BACKOFF_MS.length))
      return this.#finish({ reason: problem.message, errorCode: code || "failed" });
    this.#stop();
    this.#again(problem.message, code);
  }

  /** Now, unless that was earlier. */
  #leave() {
    if (!this.#lostAt && this.#state.seen) {
      this.#lostAt = { steady: performance.now(), wall: Date.now() };
      this.#state = { ...this.#state, since: new Date() };
    }
  }

  /** @param {string} reason @param {string} [code] */
  #again(reason, code = "") {
    const paused = code === "link_suspended";
    if (!this.#state.seen && !paused && this.#failures >= BACKOFF_MS.length)
      return this.#finish({ reason, errorCode: "failed" });
    this.#ice = null;
    const wait = paused ? PAUSED_MS : BACKOFF_MS[Math.min(this.#failures++, BACKOFF_MS.length - 1)];
    this.#set({
      phase: "reconnecting", reason, errorCode: SAID.has(code) ? code : "", path: "", rtt: null,
      ...this.#kept(),
    });
    this.#retry = setTimeout(() => void this.#connect(), wait);
  }

  /** @param {Partial<State>} change */
  #finish(change) {
    this.#stop();
    this.#ice = null;
    this.#outbox.restart();
    this.#lostAt = null;
    this.#set({
      ...change, phase: "ended", path: "", rtt: null, waiting: 0, typed: new Uint8Array(), held: null,
      since: new Date(),
    });
  }

  /** Nothing of the ended session goes on in the next one. */
  #forget() {
    this.#id = newId();
    this.#resume = this.#shellId = "";
    this.#received = this.#replayUntil = this.#had = 0;
    this.#shell++;
    this.#byLink = this.#takeBack = false;
    this.#options.handlers.reset();
    this.#set({
      phase: "relay", seen: false, code: "", me: "", people: [], keyboard: null, recording: null,
      size: null,
    });
  }

  #stop() {
    this.#attempt++;
    clearTimeout(this.#retry);
    clearTimeout(this.#late);
    this.#retry = undefined;
    if (this.#talk) this.#received = this.#talk.received;
    this.#talk?.stop();
    this.#talk = null;
    this.#state = { ...this.#state, idleEnd: null };
    this.#peer?.close();
  }
}
