/**
 * A session's state on the page: header, text pages, facts of the connection, the tab's title.
 *
 * Owns those elements. Words are words.js's; what a state is, session.js's. A program's own title
 * has no place there: it could pretend to be the page's.
 */

import { shown as clean } from "../names.js";
import * as words from "../words.js";
import { byId, setIcon, setText } from "./dom.js";

/** @typedef {import("../session.js").State} State */

const CARD_ICONS = /** @type {Record<string, string>} */ ({ approval: "clock", ended: "stop" });

/**
 * @param {string} name the target, before the host has said what it is called
 * @param {string} [host] what the host is called
 */
export function view(name, host = "") {
  const app = byId("app");
  const badge = byId("badge");
  const role = byId("role");
  const reconnect = /** @type {HTMLButtonElement} */ (byId("reconnect"));
  /** @type {State | null} */
  let shown = null;

  const header = (/** @type {State} */ state) => {
    const target = clean(state.target || name);
    setText("target", target || "Hatchway");
    setText("host", host);
    document.title = [target, host].filter(Boolean).join(" · ") || "Hatchway";
    const part = words.part(state, host);
    role.dataset.tone = part.tone;
    setIcon("role-icon", part.icon);
    setText("role-text", part.text);
    setText("role-short", part.short);
    role.setAttribute("aria-label", `${part.text}. Details`);
    const word = words.badge(state);
    const rtt = state.rtt === null ? "" : words.rtt(state.rtt);
    badge.hidden = state.phase !== "live";
    setText("badge-text", word);
    setText("rtt", rtt);
    badge.setAttribute("aria-label", `${[word, rtt].filter(Boolean).join(", ")}. Details`);
    recording(state);
  };

  const recording = (/** @type {State} */ { recording: since, phase }) => {
    const mark = byId("recording");
    mark.hidden = !since || phase === "ended";
    const seconds = since ? Math.max(0, Math.floor((Date.now() - since.getTime()) / 1000)) : 0;
    const two = (/** @type {number} */ number) => String(number).padStart(2, "0");
    const hours = seconds >= 3600 ? `${Math.floor(seconds / 3600)}:` : "";
    setText("recording-time", `${hours}${two(Math.floor((seconds % 3600) / 60))}:${two(seconds % 60)}`);
    mark.setAttribute("aria-label", `Recorded by the host for ${words.span(seconds)}. Details`);
    setText("info-recorded", since ? `since ${words.minute(since)}, by the host` : "no");
  };

  const card = (/** @type {State} */ state, /** @type {State["phase"] | undefined} */ before) => {
    const page = words.card(state, clean(state.target || name));
    byId("veil").hidden = !page;
    if (!page) return;
    setText("card-title", page.title);
    setText("card-text", page.text);
    setIcon("card-symbol", words.isFault(state) ? "error" : (CARD_ICONS[state.phase] ?? "computer"));
    byId("card-icon").dataset.tone = words.isFault(state) ? "danger" : state.phase === "approval" ? "wait" : "";
    setText("card-digits", state.code);
    byId("card-code").hidden = state.phase !== "approval" || !state.code;
    reconnect.hidden = !page.retry;
    setText("reconnect", state.errorCode === "replaced" ? "Come back here" : "Try again");
    if (before !== "ended" && state.phase === "ended") byId("card-title").focus();
  };

  setInterval(() => shown?.recording && recording(shown), 1000);
  return {
    /** @param {State} state @returns {boolean} whether it is another phase */
    show(state) {
      const before = shown?.phase;
      shown = state;
      app.dataset.phase = state.phase;
      app.toggleAttribute("data-fresh", !state.seen);
      header(state);
      card(state, before);
      setText("info-path", words.path(state));
      setText("info-code", state.code || (state.phase === "live" ? "cannot be compared" : "none yet"));
      return before !== state.phase;
    },
  };
}
