/**
 * Links and the proofs made with their secrets: docs/LINKS.md, in JavaScript.
 *
 * Owns a link's text form, the HMACs of an offer and its answer, and the short
 * code people compare. Does not own the connection they protect. The HMAC is a
 * library's because browsers offer theirs (crypto.subtle) to https pages only.
 */

import { hmac } from "@noble/hashes/hmac.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex, hexToBytes } from "@noble/hashes/utils.js";

const ID = /^[A-Za-z0-9_-]{16}$/;
/**
 * What follows the #. 22 characters of the secret carry 132 bits: the last four are zero in the one
 * canonical form. A sentence's end and what trackers add may follow.
 */
const FRAGMENT = /^([A-Za-z0-9_-]{21}[AQgw])(?:\.([A-Za-z0-9_-]{1,200}))?[.,;:!?'"()[\]{}<>*|…»”’\s]*(?:[?&].*)?$/s;
const NONCE_BYTES = 16;
const CODE_DIGITS = 6;
const CODE_BYTES = 6;
/** The key of a short code where there is no link. */
const NO_SECRET = new TextEncoder().encode("hatchway");

/**
 * @typedef {object} Link
 * @property {string} base the relay's address, without a slash at its end
 * @property {string} id
 * @property {Uint8Array} secret 16 bytes
 * @property {string} [token] of a guest who comes back to the terminal that another device left
 * @property {boolean} [exposed] its # had become %23, so the browser has sent the secret to the relay
 */

/** Bytes a proof cannot be made of, or text that is no link. */
export class LinkError extends Error {}

/**
 * What mail, messengers and social networks add to a link does not damage it.
 *
 * @param {string} url a page's whole address
 * @returns {Link | null} null for an address that is not one of a link at all
 * @throws {LinkError} for a link that is damaged
 */
export function parseLink(url) {
  const exposed = !url.includes("#") && url.includes("%23");
  let parsed;
  try {
    parsed = new URL(exposed ? url.replace("%23", "#") : url);
  } catch {
    return null;
  }
  const at = parsed.pathname.lastIndexOf("/s/");
  if (!["http:", "https:"].includes(parsed.protocol) || at < 0) return null;
  const id = parsed.pathname.slice(at + 3).replace(/\/+$/, "");
  if (!ID.test(id))
    throw new LinkError("A part of its address was lost or changed. Copy the whole link and open it again.");
  if (parsed.hash.length < 2)
    throw new LinkError(
      "The part behind the # was cut off. It is the key: without it nobody can open the terminal. " +
        "Copy the whole link and open it again.",
    );
  let hash = parsed.hash.slice(1);
  try {
    // Browsers write some characters of a fragment as %XX.
    hash = decodeURIComponent(hash);
  } catch {
    // Not theirs: it is tried as it is.
  }
  const [, secret, token] = FRAGMENT.exec(hash) ?? [];
  if (!secret)
    throw new LinkError(
      "The part behind the # is damaged. It is the key: every character counts. " +
        "Copy the whole link and open it again.",
    );
  return {
    base: parsed.origin + parsed.pathname.slice(0, at), id, secret: decodeSecret(secret),
    ...(token && { token }), ...(exposed && { exposed }),
  };
}

/** The address of a link as its host wrote it, without a token. @param {Link} link */
export const linkAddress = (link) => `${link.base}/s/${link.id}#${encodeSecret(link.secret)}`;

/** @param {Uint8Array} secret @returns {string} base64url without padding */
const encodeSecret = (secret) =>
  btoa(String.fromCharCode(...secret)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");

/**
 * The address by which the same guest comes back on another device.
 *
 * @param {Link} link @param {string} token
 */
export const returnAddress = (link, token) => `${linkAddress(link)}.${token}`;

/** @param {string} text base64url without padding */
function decodeSecret(text) {
  const plain = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(plain, (character) => character.charCodeAt(0));
}

/**
 * The one SHA-256 DTLS fingerprint of a session description.
 *
 * @param {string} sdp
 * @returns {string} 32 upper-case hex pairs with colons between
 * @throws {LinkError} when there is none, or two
 */
export function fingerprint(sdp) {
  const lines = sdp.matchAll(/^a=fingerprint:\s*sha-256\s+([0-9A-Fa-f:]{95})\s*$/gm);
  const found = new Set([...lines].map((line) => line[1].toUpperCase()));
  if (found.size !== 1)
    throw new LinkError("A session description must carry exactly one SHA-256 fingerprint");
  return [...found][0];
}

/**
 * The parts, each as four bytes of length (big-endian) and then UTF-8.
 *
 * @param {string[]} parts
 */
export function message(...parts) {
  const encoded = parts.map((part) => new TextEncoder().encode(part));
  const bytes = new Uint8Array(encoded.reduce((sum, part) => sum + 4 + part.length, 0));
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const part of encoded) {
    view.setUint32(at, part.length);
    bytes.set(part, at + 4);
    at += 4 + part.length;
  }
  return bytes;
}

/** @param {Uint8Array} secret @param {Uint8Array} bytes @returns {Uint8Array} */
const mac = (secret, bytes) => hmac(sha256, secret, bytes);

/** @returns {string} new with every offer */
export const makeNonce = () => bytesToHex(crypto.getRandomValues(new Uint8Array(NONCE_BYTES)));

/**
 * @param {Uint8Array} secret
 * @param {string} session
 * @param {string} guest fingerprint
 * @param {string} nonce
 */
export const offerProof = (secret, session, guest, nonce) =>
  bytesToHex(mac(secret, message("offer", session, guest, nonce)));

/**
 * @param {Uint8Array} secret
 * @param {string} session
 * @param {string} agent fingerprint
 * @param {string} guest fingerprint
 * @param {string} nonce
 */
export const answerProof = (secret, session, agent, guest, nonce) =>
  bytesToHex(mac(secret, message("answer", session, agent, guest, nonce)));

/**
 * What the relay recognizes holders of a link by; its host gives it to the relay.
 *
 * @param {Uint8Array} secret
 * @returns {string} 64 hex digits
 */
export const relayAccess = (secret) => bytesToHex(mac(secret, message("relay access")));

/**
 * The proof to a relay that we hold a link: it gives TURN credentials to nobody else.
 *
 * @param {string} access 64 hex digits
 * @param {string} nonce the relay's
 */
export const accessProof = (access, nonce) =>
  bytesToHex(mac(hexToBytes(access), message("relay access", nonce)));

/**
 * Whether a claimed proof is the expected one, in constant time. No proof is a wrong one.
 *
 * @param {string} expected
 * @param {unknown} claimed
 */
export function genuine(expected, claimed) {
  if (typeof claimed !== "string" || claimed.length !== expected.length) return false;
  let difference = 0;
  for (let at = 0; at < expected.length; at++)
    difference |= expected.charCodeAt(at) ^ claimed.charCodeAt(at);
  return difference === 0;
}

/**
 * Six digits, `123 456`, that are the same at both ends unless somebody is in between.
 *
 * @param {Uint8Array} secret
 * @param {string} session
 * @param {string} agent fingerprint
 * @param {string} guest fingerprint
 */
export const shortCode = (secret, session, agent, guest) => digitsOf(secret, session, agent, guest);

/**
 * The same without a link. We commit to our nonce before we see the host's, and reveal it inside
 * DTLS: a relay in between must choose all it can choose before it knows the code.
 *
 * @param {string} session
 * @param {string} agent fingerprint
 * @param {string} guest fingerprint
 * @param {string} ours nonce @param {string} theirs nonce
 */
export const committedCode = (session, agent, guest, ours, theirs) =>
  digitsOf(NO_SECRET, session, agent, guest, ours, theirs);

/** What an offer says of the nonce that is revealed later. @param {string} nonce */
export const commitment = (nonce) => bytesToHex(sha256(hexToBytes(nonce)));

/** @param {unknown} text */
export const isNonce = (text) => typeof text === "string" && /^[0-9a-f]{32}$/.test(text);

/** @param {Uint8Array} key @param {string[]} parts */
function digitsOf(key, ...parts) {
  const hash = mac(key, message("code", ...parts));
  const number = hash.slice(0, CODE_BYTES).reduce((sum, byte) => sum * 256 + byte, 0);
  const digits = String(number % 10 ** CODE_DIGITS).padStart(CODE_DIGITS, "0");
  return `${digits.slice(0, 3)} ${digits.slice(3)}`;
}

export { bytesToHex, hexToBytes };
