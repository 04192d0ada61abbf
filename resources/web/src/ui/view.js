/**
 * A session's state on the page: badge, card, banner, titles.
 *
 * Owns those elements. Words are words.js's; what a state is, session.js's.
 */

import { shown as clean } from "../names.js";
import * as words from "../words.js";
import { byId } from "./dom.js";

/** @typedef {import("../session.js").State} State */

const TONES = /** @type {Record<string, string>} */ ({ live: "good", ended: "bad" });

/**
 * @param {string} name the target, before the host has said what it is called
 * @param {string} [host] what the host is called
 */
export function view(name, host = "") {
  const app = byId("app");
  const badge = byId("badge");
  const cardIcon = byId("card-icon");
  const reconnect = /** @type {HTMLButtonElement} */ (byId("reconnect"));
  let title = "";
  /** @type {State | null} */
  let shown = null;

  const text = (/** @type {string} */ id, /** @type {string} */ content) => {
    const element = byId(id);
    // Unchanged text must not be read aloud again.
    if (element.textContent !== content) element.textContent = content;
  };

  const heading = () => {
    const target = clean(shown?.target || name);
    text("target", target);
    text("host", host && `on ${host}`);
    text("title", title === target ? "" : title);
    document.title = [title, target, host].filter(Boolean).join(" · ") || "Hatchway";
  };

  return {
    /** @param {string} value the terminal's own */
    title(value) {
      title = value;
      heading();
    },

    /** @param {State} state */
    show(state) {
      const before = shown?.phase;
      shown = state;
      const target = clean(state.target || name);
      app.dataset.phase = state.phase;
      app.toggleAttribute("data-fresh", !state.seen);
      heading();
      const word = words.badge(state);
      text("badge-text", word);
      text("rtt", state.rtt === null ? "" : words.rtt(state.rtt));
      badge.dataset.tone = state.exited ? "" : (TONES[state.phase] ?? "warn");
      badge.setAttribute("aria-label", `${word}${state.rtt === null ? "" : `, ${words.rtt(state.rtt)}`}. Details`);
      byId("role").hidden = state.role !== "view";
      const line = words.banner(state);
      text("banner", line);
      byId("banner").hidden = !line;

      const card = words.card(state, target);
      byId("veil").hidden = !card;
      if (card) {
        text("card-title", card.title);
        text("card-text", card.text);
        cardIcon.toggleAttribute("data-kind", !card.busy);
        if (!card.busy) cardIcon.dataset.kind = words.isFault(state) ? "fault" : "done";
        text("card-digits", state.code);
        byId("card-code").hidden = state.phase !== "approval" || !state.code;
        reconnect.hidden = !card.retry;
        if (card.retry && before !== "ended") reconnect.focus();
      }
      text("info-path", words.path(state));
      text("info-target", target);
      text("info-host", host);
      text("info-role", state.role === "view" ? "watch" : "type and watch");
      text("info-rtt", state.rtt === null ? "not measured" : words.rtt(state.rtt));
      text("info-code", state.code || "none yet");
      return before !== state.phase;
    },
  };
}
