/**
 * The line below the terminal: what is going on, and what can be done about it.
 *
 * Owns its elements and when they are read aloud. Does not own its words (words.js) or what its
 * buttons do. It is always there, so nothing that happens gives the terminal another size.
 */

import * as words from "../words.js";
import { byId, make, setIcon, setText } from "./dom.js";

/** A button that has just come may be in the way of a click that was meant for another one. */
const DEAF_MS = 400;
/** For how long a notice stands; longer where there is something to decide. */
const NOTICE_MS = 8000;
/** Between two times that the same hint is read aloud. */
const HINT_MS = 5000;
const FLASH_MS = 700;
/** Bytes of what was typed that are shown: more than the line has room for. */
const MAX_KEPT = 256;
/** Kinds that nobody needs to hear of when they come. */
const SILENT = new Set(["none", "type", "view", "back"]);

/** @typedef {import("../session.js").State} State */

/**
 * @param {string} host what the host is called
 * @param {(act: import("../words.js").Act) => void} act
 * @param {() => void} leave the focus of a button that went away goes back to the terminal
 */
export function footLine(host, act, leave) {
  const foot = byId("foot");
  const place = byId("foot-buttons");
  /** @type {State | null} */
  let state = null;
  /** @type {import("../screen.js").View | null} */
  let view = null;
  let whole = true;
  /** @type {{text: string, action: string, run: () => void} | null} */
  let notice = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let fading;
  let kind = "";
  /** The part one played when something was last said. */
  let played = "";
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let deaf;
  let hinted = -Infinity;
  /** Seconds of the warning when it came. */
  let warned = 1;
  let keptShown = "";
  let secret = false;

  const press = (/** @type {import("../words.js").Act} */ name) => {
    if (place.hasAttribute("data-new")) return;
    if (name === "act" || name === "dismiss") {
      const run = name === "act" ? notice?.run : undefined;
      notice = null;
      run?.();
      show();
    } else act(name);
  };

  /** @param {NonNullable<import("../words.js").Foot["buttons"]>} wanted */
  const showButtons = (wanted) => {
    const there = /** @type {HTMLButtonElement[]} */ ([...place.children]);
    const same = there.map((one) => one.dataset.act).join() === wanted.map((one) => one.act).join();
    const hadFocus = there.find((one) => one === document.activeElement);
    const buttons = same
      ? there
      : wanted.map(({ act: name }) => {
          const button = /** @type {HTMLButtonElement} */ (make("button", { type: "button", "data-act": name }));
          button.onclick = () => press(name);
          return button;
        });
    wanted.forEach(({ label, main = false, pressed, disabled = false }, at) => {
      const button = buttons[at];
      if (button.textContent !== label) button.textContent = label;
      button.className = main ? "primary" : "";
      button.disabled = disabled;
      if (pressed !== undefined) button.setAttribute("aria-pressed", String(pressed));
    });
    if (same) return;
    place.toggleAttribute("data-new", true);
    clearTimeout(deaf);
    deaf = setTimeout(() => place.toggleAttribute("data-new", false), DEAF_MS);
    place.replaceChildren(...buttons);
    const heir = buttons.find((one) => one.dataset.act === hadFocus?.dataset.act);
    if (hadFocus) heir ? heir.focus() : leave();
  };

  /** @param {Uint8Array | null} bytes */
  const showKept = (bytes) => {
    const box = byId("foot-kept");
    box.hidden = !bytes;
    const pieces = bytes ? words.typed(bytes.subarray(0, MAX_KEPT)) : [];
    if (bytes && bytes.length > MAX_KEPT) pieces.push({ text: "…", key: false });
    const now = JSON.stringify([pieces, secret]);
    if (now === keptShown) return;
    keptShown = now;
    if (!secret)
      return box.replaceChildren(...pieces.map(({ text, key }) => make(key ? "kbd" : "span", {}, text)));
    // It may be a password: nobody has to read it over one's shoulder.
    const reveal = make("button", { type: "button" }, "Show");
    reveal.onclick = () => {
      secret = false;
      showKept(bytes);
    };
    box.replaceChildren(make("span", {}, "•".repeat(Math.min(12, bytes?.length ?? 0))), reveal);
  };

  const aloud = (/** @type {import("../words.js").Foot} */ line) => {
    const text = [line.first, line.second].filter(Boolean).join(" ");
    setText("foot-alert", line.urgent ? text : "");
    if (!line.urgent) setText("foot-aloud", SILENT.has(line.kind) ? "" : text);
  };

  const around = () => ({
    host, view, whole, notice, now: performance.now(), clock: Date.now(),
  });

  function show() {
    if (!state) return;
    const line = words.foot(state, around());
    foot.dataset.tone = line.tone;
    foot.toggleAttribute("data-urgent", !!line.urgent || line.kind.startsWith("ask "));
    setIcon("foot-icon", line.icon || "info");
    foot.toggleAttribute("data-empty", !line.first);
    setText("foot-first", line.first);
    setText("foot-second", line.second ?? "");
    showKept(line.kept ?? null);
    showButtons(line.buttons ?? []);
    foot.toggleAttribute("data-buttons", !!line.buttons?.length);
    const size = words.size(state, around());
    setText("foot-size", size);
    setText("info-size", size);
    const bar = byId("foot-time");
    bar.hidden = state.idleEnd === null || state.phase !== "live";
    if (state.idleEnd !== null) {
      const left = Math.max(0, Math.ceil((state.idleEnd - performance.now()) / 1000));
      if (!kind.startsWith("idle")) warned = Math.max(1, left);
      bar.style.width = `${(100 * left) / warned}%`;
    }
    if (line.kind === kind) return;
    kind = line.kind;
    aloud(line);
    // A part that changes while nothing else is going on.
    const part = words.part(state, host).text;
    if (played && part !== played && SILENT.has(kind)) setText("foot-aloud", `${part}.`);
    played = part;
  }

  setInterval(show, 1000);
  return {
    /** @param {State} now */
    show(now) {
      state = now;
      show();
    },

    /** @param {import("../screen.js").View} now */
    view(now) {
      view = now;
      show();
    },

    /** @param {boolean} now a larger shell is shown whole */
    whole(now) {
      whole = now;
      show();
    },

    /** @param {boolean} now what is typed while away may be a password */
    secret(now) {
      secret = now;
    },

    /**
     * @param {string} text
     * @param {{label: string, run: () => void}} [action]
     */
    say(text, action) {
      notice = { text, action: action?.label ?? "", run: action?.run ?? (() => {}) };
      clearTimeout(fading);
      fading = setTimeout(
        () => {
          notice = null;
          show();
        },
        NOTICE_MS * (action ? 2 : 1),
      );
      show();
    },

    /** A key was pressed that goes nowhere: the line says why. */
    hint() {
      foot.classList.add("hinted");
      setTimeout(() => foot.classList.remove("hinted"), FLASH_MS);
      if (performance.now() - hinted < HINT_MS) return;
      hinted = performance.now();
      const again = byId("foot-aloud");
      again.textContent = "";
      again.textContent = byId("foot-first").textContent;
    },

    /** @returns {boolean} false where there is no button */
    focus() {
      const first = /** @type {HTMLButtonElement | null} */ (place.querySelector("button:not(:disabled)"));
      first?.focus();
      return !!first;
    },
  };
}
