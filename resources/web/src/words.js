/**
 * The states of a session as a person reads them.
 *
 * Owns every sentence about a session. Does not own where it stands on the page.
 */

import { shown } from "./names.js";

/** @typedef {import("./session.js").State} State */

/** Titles for the ends that have a name of their own. */
const REFUSALS = /** @type {Record<string, [string, string?]>} */ ({
  bad_proof: ["This connection is not safe"],
  link_unknown: ["This link does not work", "The host may be offline, or the link was removed."],
  link_expired: ["This link has expired"],
  link_used: ["This link was used already"],
  link_revoked: ["The host revoked this link"],
  access_denied: ["The host did not let you in"],
  target_not_found: ["There is no such terminal"],
  target_not_running: ["This container is not running"],
  ambiguous_target: ["Several hosts share this name", "Open the list and choose one."],
  agent_offline: ["The host is not connected", "Ask whether Hatchway is running there."],
  relay_refused: ["The relay rejected the connection"],
  relay_silent: ["The relay does not answer"],
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
const NO_RETRY = new Set(["link_used", "removed_revoked"]);
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
 * The card that stands before the terminal; null when nothing does.
 *
 * @param {State} state
 * @param {string} target
 * @returns {{title: string, text: string, busy: boolean, retry: boolean} | null}
 */
export function card(state, target) {
  const waiting = (/** @type {string} */ title, /** @type {string} */ text) => ({
    title, text, busy: true, retry: false,
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
      return state.seen ? null : waiting("Trying again…", state.reason);
    case "ended":
      return { ...ending(state), busy: false, retry: !NO_RETRY.has(state.errorCode || state.endCode) };
    case "live":
      return null;
  }
}

/** The line above a terminal that lost its connection. @param {State} state */
export function banner(state) {
  if (state.phase !== "reconnecting" || !state.seen) return "";
  const typed = state.waiting
    ? ` What you type is kept (${state.waiting} ${state.waiting === 1 ? "byte" : "bytes"}).`
    : " What you type now is kept and sent when it is back.";
  return `${state.reason || "The connection was lost"}. Reconnecting…${typed}`;
}

/**
 * Before it closes for that.
 *
 * @param {number} seconds
 * @param {boolean} readOnly
 */
export const idle = (seconds, readOnly) => ({
  text: `This terminal closes in ${seconds} s without activity.`,
  hint: readOnly ? "" : "Typing also keeps it open.",
});

/** @param {State} state */
function ending(state) {
  const end = ENDS[state.endCode];
  if (end) return { title: end[0], text: end[1] || sentence(state.reason) };
  if (state.exited) {
    const title = state.exitCode === 0 ? "The session has ended" : `Ended with exit code ${state.exitCode}`;
    const text = state.exitCode === 0 ? "The shell exited with code 0." : state.reason;
    return { title, text };
  }
  const [title, advice] = REFUSALS[state.errorCode] ?? ["The session has ended"];
  return { title, text: [sentence(state.reason), advice].filter(Boolean).join(" ") };
}

/** @param {string} text */
const sentence = (text) => (text && !/[.!?…]$/.test(text) ? `${text}.` : text);
