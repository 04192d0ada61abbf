/** Names that others gave, as they may be shown. Owns what is left out of them. */

const MAX_NAME = 64;

/** Control and bidi characters, and what has no shape. @param {string} text */
export const printable = (text) => text.replace(/[\p{Cc}\p{Cf}\p{Co}\p{Cs}\u2028\u2029]/gu, "");

/**
 * One line without anything that is no character to look at: control and bidi characters could
 * make a name look like another one.
 *
 * @param {unknown} text
 * @param {number} [most] characters
 * @returns {string}
 */
export function shown(text, most = MAX_NAME) {
  const clean = printable(String(text ?? "").slice(0, 8 * most)).trim();
  const characters = [...clean];
  return characters.length > most ? `${characters.slice(0, most - 1).join("")}…` : clean;
}
