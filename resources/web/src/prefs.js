/** What this person likes, kept in this browser. Owns the values and their bounds. */

const KEY = "hatchway.preferences";
export const FONT_SIZES = { smallest: 9, largest: 28 };

/**
 * @typedef {object} Prefs
 * @property {string} theme a name of themes.js, or "auto"
 * @property {number} fontSize CSS pixels
 * @property {boolean} cursorBlink
 * @property {boolean} screenReader
 * @property {boolean} endOnClose closing the tab ends the session instead of leaving it
 * @property {string} name for the hosts and the other guests; empty for none
 * @property {boolean} nameAsked it was asked for, and need not be again
 * @property {boolean} programsCopy programs may write to the clipboard without asking
 */

/** @returns {Prefs} */
const defaults = () => ({
  theme: "auto",
  fontSize: matchMedia("(max-width: 600px)").matches ? 12 : 14,
  cursorBlink: true,
  screenReader: false,
  endOnClose: false,
  programsCopy: false,
  name: "",
  nameAsked: false,
});

/** @returns {Prefs} */
export function load() {
  const prefs = defaults();
  try {
    const kept = JSON.parse(localStorage.getItem(KEY) ?? "{}");
    for (const name of /** @type {(keyof Prefs)[]} */ (Object.keys(prefs)))
      if (typeof kept[name] === typeof prefs[name]) Object.assign(prefs, { [name]: kept[name] });
  } catch {
    // No storage here, or not ours: the defaults do.
  }
  prefs.fontSize = Math.min(FONT_SIZES.largest, Math.max(FONT_SIZES.smallest, prefs.fontSize));
  return prefs;
}

/** @param {Prefs} prefs */
export function save(prefs) {
  try {
    localStorage.setItem(KEY, JSON.stringify(prefs));
  } catch {
    // As above: it holds until the page is left.
  }
}
