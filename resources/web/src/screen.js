/**
 * The terminal on the page: xterm.js, its add-ons, its size, its look.
 *
 * Owns the xterm.js instance and what is particular to it. Does not own where
 * output comes from or where input goes. Its size is the window's, or, with a host
 * that says so, the shell's: then the window shows all of it smaller, or a part.
 */

import { ClipboardAddon } from "@xterm/addon-clipboard";
import { SearchAddon } from "@xterm/addon-search";
import { UnicodeGraphemesAddon } from "@xterm/addon-unicode-graphemes";
import { WebLinksAddon } from "@xterm/addon-web-links";
import { Terminal } from "@xterm/xterm";

import { ADDRESS } from "./addresses.js";
import { bound, joinCharacters, write } from "./bounds.js";
import { clean } from "./clipboard.js";
import { calmSelection, holdScrollBar } from "./drawing.js";
import { mute } from "./mute.js";
import { judged } from "./names.js";
import { MAX_CELLS } from "./wire.js";

const FONT =
  'ui-monospace, "JetBrains Mono", "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", ' +
  '"Noto Sans Mono", monospace';
/** Lines of history, at most. */
export const SCROLLBACK = 10_000;
/** CSS pixels that xterm.js takes for its scroll bar. */
const SCROLL_BAR = 14;
/** The smallest text, where a shell is larger than the window; a larger one is shown in part. */
const MIN_FONT = 9;
/** Ends what a sequence or a character has begun: a screen drawn anew must not be the rest of it. */
const CANCEL = Uint8Array.of(0x18);
/** What a terminal types by itself where a program asked for that: focus, mouse. */
const REPORT = /^\x1b\[(?:[IO]|<[\d;]+[Mm]|M[\s\S]{3})$/;
const SECRET = /(?:passw|passphrase|secret|\bpin\b|token)[^:]*:\s*$/i;
/** What the terminal itself answers to a program's questions (DSR, DA, DECRQM, OSC, DCS). */
const REPLY = /^(?:\x1b\[[?>=]?[\d;]*(?:[Rnctx]|\$y)|\x1b[\]P][^\x1b\x07]*(?:\x1b\\|\x07))+$/;

/**
 * @typedef {object} ScreenHandlers
 * @property {(bytes: Uint8Array, report: boolean) => void} input `report`: nobody pressed a key for it
 * @property {() => void} resize the window has room for another size
 * @property {(view: View) => void} view how much of the shell is seen, and how
 * @property {() => void} above somebody looks for what is above the first line
 * @property {(selected: boolean) => void} selection
 * @property {(text: string) => void} paste somebody pasted
 * @property {(text: string) => void} programCopies a program wants it in the clipboard
 * @property {() => void} programCopiesTooMuch it is longer than it may be
 * @property {(shortcut: "copy" | "search" | "leave") => void} shortcut
 * @property {() => void} bell
 *
 * @typedef {object} View
 * @property {number} cols @property {number} rows of the shell
 * @property {number} percent of the usual text size
 * @property {boolean} larger the shell is larger than the window
 * @property {boolean} smaller the shell is smaller than the window, in one direction at least
 * @property {number} back lines scrolled back
 */

export class Screen {
  /**
   * @param {HTMLElement} place
   * @param {ScreenHandlers} handlers
   */
  constructor(place, handlers) {
    this.#place = place;
    this.#pane = /** @type {HTMLElement} */ (place.parentElement);
    this.#handlers = handlers;
    const terminal = (this.terminal = new Terminal({
      allowProposedApi: true,
      fontFamily: FONT,
      scrollback: SCROLLBACK,
      macOptionIsMeta: false,
      rightClickSelectsWord: false,
      linkHandler: { activate: (_event, address) => visit(address, true) },
    }));
    terminal.loadAddon(this.search);
    terminal.loadAddon(new WebLinksAddon((_event, address) => visit(address, false), { urlRegex: ADDRESS }));
    joinCharacters(terminal, new UnicodeGraphemesAddon());
    terminal.loadAddon(
      new ClipboardAddon(undefined, {
        readText: () => "",
        writeText: async (_selection, text) => {
          if (!this.#replaying) handlers.programCopies(text);
        },
      }),
    );
    // A program may ask to write the clipboard, never to read it: no answer at all.
    terminal.parser.registerOscHandler(52, (data) => data.endsWith(";?"));
    terminal.open(place);
    mute(terminal, () => this.#muted);
    bound(terminal, () => this.#replaying || handlers.programCopiesTooMuch());
    calmSelection(terminal);
    const cleanComposed = takePastes(place, (text) => handlers.paste(text));
    terminal.onData((data) => {
      if (this.#replaying && !this.#muted && REPLY.test(data)) return;
      const report = REPORT.test(data);
      if (!report) this.#panned = false;
      handlers.input(this.#encoder.encode(this.transform(cleanComposed(data))), report);
    });
    terminal.onBinary((data) => {
      handlers.input(Uint8Array.from(data, (character) => character.charCodeAt(0)), true);
    });
    terminal.onSelectionChange(() => handlers.selection(terminal.hasSelection()));
    terminal.onBell(() => this.#replaying || handlers.bell());
    terminal.onCursorMove(() => this.#soon());
    terminal.onScroll(() => this.#soon());
    const moved = (/** @type {number} */ by) => {
      if (by < 0) this.#lookUp();
      this.#soon();
    };
    place.addEventListener("wheel", (event) => moved(event.deltaY), { passive: true });
    this.#pane.addEventListener("wheel", () => (this.#panned = true), { passive: true });
    terminal.attachCustomKeyEventHandler((event) => this.#key(event, handlers));
    scrollByTouch(this.#pane, terminal, (by) => {
      this.#panned = true;
      moved(by);
    });
    new ResizeObserver(() => this.fit()).observe(this.#pane);
    void document.fonts?.ready.then(() => this.fit());
  }

  #place;
  #pane;
  #handlers;
  #encoder = new TextEncoder();
  #replaying = 0;
  #muted = false;
  /** The host says what size the shell has. */
  #governed = false;
  /** Cells that the window has room for, at the usual text size. */
  #room = { cols: 80, rows: 24 };
  /** A cell at the usual text size, in CSS pixels. @type {{width: number, height: number} | null} */
  #cell = null;
  #font = 14;
  #whole = true;
  /** Somebody looks at another part than the cursor's. */
  #panned = false;
  #frame = 0;
  /** Lines scrolled back before the screen was drawn anew. */
  #back = 0;
  /** A whole screen is on its way: which line is the first in view says nothing. */
  #drawing = false;
  /** Ends what keeps the scroll bar as it is. @type {(() => void) | null} */
  #release = null;
  #told = "";
  #accelerated = false;
  search = new SearchAddon();
  /** What the key bar's Ctrl does to the next key. @type {(data: string) => string} */
  transform = (data) => data;

  /** What the window has room for. */
  get size() {
    return this.#room;
  }

  /** Whether the program seems to ask for a password. */
  get asksSecret() {
    const { active } = this.terminal.buffer;
    const line = active.getLine(active.baseY + active.cursorY);
    return SECRET.test(line?.translateToString(true, 0, active.cursorX) ?? "");
  }

  /** All text, history included. */
  get text() {
    const { active } = this.terminal.buffer;
    const lines = Array.from({ length: active.length }, (_, at) => {
      const line = active.getLine(at);
      return (line?.isWrapped ? "" : "\n") + (line?.translateToString(true) ?? "");
    });
    return `${lines.join("").trim()}\n`;
  }

  /**
   * Who answers questions and decides the size: the host, or this terminal.
   *
   * @param {{size: boolean, mute: boolean}} agreed
   */
  agree({ size, mute }) {
    this.#muted = mute;
    if (size === this.#governed) return;
    this.#governed = size;
    this.#layOut();
  }

  /** The shell's size from here on. @param {number} cols @param {number} rows */
  resize(cols, rows) {
    this.#inOrder(() => {
      if (!this.#governed) return;
      this.terminal.resize(cols, rows);
      this.#layOut();
    });
  }

  /** Of a shell larger than the window: all of it, or the part around the cursor. @param {boolean} whole */
  showWhole(whole) {
    if (whole === this.#whole) return;
    this.#whole = whole;
    this.#panned = false;
    this.#layOut();
  }

  /** The window may have another size. */
  fit() {
    const cell = this.#measure();
    const { width, height } = this.#space();
    const cols = cell ? Math.floor((width - SCROLL_BAR) / cell.width) : 0;
    const rows = cell ? Math.floor(height / cell.height) : 0;
    // Hidden, or not laid out yet: a size of nothing would reach the program.
    if (cols < 2 || rows < 2) return;
    const before = this.#room;
    this.#room = { cols: Math.min(cols, MAX_CELLS), rows: Math.min(rows, MAX_CELLS) };
    this.#layOut();
    if (before.cols !== this.#room.cols || before.rows !== this.#room.rows) this.#handlers.resize();
  }

  /** @returns {{width: number, height: number} | null} */
  #measure() {
    const now = this.#cellNow();
    if (this.terminal.options.fontSize === this.#font && now.width && now.height) this.#cell = { ...now };
    return this.#cell;
  }

  /** @returns {{width: number, height: number}} */
  #cellNow() {
    return /** @type {any} */ (this.terminal)._core._renderService.dimensions.css.cell;
  }

  #space() {
    const style = getComputedStyle(this.#pane);
    const sum = (/** @type {string[]} */ ...sides) =>
      sides.reduce((all, side) => all + parseFloat(style.getPropertyValue(`padding-${side}`)), 0);
    // Not what scroll bars leave: they come and go with what is shown.
    return {
      width: this.#pane.offsetWidth - sum("left", "right"),
      height: this.#pane.offsetHeight - sum("top", "bottom"),
    };
  }

  /** Bring the terminal, its text and its place into the size that they should have. */
  #layOut() {
    const { terminal } = this;
    const cell = this.#cell;
    if (!cell) return;
    if (!this.#governed) terminal.resize(this.#room.cols, this.#room.rows);
    const { cols, rows } = terminal;
    const larger = cols > this.#room.cols || rows > this.#room.rows;
    this.#setFont(larger && this.#whole ? this.#fontFor(cols, rows) : this.#font);
    const { width, height } = this.#cellNow();
    const style = this.#place.style;
    style.width = this.#governed ? `${Math.ceil(cols * width) + SCROLL_BAR}px` : "";
    style.height = this.#governed ? `${Math.ceil(rows * height)}px` : "";
    const smaller = this.#governed && !larger && (cols < this.#room.cols || rows < this.#room.rows);
    this.#pane.toggleAttribute("data-island", smaller);
    this.#pane.toggleAttribute("data-part", larger && this.#hidesSome(cols * width, rows * height));
    this.#soon();
  }

  /** @param {number} width @param {number} height */
  #hidesSome(width, height) {
    const space = this.#space();
    return width + SCROLL_BAR > space.width + 1 || height > space.height + 1;
  }

  /** @param {number} cols @param {number} rows @returns {number} with which all of them are in view */
  #fontFor(cols, rows) {
    const { width, height } = this.#space();
    const cell = /** @type {{width: number, height: number}} */ (this.#cell);
    const scale = Math.min((width - SCROLL_BAR) / (cols * cell.width), height / (rows * cell.height), 1);
    let font = Math.max(MIN_FONT, Math.floor(this.#font * scale * 4) / 4);
    // Cells have whole device pixels, so they are sometimes larger than that.
    for (; font > MIN_FONT; font -= 0.25) {
      this.#setFont(font);
      const now = this.#cellNow();
      if (cols * now.width <= width - SCROLL_BAR && rows * now.height <= height) break;
    }
    return Math.min(font, this.#font);
  }

  /** @param {number} size */
  #setFont(size) {
    if (this.terminal.options.fontSize !== size) this.terminal.options.fontSize = size;
  }

  /** In the next frame, once for whatever has moved. */
  #soon() {
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      this.#follow();
      this.#tell();
      if (this.view.back) this.#lookUp();
    });
  }

  /** Somebody scrolls up, or has: if there is nothing above, more may be had. */
  #lookUp() {
    const { active } = this.terminal.buffer;
    if (active.type === "normal" && !active.viewportY && !this.#drawing) this.#handlers.above();
  }

  /** Keep the cursor in view, where only a part is. */
  #follow() {
    if (this.#panned || !this.#pane.hasAttribute("data-part")) return;
    const { active } = this.terminal.buffer;
    const { width, height } = this.#cellNow();
    const pane = this.#pane;
    const x = active.cursorX * width;
    const y = active.cursorY * height;
    const within = (/** @type {number} */ at, /** @type {number} */ from, /** @type {number} */ room, /** @type {number} */ cell) =>
      at < from ? at - 2 * cell : at + 3 * cell > from + room ? at + 3 * cell - room : from;
    pane.scrollLeft = within(x, pane.scrollLeft, pane.clientWidth, width);
    pane.scrollTop = within(y, pane.scrollTop, pane.clientHeight, height);
  }

  /** How much of the shell is seen, and how. @returns {View} */
  get view() {
    const { cols, rows, options, buffer } = this.terminal;
    const larger = cols > this.#room.cols || rows > this.#room.rows;
    const smaller = this.#pane.hasAttribute("data-island");
    const percent = Math.round((100 * (options.fontSize ?? this.#font)) / this.#font);
    const back = buffer.active.baseY - buffer.active.viewportY;
    return { cols, rows, percent, larger, smaller, back };
  }

  #tell() {
    const { view } = this;
    const told = JSON.stringify(view);
    if (told === this.#told) return;
    this.#told = told;
    this.#handlers.view(view);
  }

  /** After all output that came before. @param {() => void} act @param {Uint8Array | string} [data] */
  #inOrder(act, data = "") {
    this.terminal.write(data, act);
  }

  /** A line above the cursor's row with a few words at its end; it is in no buffer. @param {string} words */
  mark(words) {
    this.#inOrder(() => {
      const { terminal } = this;
      const marker = terminal.buffer.active.type === "normal" ? terminal.registerMarker(0) : undefined;
      const line = marker && terminal.registerDecoration({ marker, width: terminal.cols, layer: "top" });
      line?.onRender((element) => {
        element.classList.add("mark-line");
        element.dataset.words = words;
      });
    });
  }

  /**
   * @param {Uint8Array | string} data
   * @param {boolean} replayed shown before: what it asks was answered then
   * @param {() => void} done it is on the screen
   */
  write(data, replayed, done) {
    if (replayed) this.#inOrder(() => this.#replaying++);
    write(this.terminal, data, () => {
      if (replayed) this.#replaying--;
      done();
    });
  }

  /** Nothing is left of what came before. */
  reset() {
    this.#drawing = false;
    this.#inOrder(() => {
      const { baseY, viewportY } = this.terminal.buffer.active;
      this.#back ||= baseY - viewportY;
      this.terminal.reset();
    }, CANCEL);
  }

  /** A whole screen follows, and then `drawn`: nobody sees the steps in between. */
  redraw() {
    this.reset();
    this.#drawing = true;
    this.#inOrder(() => {
      this.#release?.();
      this.#release = holdScrollBar(this.terminal);
    }, "\x1b[?2026h");
  }

  /** The whole screen is there. Whoever looked back looks back again. */
  drawn() {
    this.#inOrder(() => {
      this.#release?.();
      this.#release = null;
      const { active } = this.terminal.buffer;
      if (this.#back) this.terminal.scrollToLine(Math.max(0, active.baseY - this.#back));
      this.#back = 0;
      this.#drawing = false;
    }, "\x1b[?2026l");
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
    this.#panned = false;
    this.#handlers.input(this.#encoder.encode(bracketed), false);
  }

  /** @param {import("./prefs.js").Prefs} prefs @param {import("./themes.js").Theme} theme */
  apply(prefs, theme) {
    this.#font = prefs.fontSize;
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
    this.#place.setAttribute("role", "group");
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
    if (event.shiftKey && event.key === "PageUp") this.#lookUp();
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
  const words = judged(address);
  if (!words || (hidden && !confirm(`Open this address?\n\n${words}`))) return;
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
 * xterm.js knows wheels, not fingers: a finger moves the lines, or the part that is seen of a
 * larger shell; where a program has the whole screen it becomes a wheel.
 *
 * @param {HTMLElement} place
 * @param {Terminal} terminal
 * @param {(by: number) => void} moved less than 0: up
 */
function scrollByTouch(place, terminal, moved) {
  let last = { x: 0, y: 0 };
  let rest = 0;
  place.addEventListener(
    "touchstart",
    (event) => {
      last = { x: event.touches[0].clientX, y: event.touches[0].clientY };
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
      const deltaY = last.y - clientY;
      const { scrollLeft, scrollTop } = place;
      place.scrollBy(last.x - clientX, deltaY);
      last = { x: clientX, y: clientY };
      if (place.scrollLeft !== scrollLeft || place.scrollTop !== scrollTop) return moved(0);
      if (terminal.buffer.active.type === "normal" && terminal.modes.mouseTrackingMode === "none") {
        rest += (deltaY * terminal.rows) / place.clientHeight;
        terminal.scrollLines(Math.trunc(rest));
        rest -= Math.trunc(rest);
        return moved(deltaY);
      }
      const wheel = { deltaY, deltaMode: 0, clientX, clientY, bubbles: true, cancelable: true };
      (event.target ?? place).dispatchEvent(new WheelEvent("wheel", wheel));
    },
    { passive: false },
  );
}
