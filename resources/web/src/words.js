/**
 * The states of a session as a person reads them.
 *
 * Owns every sentence about a session. Does not own where it stands on the page.
 */

import { printable, row, shown } from "./names.js";
import { controllers, holder, nameOf, standing, typists } from "./standing.js";

/** @typedef {import("./session.js").State} State */

/**
 * @typedef {object} Around what else the foot of the page depends on
 * @property {string} host what the host is called
 * @property {number} now milliseconds of performance.now()
 * @property {number} clock milliseconds since 1970
 * @property {import("./screen.js").View | null} view
 * @property {boolean} whole a larger shell is shown whole
 * @property {{text: string, action: string} | null} notice
 *
 * @typedef {"again" | "back" | "discard" | "hurry" | "keep" | "send" | "ask" | "unask" | "end" | "fit"
 *   | "full" | "act" | "dismiss" | "save"} Act
 *
 * @typedef {object} Foot
 * @property {string} kind which state it is; the same one is not read aloud again
 * @property {"" | "views" | "wait" | "frozen" | "danger" | "guest"} tone
 * @property {string} icon
 * @property {string} first the part that counts
 * @property {string} [second]
 * @property {Uint8Array | null} [kept] what was typed
 * @property {{act: Act, label: string, main?: boolean, pressed?: boolean, disabled?: boolean}[]} [buttons]
 * @property {boolean} [urgent] read aloud at once, and shown where there is no room for a foot
 */

/** Titles for the ends that have a name of their own. */
const REFUSALS = /** @type {Record<string, [string, string?]>} */ ({
  bad_proof: ["This connection is not safe"],
  link_unknown: ["This link does not work", "The host may be offline, or the link was removed."],
  link_damaged: ["This link is not complete"],
  link_expired: ["This link has expired"],
  link_used: ["This link was used already"],
  link_revoked: ["The host revoked this link"],
  access_denied: ["The host did not let you in"],
  target_not_found: ["There is no such terminal"],
  target_not_running: ["This container is not running"],
  ambiguous_target: ["Several hosts share this name", "Open the list and choose one."],
  agent_offline: ["The host is not connected", "Ask whether Hatchway is running there."],
  no_webrtc: ["This browser lacks WebRTC, or blocks it", "Allow it for this page, or open the link in another browser."],
  relay_refused: ["The relay rejected the connection"],
  relay_silent: ["The relay does not answer"],
  link_suspended: ["The host has paused this link", "This page opens the terminal when the link works again."],
  shell_ended: ["The shared terminal has ended", "Ask the host for a new link."],
  replaced: ["You opened this terminal elsewhere", "It is open in one place at a time."],
  not_supported: ["The host’s Hatchway is too old for that", "Ask whether it can be updated there."],
  no_turn: ["No permitted path to the host", "Try again later, or ask the host."],
  timeout: ["The host does not answer"],
  host_stopped: ["The host has stopped"],
  session_limit: ["The host has reached its session limit"],
  failed: ["The connection could not be made"],
});

/**
 * Ends that are not the program's own, by the host's word for them: a title, and what to say where
 * the host's own reason is not enough.
 *
 * @type {Record<string, [string, string]>}
 */
const ENDS = {
  closed: ["The session was closed", ""],
  idle: ["Closed for inactivity", "Nothing was typed or printed for too long."],
  grace: ["The terminal was closed while you were away", "You were disconnected for longer than the host waits."],
  removed: ["The host removed you", ""],
  removed_asks: ["The host removed you", "The link now asks the host first."],
  removed_revoked: ["The host revoked this link", "Its sessions were closed."],
  limit: ["The terminal reached a limit", ""],
  host_stopped: ["The host has stopped", "Ask whether Hatchway will run there again."],
  target_stopped: ["The container is no longer running", ""],
};
/** Ends after which the same address opens nothing. */
const NO_RETRY = new Set(["link_damaged", "link_used", "removed_revoked", "shell_ended"]);
/** Ends that nobody at this page need worry about. */
const ORDERLY = new Set(["", "ended", "closed"]);

/** @param {number} milliseconds */
export const rtt = (milliseconds) =>
  milliseconds < 1 ? "<1 ms" : `${milliseconds < 10 ? milliseconds.toFixed(1) : Math.round(milliseconds)} ms`;

/** One or two words for the badge. @param {State} state @returns {string} */
export function badge(state) {
  switch (state.phase) {
    case "relay":
    case "asking":
    case "connecting":
    case "starting":
      return "Connecting";
    case "approval":
      return "Waiting";
    case "reconnecting":
      return "Reconnecting";
    case "ended":
      return "Ended";
    case "live":
      return state.path === "relayed" ? "Relayed" : state.path === "direct" ? "Direct" : "Connected";
  }
}

/**
 * Above the list of terminals.
 *
 * @param {import("./signaling.js").Target[]} targets
 * @param {import("./signaling.js").Target[]} found those that the address may mean: none, or several
 * @param {{agent: string, target: string}} wanted
 */
export function choice(targets, found, { agent, target }) {
  if (!target)
    return targets.length
      ? "Choose a terminal to open."
      : "Nothing is shared at the moment. What the host shares appears here.";
  const name = `“${shown(target)}”`;
  if (found.length) return `${found.length} hosts share ${name}. Choose one of them.`;
  const host = targets.find((row) => row.agent_id === agent);
  const missing = host
    ? `${shown(host.agent_name)} does not share ${name} at the moment.`
    : agent
      ? `The host that shared ${name} is not connected, or shares nothing at the moment.`
      : `Nobody shares ${name} at the moment.`;
  const otherwise = targets.length ? " Or choose another one." : "";
  return `${missing} When that changes, the terminal opens here.${otherwise}`;
}

/** What the badge means. @param {State} state @returns {string} */
export function path(state) {
  if (state.path === "direct") return "Direct: encrypted from your browser to the host, with nothing in between.";
  if (state.path === "relayed")
    return "Relayed: encrypted from your browser to the host; a TURN server forwards the packets.";
  return "Encrypted from your browser to the host.";
}

/** @param {State} state @returns {boolean} whether it went wrong, rather than came to its end */
export const isFault = (state) =>
  state.phase === "ended" && (!ORDERLY.has(state.endCode) || (!state.exited && !!state.errorCode));

/**
 * The page that stands where there is no terminal yet; null when there is one.
 *
 * @param {State} state
 * @param {string} target
 * @returns {{title: string, text: string, retry: boolean} | null}
 */
export function card(state, target) {
  const waiting = (/** @type {string} */ title, /** @type {string} */ text) => ({
    title, text, retry: false,
  });
  switch (state.phase) {
    case "relay":
      return waiting("Connecting to the relay…", "It introduces your browser to the host.");
    case "asking":
      return waiting("Asking the host…", `For a terminal in ${target}.`);
    case "connecting":
      return waiting("Connecting…", "Looking for the shortest path between you and the host.");
    case "starting":
      return waiting("Starting the terminal…", `In ${target}.`);
    case "approval":
      return waiting(
        "Waiting for the host’s approval",
        "The host has been asked. Keep this page open.",
      );
    case "reconnecting":
      if (state.seen) return null;
      if (state.errorCode) {
        const [title, advice = sentence(state.reason)] = row(REFUSALS, state.errorCode) ?? ["Trying again…"];
        return waiting(title, advice);
      }
      return waiting("Trying again…", sentence(state.reason));
    case "ended":
      if (state.seen) return null;
      return { ...ending(state), retry: !NO_RETRY.has(state.errorCode || state.endCode) };
    case "live":
      return null;
  }
}

/**
 * What the header says of the part that one plays.
 *
 * @param {State} state
 * @param {string} host
 * @returns {{icon: string, tone: string, text: string, short: string}} `short`: for narrow windows
 */
export function part(state, host) {
  const say = (/** @type {string} */ icon, /** @type {string} */ tone, /** @type {string} */ text, short = text) =>
    ({ icon, tone, text, short });
  switch (state.phase) {
    case "live":
      break;
    case "reconnecting":
      return state.seen ? say("error", "danger", "Lost") : say("clock", "views", "Connecting");
    case "approval":
      return say("clock", "wait", "Waiting");
    case "ended":
      return state.endCode.startsWith("removed") ? say("remove", "danger", "Removed") : say("stop", "views", "Ended");
    default:
      return say("clock", "views", "Connecting");
  }
  switch (standing(state)) {
    case "type":
      return say("keyboard", "accent", "You can type", "Type");
    case "view":
      return say("eye", "views", "You view", "View");
    case "frozen":
      return say("snow", "frozen", "Frozen");
    case "taken":
      return say("keyboard", "guest", `${holder(state, host)} types`, "Taken");
  }
}

/**
 * The line at the foot: the first thing of these that holds.
 *
 * @param {State} state
 * @param {Around} around
 * @returns {Foot}
 */
export function foot(state, around) {
  const { now, clock, notice } = around;
  if (!state.seen) return { kind: "none", tone: "", icon: "", first: "" };
  if (state.phase === "ended") return ended(state);
  if (state.phase === "reconnecting") return lost(state, clock);
  if (state.idleEnd !== null) return idle(state, now);
  if (notice?.action)
    return {
      kind: `ask ${notice.text}`, tone: "wait", icon: "copy", first: notice.text,
      buttons: [{ act: "dismiss", label: "Not now" }, { act: "act", label: notice.action }],
    };
  if (state.held) return held(state.held);
  return restrained(state, around) ?? quiet(state, around);
}

/** @param {State} state @returns {Foot} */
function ended(state) {
  const at = state.since ? ` at ${minute(state.since)}` : "";
  const save = /** @type {const} */ ({ act: "save", label: "Save the output" });
  if (state.errorCode === "replaced")
    return {
      kind: "replaced", tone: "views", icon: "computer", urgent: true,
      first: "You opened this terminal elsewhere.", second: at && `You continued there${at}.`,
      buttons: [{ act: "back", label: "Come back here" }],
    };
  const { title, text } = ending(state);
  const again = !NO_RETRY.has(state.errorCode || state.endCode);
  const removed = state.endCode.startsWith("removed");
  const exited = state.exited && !row(ENDS, state.endCode);
  const label = removed ? "Ask to come back" : exited ? "New shell" : "Try again";
  return {
    kind: "ended", tone: removed ? "danger" : "views", icon: removed ? "remove" : "stop", urgent: true,
    first: exited ? `The shell ended${at} with exit code ${state.exitCode}.` : `${title}${at}.`,
    second: exited ? "" : text,
    buttons: [...(removed ? [] : [save]), ...(again ? [/** @type {const} */ ({ act: "again", label })] : [])],
  };
}

/** Why there is no way back at the moment. */
const AWAY = /** @type {Record<string, string>} */ ({
  link_suspended: "The host has paused this link.",
  link_unknown: "The host is away, or was started again and this link is gone.",
});

/** Seconds for which what is typed while away is still sent. */
const SEND_SECONDS = 30;

/** @param {State} state @param {number} clock @returns {Foot} */
function lost(state, clock) {
  if (!state.since) return { kind: "again", tone: "", icon: "clock", first: "Connecting again." };
  const seconds = Math.max(0, Math.floor((clock - state.since.getTime()) / 1000));
  const why = row(AWAY, state.errorCode) ?? "Trying again.";
  const kept = state.typed.length ? state.typed : null;
  const what = kept
    ? seconds > SEND_SECONDS
      ? "What you typed is kept, not sent:"
      : "Sent when you are back, unless somebody else types:"
    : `This is the screen of ${second(state.since)}.`;
  return {
    kind: "lost", tone: "danger", icon: "error", urgent: true, kept,
    first: `Connection lost ${span(seconds)} ago.`, second: `${why} ${what}`,
    buttons: [
      ...(kept ? [/** @type {const} */ ({ act: "discard", label: "Discard" })] : []),
      { act: "hurry", label: "Try now" },
    ],
  };
}

/** @param {State} state @param {number} now @returns {Foot} */
function idle(state, now) {
  const seconds = Math.max(0, Math.ceil((Number(state.idleEnd) - now) / 1000));
  const hint = standing(state) === "type" ? " Typing keeps it open, too." : "";
  return {
    kind: seconds <= 10 ? "idle, soon" : "idle", tone: "wait", icon: "clock", urgent: true,
    first: `This terminal closes in ${seconds} s.`, second: `Nothing was typed or printed for a while.${hint}`,
    buttons: [{ act: "keep", label: "Keep open", main: true }],
  };
}

/** @param {import("./session.js").Held} held @returns {Foot} */
const held = ({ bytes, typed }) => ({
  kind: "held", tone: "wait", icon: "keyboard", urgent: true, kept: bytes,
  first: "You typed this while away.",
  second: typed
    ? "Somebody else has typed since, so it was not sent."
    : `That was more than ${SEND_SECONDS} s ago, so it was not sent.`,
  buttons: [{ act: "discard", label: "Discard" }, { act: "send", label: "Send" }],
});

/** What keeps somebody from typing. @param {State} state @param {Around} around @returns {Foot | null} */
function restrained(state, around) {
  const what = standing(state);
  if (what === "frozen")
    return {
      kind: "frozen", tone: "frozen", icon: "snow", urgent: true,
      first: "The host has frozen this terminal.",
      second: "You see everything; what you type is not sent and not kept.",
    };
  const { keyboard } = state;
  if (what === "type" && keyboard?.state === "taken")
    return {
      kind: "mine", tone: "", icon: "keyboard", first: "You have the keyboard.",
      second: "Nobody else can type.", buttons: [...zoom(around), { act: "unask", label: "Hand it back" }],
    };
  if (what === "type" || !keyboard) return null;
  if (keyboard.asked === "waiting")
    return {
      kind: "asked", tone: "wait", icon: "clock", first: "Asked for the keyboard.",
      second: "Waiting for the host.", buttons: [{ act: "unask", label: "Stop asking" }],
    };
  const wait = Math.ceil((keyboard.againAt - around.now) / 1000);
  if (keyboard.asked === "denied" && wait > 0)
    return {
      kind: "denied", tone: "", icon: "eye", first: "The host kept the keyboard.",
      second: `You can ask again in ${wait} s.`, buttons: zoom(around),
    };
  if (what === "taken")
    return {
      kind: "taken", tone: "guest", icon: "keyboard",
      first: `${holder(state, around.host)} has the keyboard.`, second: "What you type is not sent.",
      buttons: [...zoom(around), ask(wait)],
    };
  return null;
}

/** Nothing out of the ordinary. @param {State} state @param {Around} around @returns {Foot} */
function quiet(state, around) {
  const { host, notice, view } = around;
  if (view?.back)
    return {
      kind: "back", tone: "", icon: "history",
      first: `${view.back} ${view.back === 1 ? "line" : "lines"} back.`,
      second: "The program goes on; typing returns to the end.",
      buttons: [{ act: "end", label: "To the end" }],
    };
  const asking = state.keyboard ? [ask(Math.ceil((state.keyboard.againAt - around.now) / 1000))] : [];
  const buttons = [...zoom(around), ...(standing(state) === "view" ? asking : [])];
  if (notice) return { kind: `say ${notice.text}`, tone: "", icon: "info", first: notice.text, buttons };
  const names = typists(state, host);
  const typing = names.length
    ? `${names.length > 2 ? `${names.length} others are` : `${names.join(" and ")} ${names.length > 1 ? "are" : "is"}`} typing.`
    : "";
  if (standing(state) === "view")
    return { kind: "view", tone: "", icon: "eye", first: "You view.", second: typing, buttons };
  const others = controllers(state);
  const all = others ? `You and ${others} ${others === 1 ? "other" : "others"} can type.` : "";
  return {
    kind: "type", tone: typing ? "guest" : "", icon: "keyboard", first: typing || all,
    second: typing ? "You can type, too." : "", buttons,
  };
}

/** @param {number} wait seconds @returns {{act: Act, label: string, disabled?: boolean}} */
const ask = (wait) =>
  wait > 0
    ? { act: "ask", label: `Ask again in ${wait} s`, disabled: true }
    : { act: "ask", label: "Ask for the keyboard" };

/** @param {Around} around @returns {{act: Act, label: string, pressed: boolean}[]} */
const zoom = ({ view, whole }) =>
  view?.larger
    ? [
        { act: "fit", label: "Fit", pressed: whole },
        { act: "full", label: "100 %", pressed: !whole },
      ]
    : [];

/**
 * The terminal's size, and whose it is.
 *
 * @param {State} state
 * @param {Around} around
 */
export function size(state, { view, host }) {
  if (!view || !state.seen) return "";
  const cells = `${view.cols} × ${view.rows}`;
  if (view.larger) return view.percent < 100 ? `${cells}, shown at ${view.percent} %` : `${cells}, shown in part`;
  if (!view.smaller || !state.size) return cells;
  const { by } = state.size;
  if (by === "pinned") return `${cells}, set by the host`;
  const who = state.people.find((one) => one.id === by);
  return who && who.id !== state.me ? `${cells}, as in ${nameOf(who, host)}’s window` : cells;
}

/** @param {number} bytes @returns {string} */
export function missed(bytes) {
  const amount =
    bytes < 1000 ? `${bytes} bytes` : bytes < 1e6 ? `${(bytes / 1e3).toFixed(0)} KB` : `${(bytes / 1e6).toFixed(1)} MB`;
  return `You missed ${amount} of output: it was skipped to keep up.`;
}

/** The bound is bounds.js's, in base64. */
export const TOO_MUCH_TO_COPY = "A program wants to copy more than 192 KiB. Your clipboard stays as it is.";

/** @param {Date | null} since @returns {string} */
export const recorded = (since) =>
  since ? `The host records this terminal since ${minute(since)}.` : "The host stopped recording.";

/** What somebody in the list of people does. @param {import("./wire.js").Person} person @param {State} state */
export function doing(person, state) {
  const { keyboard } = state;
  if (person.typing) return { icon: "keyboard", tone: person.id === state.me ? "accent" : "guest", text: "is typing" };
  if (person.kind === "host") return { icon: "computer", tone: "views", text: "host" };
  if (keyboard?.state === "frozen") return { icon: "snow", tone: "frozen", text: "frozen" };
  if (keyboard?.state === "taken" && keyboard.holder === person.id)
    return { icon: "keyboard", tone: person.id === state.me ? "accent" : "guest", text: "has the keyboard" };
  if (person.role === "view" || keyboard?.state === "taken") return { icon: "eye", tone: "views", text: "views" };
  return { icon: "keyboard", tone: person.id === state.me ? "accent" : "views", text: "can type" };
}

/** @param {State} state @param {string} host @returns {string} for those who hear the row of faces */
export function company(state, host) {
  const names = typists(state, host);
  const typing = names.length ? ` ${names.join(", ")} ${names.length > 1 ? "are" : "is"} typing.` : "";
  return `${state.people.length} here.${typing} Open the list.`;
}

/** @param {Date} date */
export const minute = (date) => date.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
/** @param {Date} date */
const second = (date) => date.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit" });
/** @param {number} seconds */
export const span = (seconds) =>
  seconds < 60 ? `${seconds} s` : seconds < 3600 ? `${Math.floor(seconds / 60)} min` : `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;

/** What control characters are called, where typed text is shown. @type {Record<string, string>} */
const KEYS = {
  "\r": "Enter", "\n": "Enter", "\t": "Tab", "\x1b": "Esc", "\x7f": "Backspace",
  "\x1b[A": "↑", "\x1b[B": "↓", "\x1b[C": "→", "\x1b[D": "←",
};

/**
 * Typed bytes as they can be shown: texts, and keys by their names.
 *
 * @param {Uint8Array} bytes
 * @returns {{text: string, key: boolean}[]}
 */
export function typed(bytes) {
  const pieces = new TextDecoder().decode(bytes).match(/\x1b\[[0-9;?<>]*[@-~]|[\x00-\x1f\x7f]|[^\x00-\x1f\x7f]+/g) ?? [];
  return pieces.map((piece) => {
    if (KEYS[piece]) return { text: KEYS[piece], key: true };
    if (piece.startsWith("\x1b")) return { text: "key", key: true };
    if (piece < " ") return { text: `^${String.fromCharCode(piece.charCodeAt(0) + 64)}`, key: true };
    return { text: printable(piece), key: false };
  });
}

/** @param {State} state */
function ending(state) {
  const end = row(ENDS, state.endCode);
  if (end) return { title: end[0], text: end[1] || sentence(state.reason) };
  if (state.exited) {
    const title = state.exitCode === 0 ? "The session has ended" : `Ended with exit code ${state.exitCode}`;
    const text = state.exitCode === 0 ? "The shell exited with code 0." : state.reason;
    return { title, text };
  }
  const [title, advice] = row(REFUSALS, state.errorCode) ?? ["The session has ended"];
  return { title, text: [sentence(state.reason), advice].filter(Boolean).join(" ") };
}

/** @param {string} text */
const sentence = (text) => (text && !/[.!?…]$/.test(text) ? `${text}.` : text);
