/**
 * The states of a session as a person reads them.
 *
 * Owns every sentence about a session. Does not own where it stands on the page.
 */

/** @typedef {import("./session.js").State} State */

/** Titles for the ends that have a name of their own. */
const REFUSALS = /** @type {Record<string, [string, string?]>} */ ({
  bad_proof: ["This connection is not safe"],
  link_unknown: ["This link does not work", "The host may be offline, or the link was removed."],
  link_expired: ["This link has expired"],
  link_used: ["This link was used already"],
  link_revoked: ["This link was withdrawn"],
  access_denied: ["The host did not let you in"],
  target_not_found: ["There is no such terminal"],
  target_not_running: ["This container is not running"],
  agent_offline: ["The host is not connected", "Ask whether Hatchway is running there."],
  relay_refused: ["The relay did not let you in"],
  timeout: ["The host does not answer"],
  host_stopped: ["The host has stopped"],
  session_limit: ["The host has no room for another guest"],
  failed: ["The connection could not be made"],
});

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

/** What the badge means. @param {State} state @returns {string} */
export function path(state) {
  if (state.path === "direct") return "Direct: encrypted from your browser to the host, with nothing in between.";
  if (state.path === "relayed")
    return "Relayed: encrypted from your browser to the host; a TURN server passes the packets on.";
  return "Encrypted from your browser to the host.";
}

/** @param {State} state @returns {boolean} whether it went wrong, rather than came to its end */
export const isFault = (state) => state.phase === "ended" && !state.exited && !!state.errorCode;

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
      return waiting("Reaching the relay…", "It introduces your browser to the host.");
    case "asking":
      return waiting("Asking the host…", `For a terminal in ${target}.`);
    case "connecting":
      return waiting("Connecting…", "Looking for the shortest path between you and the host.");
    case "starting":
      return waiting("Starting the terminal…", `In ${target}.`);
    case "approval":
      return waiting(
        "Waiting for the host’s approval",
        "They have been told that you are here. Keep this page open.",
      );
    case "reconnecting":
      return state.seen ? null : waiting("Trying again…", state.reason);
    case "ended":
      return { ...ending(state), busy: false, retry: state.errorCode !== "link_used" };
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

/** @param {State} state */
function ending(state) {
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
