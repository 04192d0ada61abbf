/** Pasting: with a warning where it would run commands, by hand where the page may not read. */

import { clean, isRisky, read } from "../clipboard.js";
import { byId } from "./dom.js";

const SHOWN = 20_000;

/**
 * @param {import("../screen.js").Screen} screen
 * @returns {{button: () => Promise<void>, text: (text: string) => Promise<void>}} what the button
 *   does, and what a paste by key or menu does
 */
export function pasting(screen) {
  const dialog = /** @type {HTMLDialogElement} */ (byId("paste-dialog"));
  const form = /** @type {HTMLFormElement} */ (dialog.querySelector("form"));
  const area = /** @type {HTMLTextAreaElement} */ (byId("paste-text"));
  const words = byId("paste-words");

  /** @param {string} explanation @param {string} text @returns {Promise<string | null>} */
  const ask = (explanation, text) => {
    words.textContent = explanation;
    area.value = text;
    dialog.showModal();
    area.focus();
    return new Promise((done) => {
      dialog.oncancel = () => done(null);
      // Closed here, not by the browser a moment later: the next key is for the terminal.
      form.onsubmit = (event) => {
        event.preventDefault();
        dialog.close();
        done(event.submitter?.getAttribute("value") === "paste" ? area.value : null);
      };
    });
  };
  const put = (/** @type {string} */ text) => {
    screen.paste(text);
    screen.terminal.focus();
  };
  const paste = async (/** @type {string} */ pasted) => {
    // Shown and asked about is what would be typed.
    const text = clean(pasted);
    if (!isRisky(text, screen.terminal.modes.bracketedPasteMode)) return put(text);
    if (text.length > SHOWN) {
      const lines = text.split(/\r\n?|\n/).length;
      if (confirm(`Paste ${lines} lines? Each runs as a command at once.`)) put(text);
      return;
    }
    const edited = await ask("These are several lines: each runs as a command at once.", text);
    if (edited) put(edited);
  };
  return {
    text: paste,
    button: async () => {
      const text = await read();
      if (text !== null) return text ? paste(text) : undefined;
      const typed = await ask("This page may not read your clipboard. Paste the text here:", "");
      if (typed) put(typed);
    },
  };
}
