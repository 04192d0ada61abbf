/** Names nobody guesses, for sessions and for replies. Owns nothing else. */

const BYTES = 12;

/** @returns {string} 16 characters of base64url */
export function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(BYTES));
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_");
}
