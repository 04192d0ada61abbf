/**
 * The warning that a terminal closes unless somebody is there, counting down.
 *
 * Owns its elements and where they stand: over the terminal, away from its cursor, because
 * room of its own would give the terminal another size, and the program a reason to print.
 * Does not own when it is shown.
 */

import * as words from "../words.js";
import { byId } from "./dom.js";

/** At which second it is read aloud once more. */
const AGAIN = 10;
/** A button that has just come may be in the way of a click that was meant for the terminal. */
const DEAF_MS = 400;

/**
 * @param {import("@xterm/xterm").Terminal} terminal
 * @param {() => void} keep keeps the terminal open
 * @returns {{show: (end: number | null, readOnly: boolean) => void, focus: () => boolean}} `end`: when it
 *   closes, in milliseconds of performance.now(); null: it does not. `focus` is false where nothing is shown
 */
export function idleWarning(terminal, keep) {
  const place = byId("idle");
  const button = /** @type {HTMLButtonElement} */ (byId("keep"));
  /** @type {number | null} */
  let shownEnd = null;
  let since = 0;
  /** @type {ReturnType<typeof setInterval> | undefined} */
  let timer;

  const count = (/** @type {boolean} */ readOnly) => {
    const seconds = Math.max(0, Math.ceil(((shownEnd ?? 0) - performance.now()) / 1000));
    const { text, hint } = words.idle(seconds, readOnly);
    byId("idle-text").textContent = text;
    byId("idle-hint").textContent = hint;
    // The countdown itself is never read aloud: twice is enough.
    const aloud = byId("idle-aloud");
    if (!aloud.textContent || seconds === AGAIN) aloud.textContent = `${text} ${hint}`;
  };
  button.onclick = () => {
    if (performance.now() - since < DEAF_MS) return;
    keep();
    terminal.focus();
  };
  return {
    show(end, readOnly) {
      if (end === shownEnd) return;
      clearInterval(timer);
      const hadFocus = document.activeElement === button;
      shownEnd = end;
      place.hidden = end === null;
      byId("idle-aloud").textContent = "";
      // Nothing else takes the focus of a button that goes.
      if (end === null) return hadFocus ? terminal.focus() : undefined;
      since = performance.now();
      place.dataset.at = terminal.buffer.active.cursorY < terminal.rows / 2 ? "bottom" : "top";
      count(readOnly);
      timer = setInterval(() => count(readOnly), 1000);
    },
    focus() {
      if (!place.hidden) button.focus();
      return !place.hidden;
    },
  };
}
