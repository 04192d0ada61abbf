/**
 * The keys a phone's keyboard lacks. Owns the bar and the sticky Ctrl and Alt.
 * Does not own where their bytes go.
 */

import { byId, make } from "./dom.js";

/** Label, name for those who hear it, what it types (or the cursor key's final byte). */
/** @type {[string, string, string][]} */
const KEYS = [
  ["Esc", "Escape", "\x1b"],
  ["Tab", "Tab", "\t"],
  ["Ctrl", "Control, for the next key", ""],
  ["Alt", "Alt, for the next key", ""],
  ["←", "Left", "D"],
  ["↓", "Down", "B"],
  ["↑", "Up", "A"],
  ["→", "Right", "C"],
  ["|", "Pipe", "|"],
  ["/", "Slash", "/"],
  ["~", "Tilde", "~"],
  ["-", "Minus", "-"],
];

/**
 * What Ctrl makes of a character: ^A for a, ^[ for [, itself where there is none.
 *
 * @param {string} data
 */
export function controlled(data) {
  if (data === " ") return "\0";
  if (data === "?") return "\x7f";
  const code = data.length === 1 ? data.toUpperCase().charCodeAt(0) : 0;
  return code >= 0x40 && code <= 0x5f ? String.fromCharCode(code & 0x1f) : data;
}

/**
 * What held keys of the bar make of what is typed, and whether they are let go of: not by a reply
 * of the terminal, but by a word that a phone's keyboard sends at once.
 *
 * @param {string} data
 * @param {{ctrl: boolean, alt: boolean}} held
 * @returns {{data: string, used: boolean}}
 */
export function modified(data, { ctrl, alt }) {
  const arrow = /^\x1b[[O]([A-D])$/.exec(data);
  if (arrow) return { data: `\x1b[1;${1 + 2 * Number(alt) + 4 * Number(ctrl)}${arrow[1]}`, used: true };
  if ([...data].length > 1) return { data, used: !data.startsWith("\x1b") };
  return { data: (alt ? "\x1b" : "") + (ctrl ? controlled(data) : data), used: true };
}

/**
 * @param {import("../screen.js").Screen} screen
 * @returns {() => void} lets go of Ctrl and Alt
 */
export function keyBar(screen) {
  const bar = byId("keys");
  /** @type {Record<string, HTMLElement>} */
  const held = {};
  const isHeld = (/** @type {string} */ name) => held[name].getAttribute("aria-pressed") === "true";
  const release = () => {
    for (const button of Object.values(held)) button.setAttribute("aria-pressed", "false");
  };
  screen.transform = (data) => {
    if (!(isHeld("Ctrl") || isHeld("Alt"))) return data;
    const changed = modified(data, { ctrl: isHeld("Ctrl"), alt: isHeld("Alt") });
    if (changed.used) release();
    return changed.data;
  };
  for (const [label, name, data] of KEYS) {
    const button = make("button", { type: "button", "aria-label": name, tabindex: "-1" }, label);
    // Focus stays in the terminal, so that the phone's keyboard stays open.
    button.onpointerdown = (event) => event.preventDefault();
    if (!data) {
      held[label] = button;
      button.setAttribute("aria-pressed", "false");
      button.onclick = () => {
        button.setAttribute("aria-pressed", String(!isHeld(label)));
        screen.terminal.focus();
      };
    } else {
      button.onclick = () => screen.terminal.input(bytesOf(data, screen));
    }
    bar.append(button);
  }
  release();
  return release;
}

/** @param {string} data @param {import("../screen.js").Screen} screen */
function bytesOf(data, screen) {
  if (!/^[A-D]$/.test(data)) return data;
  return (screen.terminal.modes.applicationCursorKeysMode ? "\x1bO" : "\x1b[") + data;
}
