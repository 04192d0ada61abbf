/** Names that others gave, as they may be shown. Owns what is left out of them. */

const MAX_NAME = 64;
/** Characters of an address's host, and of what follows it. */
const MAX_HOST = 253;
const MAX_REST = 400;

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

/**
 * The row of a table for a word that others chose: never what every object has.
 *
 * @template T
 * @param {Record<string, T>} table
 * @param {string} word
 * @returns {T | undefined}
 */
export const row = (table, word) => (Object.hasOwn(table, word) ? table[word] : undefined);

/**
 * An address as a person can judge it: the host, in the letters that name it on the network, apart
 * from what the writer of a link may have made of the rest. Empty where it is none of the web.
 *
 * @param {string} address
 */
export function judged(address) {
  let url;
  try {
    url = new URL(address);
  } catch {
    return "";
  }
  if (!/^https?:$/.test(url.protocol)) return "";
  const user = url.username || url.password ? "\nIt has a user name, which may look like another host." : "";
  const rest = shown(url.pathname + url.search + url.hash, MAX_REST);
  return `Host: ${shown(url.host, MAX_HOST)}${url.protocol === "http:" ? " (not encrypted)" : ""}${user}\n\n${rest}`;
}
