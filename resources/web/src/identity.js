/**
 * Who a guest is to each host: 128 random bits that the relay never sees.
 *
 * Owns them and where they are kept. A host remembers, limits and blocks a guest by them;
 * two hosts cannot tell that their guests are the same person.
 */

import { bytesToHex } from "./link.js";

const KEY = "hatchway.guests";
const BYTES = 16;
/** Hosts that are remembered; the one met first goes. */
const MAX_HOSTS = 200;
const FORM = /^[0-9a-f]{32}$/;

/** For a page that may not store anything: as long as it lives. @type {Map<string, string>} */
const unstored = new Map();

/** @returns {[string, string][]} */
function load() {
  try {
    const rows = JSON.parse(localStorage.getItem(KEY) ?? "[]");
    return rows.filter((/** @type {any} */ row) => typeof row?.[0] === "string" && FORM.test(row[1]));
  } catch {
    return [];
  }
}

/**
 * @param {string} base the relay's address
 * @param {string} agent the host's id
 * @returns {string} 32 hex digits
 */
export function identity(base, agent) {
  const host = `${base} ${agent}`;
  const rows = load();
  const known = rows.find(([name]) => name === host)?.[1] ?? unstored.get(host);
  if (known) return known;
  const made = bytesToHex(crypto.getRandomValues(new Uint8Array(BYTES)));
  unstored.set(host, made);
  try {
    localStorage.setItem(KEY, JSON.stringify([...rows, [host, made]].slice(-MAX_HOSTS)));
  } catch {
    // No storage here: the next visit is somebody else's.
  }
  return made;
}
