/**
 * Copy and paste that also work on plain http, where browsers hide their clipboard.
 *
 * Owns both ways of each, and what of a text may be pasted. Does not own what is pasted where.
 */

/**
 * Call it from a click or a key.
 *
 * @param {string} text
 * @returns {Promise<boolean>} whether it is in the clipboard now
 */
export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // Not on this page, or not allowed: the old way works in the middle of a click.
  }
  /** @param {ClipboardEvent} event */
  const fill = (event) => {
    event.clipboardData?.setData("text/plain", text);
    event.preventDefault();
    event.stopImmediatePropagation();
  };
  document.addEventListener("copy", fill, { capture: true, once: true });
  const done = document.execCommand("copy");
  document.removeEventListener("copy", fill, { capture: true });
  return done;
}

/** @returns {Promise<string | null>} null where a page may not read: let the person paste */
export async function read() {
  try {
    return await navigator.clipboard.readText();
  } catch {
    return null;
  }
}

/** C0 but tab and CR, DEL, and C1: an ESC could end the brackets or act as a key. */
const CONTROLS = /[\x00-\x08\x0a-\x0c\x0e-\x1f\x7f-\x9f]/g;

/** Text that was not typed: line ends as the Enter key sends them, control characters gone. @param {string} text */
export const clean = (text) => text.replace(/\r\n|\n/g, "\r").replace(CONTROLS, "");

/**
 * Whether a paste would run commands at once: several lines, and a program that does not
 * tell a paste from typing.
 *
 * @param {string} text
 * @param {boolean} bracketed
 */
export const isRisky = (text, bracketed) => !bracketed && /[\r\n]./s.test(text.trimEnd() + " ");
