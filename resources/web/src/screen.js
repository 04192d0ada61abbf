/**
 * The terminal on the page: xterm.js, its add-ons, its size, its look.
 *
 * Owns the xterm.js instance and what is particular to it. Does not own where
 * output comes from or where input goes.
 */

import { ClipboardAddon } from "@xterm/addon-clipboard";
import { FitAddon } from "@xterm/addon-fit";
import { SearchAddon } from "@xterm/addon-search";
import { UnicodeGraphemesAddon } from "@xterm/addon-unicode-graphemes";
import { WebLinksAddon } from "@xterm/addon-web-links";
import { Terminal } from "@xterm/xterm";

import { bound, joinCharacters, write } from "./bounds.js";
import { clean } from "./clipboard.js";
import { shown } from "./names.js";
import { MAX_CELLS } from "./wire.js";

const FONT =
  'ui-monospace, "JetBrains Mono", "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", ' +
  '"Noto Sans Mono", monospace';
const SCROLLBACK = 10_000;
const MAX_TITLE = 120;
/** A program can change its title thousands of times a second; the last one is shown. */
const TITLE_MS = 100;
/** What the terminal itself answers to a program's questions (DSR, DA, DECRQM, OSC, DCS). */
const REPLY = /^(?:\x1b\[[?>=]?[\d;]*(?:[Rnctx]|\$y)|\x1b[\]P][^\x1b\x07]*(?:\x1b\\|\x07))+$/;

/**
 * @typedef {object} ScreenHandlers
 * @property {(bytes: Uint8Array) => void} input
 * @property {() => void} resize
 * @property {(title: string) => void} title
 * @property {(selected: boolean) => void} selection
 * @property {(text: string) => void} paste somebody pasted
 * @property {(text: string) => void} programCopies a program wants it in the clipboard
 * @property {(shortcut: "copy" | "search" | "leave") => void} shortcut
 * @property {() => void} bell
 */

export class Screen {
  /**
   * @param {HTMLElement} place
   * @param {ScreenHandlers} handlers
   */
  constructor(place, handlers) {
    this.#place = place;
    this.#handlers = handlers;
    const terminal = (this.terminal = new Terminal({
      allowProposedApi: true,
      fontFamily: FONT,
      scrollback: SCROLLBACK,
      macOptionIsMeta: false,
      rightClickSelectsWord: false,
      linkHandler: { activate: (_event, address) => visit(address, true) },
    }));
    terminal.loadAddon(this.#fit);
    terminal.loadAddon(this.search);
    terminal.loadAddon(new WebLinksAddon((_event, address) => visit(address, false)));
    joinCharacters(terminal, new UnicodeGraphemesAddon());
    terminal.loadAddon(
      new ClipboardAddon(undefined, {
        readText: () => "",
        writeText: async (_selection, text) => handlers.programCopies(text),
      }),
    );
    // A program may ask to write the clipboard, never to read it: no answer at all.
    terminal.parser.registerOscHandler(52, (data) => data.endsWith(";?"));
    terminal.open(place);
    bound(terminal);
    const cleanComposed = takePastes(place, (text) => handlers.paste(text));
    terminal.onData((data) => {
      if (this.#replaying && REPLY.test(data)) return;
      handlers.input(this.#encoder.encode(this.transform(cleanComposed(data))));
    });
    terminal.onBinary((data) => {
      handlers.input(Uint8Array.from(data, (character) => character.charCodeAt(0)));
    });
    terminal.onResize(() => handlers.resize());
    let latest = "";
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    let showing;
    terminal.onTitleChange((title) => {
      latest = title;
      showing ??= setTimeout(() => {
        showing = undefined;
        handlers.title(shown(latest, MAX_TITLE));
      }, TITLE_MS);
    });
    terminal.onSelectionChange(() => handlers.selection(terminal.hasSelection()));
    terminal.onBell(() => handlers.bell());
    terminal.attachCustomKeyEventHandler((event) => this.#key(event, handlers));
    scrollByTouch(place, terminal);
    new ResizeObserver(() => this.fit()).observe(place);
    void document.fonts?.ready.then(() => this.fit());
  }

  #place;
  #handlers;
  #encoder = new TextEncoder();
  #fit = new FitAddon();
  #replaying = 0;
  #accelerated = false;
  search = new SearchAddon();
  /** What the key bar's Ctrl does to the next key. @type {(data: string) => string} */
  transform = (data) => data;

  get size() {
    const { cols, rows } = this.terminal;
    return { cols, rows };
  }

  fit() {
    const wished = this.#fit.proposeDimensions();
    // Hidden, or not laid out yet: a size of nothing would reach the program.
    if (!wished || !(wished.cols > 1) || !(wished.rows > 1)) return;
    const { cols, rows } = wished;
    this.terminal.resize(Math.min(cols, MAX_CELLS), Math.min(rows, MAX_CELLS));
  }

  /**
   * @param {Uint8Array | string} data
   * @param {boolean} replayed shown before: what it asks was answered then
   * @param {() => void} done it is on the screen
   */
  write(data, replayed, done) {
    if (replayed) this.#replaying++;
    write(this.terminal, data, () => {
      if (replayed) this.#replaying--;
      done();
    });
  }

  reset() {
    this.terminal.reset();
  }

  /** Type a text as a paste: nothing in it can act as a key. @param {string} text */
  paste(text) {
    const cleaned = clean(text);
    if (!cleaned) return;
    const { terminal } = this;
    // Not through xterm.js, which adds the brackets and leaves in what ends them.
    const bracketed = terminal.modes.bracketedPasteMode ? `\x1b[200~${cleaned}\x1b[201~` : cleaned;
    terminal.clearSelection();
    terminal.scrollToBottom();
    this.#handlers.input(this.#encoder.encode(bracketed));
  }

  /** @param {import("./prefs.js").Prefs} prefs @param {import("./themes.js").Theme} theme */
  apply(prefs, theme) {
    Object.assign(this.terminal.options, {
      fontSize: prefs.fontSize,
      cursorBlink: prefs.cursorBlink,
      screenReaderMode: prefs.screenReader,
      minimumContrastRatio: prefs.theme === "contrast" ? 7 : 1,
      theme: theme.terminal,
    });
    this.fit();
  }

  /** @param {boolean} readOnly @param {string} label for those who hear the page */
  describe(readOnly, label) {
    const { textarea } = this.terminal;
    this.terminal.options.cursorInactiveStyle = readOnly ? "none" : "outline";
    textarea?.setAttribute("aria-label", label);
    textarea?.setAttribute("aria-readonly", String(readOnly));
    this.#place.setAttribute("aria-label", label);
  }

  /**
   * Draw with the graphics card, where there is one: fetched and set up when the first
   * prompt is on the screen, because both take their time. Done by a processor it would be
   * slower than the DOM.
   */
  async accelerate() {
    if (this.#accelerated) return;
    this.#accelerated = true;
    if (!hasGraphicsCard()) return;
    try {
      const { WebglAddon } = await import("@xterm/addon-webgl");
      const webgl = new WebglAddon();
      // A context is lost when the machine sleeps or has too many: the DOM does as well.
      webgl.onContextLoss(() => webgl.dispose());
      this.terminal.loadAddon(webgl);
    } catch {
      console.info("WebGL cannot be used here: the terminal is drawn with the DOM");
    }
  }

  /** @param {KeyboardEvent} event @param {ScreenHandlers} handlers */
  #key(event, handlers) {
    if (event.type !== "keydown") return true;
    const both = event.ctrlKey && event.shiftKey && !event.altKey;
    const copying = (both && event.code === "KeyC") || (event.ctrlKey && event.key === "Insert");
    const shortcut = copying
      ? "copy"
      : both && event.code === "KeyF"
        ? "search"
        : both && event.code === "KeyE"
          ? "leave"
          : "";
    if (shortcut) {
      event.preventDefault();
      handlers.shortcut(shortcut);
      return false;
    }
    // The browser pastes by itself, and that works on plain http, too.
    return !(both && event.code === "KeyV") && !(event.shiftKey && event.key === "Insert");
  }
}

/** Whether WebGL is more than a program that imitates it. */
function hasGraphicsCard() {
  const wished = { failIfMajorPerformanceCaveat: true };
  const gl = /** @type {WebGL2RenderingContext | null} */ (
    document.createElement("canvas").getContext("webgl2", wished)
  );
  if (!gl) return false;
  const names = gl.getExtension("WEBGL_debug_renderer_info");
  const name = String(gl.getParameter(names?.UNMASKED_RENDERER_WEBGL ?? gl.RENDERER));
  gl.getExtension("WEBGL_lose_context")?.loseContext();
  return !/swiftshader|llvmpipe|software/i.test(name);
}

/** @param {string} address @param {boolean} hidden the text shown may be another one */
function visit(address, hidden) {
  if (!/^https?:\/\//i.test(address)) return;
  if (hidden && !confirm(`Open this address?\n\n${address}`)) return;
  window.open(address, "_blank", "noopener,noreferrer");
}

/** Kinds of input that bring a text from elsewhere, in the words of the Input Events standard. */
const INSERTIONS = new Set(["insertFromPaste", "insertFromPasteAsQuotation", "insertFromDrop", "insertFromYank"]);

/**
 * Whatever brings a text that nobody typed, before xterm.js sees it: keys, menus and the middle button
 * paste; a text is dropped; the keyboard of a phone inserts one.
 *
 * @param {HTMLElement} place
 * @param {(text: string) => void} paste
 * @returns {(data: string) => string} what xterm.js would type, without what an input method must not
 */
function takePastes(place, paste) {
  /** @param {Event} event @param {DataTransfer | string | null | undefined} from */
  const take = (event, from) => {
    event.preventDefault();
    event.stopPropagation();
    const text = typeof from === "string" ? from : from?.getData("text/plain");
    if (text) paste(text);
  };
  const capture = { capture: true };
  place.addEventListener("paste", (event) => take(event, event.clipboardData), capture);
  // Also a file: the browser would leave the page to show it.
  place.addEventListener("dragover", (event) => event.preventDefault(), capture);
  place.addEventListener("drop", (event) => take(event, event.dataTransfer), capture);
  place.addEventListener(
    "beforeinput",
    (event) => {
      const text = event.data ?? event.dataTransfer?.getData("text/plain") ?? "";
      const several = text.length > 1 && clean(text) !== text;
      if (event.cancelable && (several || INSERTIONS.has(event.inputType))) take(event, text);
    },
    capture,
  );
  let composed = "";
  place.addEventListener(
    "compositionend",
    // It cannot be cancelled: xterm.js reads what was composed from its field, a moment later.
    (event) => (composed = clean(event.data) === event.data ? "" : event.data),
    capture,
  );
  return (/** @type {string} */ data) => (composed ? data.replace(composed, clean) : data);
}

/**
 * xterm.js knows wheels, not fingers: a finger moves the lines; where a program has the
 * whole screen it becomes a wheel.
 *
 * @param {HTMLElement} place
 * @param {Terminal} terminal
 */
function scrollByTouch(place, terminal) {
  let last = 0;
  let rest = 0;
  place.addEventListener(
    "touchstart",
    (event) => {
      last = event.touches[0].clientY;
      rest = 0;
    },
    { passive: true },
  );
  place.addEventListener(
    "touchmove",
    (event) => {
      if (event.touches.length !== 1) return;
      event.preventDefault();
      const { clientX, clientY } = event.touches[0];
      const deltaY = last - clientY;
      last = clientY;
      if (terminal.buffer.active.type === "normal" && terminal.modes.mouseTrackingMode === "none") {
        rest += (deltaY * terminal.rows) / place.clientHeight;
        terminal.scrollLines(Math.trunc(rest));
        rest -= Math.trunc(rest);
        return;
      }
      const wheel = { deltaY, deltaMode: 0, clientX, clientY, bubbles: true, cancelable: true };
      (event.target ?? place).dispatchEvent(new WheelEvent("wheel", wheel));
    },
    { passive: false },
  );
}
