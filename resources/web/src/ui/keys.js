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
    // What is longer than a key is a reply or a paste.
    if ([...data].length > 1 || !(isHeld("Ctrl") || isHeld("Alt"))) return data;
    const changed = (isHeld("Alt") ? "\x1b" : "") + (isHeld("Ctrl") ? controlled(data) : data);
    release();
    return changed;
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
      button.onclick = () => screen.terminal.input(bytesOf(data, screen, isHeld("Ctrl")));
    }
    bar.append(button);
  }
  release();
  return release;
}

/** @param {string} data @param {import("../screen.js").Screen} screen @param {boolean} ctrl */
function bytesOf(data, screen, ctrl) {
  if (!/^[A-D]$/.test(data)) return data;
  if (ctrl) return `\x1b[1;5${data}`;
  return (screen.terminal.modes.applicationCursorKeysMode ? "\x1bO" : "\x1b[") + data;
}
