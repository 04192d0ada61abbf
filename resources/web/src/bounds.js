/**
 * What a program's output may make xterm.js do: every part of it has a bound.
 *
 * Owns those bounds and keeping a terminal to them. xterm.js 6.0 has too few of its own:
 * `CSI 2147483647 b` repeats a character that often, a base character takes any number of
 * combining marks, each line with a link costs time at every later line feed. A few bytes
 * stopped the page for minutes, and once more whenever that output was replayed.
 */

/** @typedef {import("@xterm/xterm").Terminal} Terminal */

/** Bytes that are parsed before keys and frames have their turn: 1,024 bytes of the worst sequence
 * (`ESC c`, a new screen for two bytes) take about 80 ms. */
export const SLICE = 1024;
/** Code points in one character; the longest emoji has about ten. */
export const MAX_CLUSTER = 16;
/** Lines of links. Each takes time at every line feed; the oldest are links no longer. */
export const MAX_LINK_LINES = 1000;
/** The OSC by which a program writes the clipboard. */
const CLIPBOARD = 52;
/** Codes of xterm.js's parser: any character beyond ASCII, inside of APC, PM and SOS, an action. */
const BEYOND_ASCII = 0xa0;
const STRING_STATE = 7;
const IGNORE = 0;
/** Between two changes of colours: each makes all of the page's rules and cells anew, in about 10 ms. */
const COLORS_MS = 100;

const rows = (/** @type {Terminal} */ terminal) => terminal.rows;
const columns = (/** @type {Terminal} */ terminal) => terminal.cols;
/** The largest number in a sequence, as in xterm: larger ones count as this. */
const MAX_NUMBER = 65_535;

/**
 * Sequences whose first parameter is a number of steps (ECMA-48, xterm ctlseqs), and how
 * many of them can make a difference: after as many as this all lines are blank, or the
 * cursor is at the margin. REP leaves out rows that only scroll after rows of the same.
 *
 * @type {Record<string, [import("@xterm/xterm").IFunctionIdentifier,
 *   (terminal: Terminal, count: number) => number]>}
 */
export const STEPS = {
  ICH: [{ final: "@" }, columns],
  SL: [{ intermediates: " ", final: "@" }, columns],
  SR: [{ intermediates: " ", final: "A" }, columns],
  CHT: [{ final: "I" }, columns],
  IL: [{ final: "L" }, rows],
  DL: [{ final: "M" }, rows],
  DCH: [{ final: "P" }, columns],
  SU: [{ final: "S" }, rows],
  SD: [{ final: "T" }, rows],
  ECH: [{ final: "X" }, columns],
  CBT: [{ final: "Z" }, columns],
  REP: [{ final: "b" }, repeated],
  DECIC: [{ intermediates: "'", final: "}" }, columns],
  DECDC: [{ intermediates: "'", final: "~" }, columns],
};

/** @param {Terminal} terminal @param {number} count */
function repeated(terminal, count) {
  // What was printed last, in the form of UnicodeService: bits 1 and 2 are its width.
  const before = /** @type {any} */ (terminal)._core._inputHandler._parser.precedingJoinState;
  const row = Math.max(1, Math.floor(terminal.cols / (((before >> 1) & 3) || 1)));
  const asked = Math.min(count, MAX_NUMBER);
  return asked - Math.floor(Math.max(0, asked - row * terminal.rows) / row) * row;
}

/**
 * Characters in an OSC, by its number; a longer one does nothing. xterm.js keeps up to 10 million
 * of them, and splits those of colours (4) in a time that grows with their square.
 */
export const STRINGS = {
  0: 4096, 1: 4096, 2: 4096, 4: 16_384, 8: 2304, 10: 1024, 11: 1024, 12: 1024, 52: 262_144, 104: 4096,
};

/**
 * Keep a terminal to all of them. Call it when it has its add-ons and its place on the page.
 *
 * @param {Terminal} terminal
 * @param {() => void} [tooLong] a program wrote more to the clipboard than it may
 */
export function bound(terminal, tooLong = () => {}) {
  // A handler of the public parser gets a copy of the parameters, one of the core the
  // very ones that the handler of xterm.js reads next.
  const core = /** @type {any} */ (terminal)._core;
  for (const [sequence, most] of Object.values(STEPS))
    core.registerCsiHandler(sequence, (/** @type {{params: Int32Array}} */ { params }) => {
      params[0] = Math.min(params[0], most(terminal, params[0]));
      return false;
    });
  // Several numbers are xterm's tracking of a highlight, which is not done here.
  terminal.parser.registerCsiHandler({ final: "T" }, (params) => params.length > 1);
  for (const [number, most] of Object.entries(STRINGS))
    terminal.parser.registerOscHandler(Number(number), (data) => {
      if (data.length <= most) return false;
      if (Number(number) === CLIPBOARD) tooLong();
      return true;
    });
  // In APC, PM and SOS a character beyond ASCII is an error to xterm.js, which prints the rest.
  core._inputHandler._parser._transitions.add(BEYOND_ASCII, STRING_STATE, IGNORE, STRING_STATE);
  // Only a terminal that is shown has colours.
  if (terminal.element) calmColors(core._themeService);
}

/** @param {any} service xterm.js's colours; what asks for them gets the newest without delay */
function calmColors(service) {
  const changed = service._onChangeColors;
  const tell = changed.fire.bind(changed);
  let told = -Infinity;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let late;
  changed.fire = () => {
    const wait = told + COLORS_MS - performance.now();
    if (late !== undefined) return;
    late = setTimeout(() => {
      late = undefined;
      told = performance.now();
      tell(service.colors);
    }, Math.max(0, wait));
  };
}

/**
 * Write to a terminal in slices: between two of them xterm.js lets the page do something else.
 *
 * @param {Terminal} terminal
 * @param {Uint8Array | string} data
 * @param {() => void} done all of it is on the screen
 */
export function write(terminal, data, done) {
  let at = 0;
  for (; data.length - at > SLICE; at += SLICE)
    terminal.write(data.slice(at, at + SLICE), () => forgetLinks(terminal));
  terminal.write(at ? data.slice(at) : data, () => {
    forgetLinks(terminal);
    done();
  });
}

/** @param {Terminal} terminal */
function forgetLinks(terminal) {
  // The public list is empty while a program has the whole screen.
  /** @type {import("@xterm/xterm").IMarker[]} */
  const markers = /** @type {any} */ (terminal)._core.buffer.markers;
  while (markers.length > MAX_LINK_LINES) markers[0].dispose();
}

/** The width in a character's properties, and that of two cells. */
const WIDTH = 3 << 1;
const WIDE = 2 << 1;
const PICTOGRAPH = /\p{Extended_Pictographic}/u;
/** Vowels of Thai and Lao (SARA AM) that belong to the character before them, and have a cell of
 * their own all the same, as programs count. */
const APART = new Set([0xe33, 0xeb3]);
/** Bits of a character's properties that xterm.js leaves free: here, how many were joined. */
const JOINED = 27;

/**
 * Grapheme clusters as an add-on of xterm.js makes them, MAX_CLUSTER code points long at most:
 * the next one then begins a character of its own.
 *
 * @param {Terminal} terminal
 * @param {import("@xterm/addon-unicode-graphemes").UnicodeGraphemesAddon} addon
 */
export function joinCharacters(terminal, addon) {
  /** @type {any} */
  let graphemes;
  // The add-on tells its rules to whoever activates it, the last one being in force.
  addon.activate(
    /** @type {any} */ ({
      unicode: { register: (/** @type {any} */ rules) => (graphemes = rules), activeVersion: "" },
    }),
  );
  terminal.unicode.register({
    version: "graphemes",
    wcwidth: (code) => graphemes.wcwidth(code),
    charProperties: (code, before) => {
      if (APART.has(code)) return graphemes.charProperties(code, 0);
      const joined = before >>> JOINED;
      const properties = graphemes.charProperties(code, before & ((1 << JOINED) - 1));
      if (!(properties & 1)) return properties;
      if (joined + 2 > MAX_CLUSTER) return graphemes.charProperties(code, 0);
      // A pictograph joins by a joiner alone: together they are an emoji, of two cells. What joins
      // makes nothing narrower: xterm.js would count its cells once more at the next one.
      const wide = PICTOGRAPH.test(String.fromCodePoint(code)) ? WIDE : 0;
      const width = Math.max(properties & WIDTH, before & WIDTH, wide);
      return (properties & ~WIDTH) | width | ((joined + 1) << JOINED);
    },
  });
  terminal.unicode.activeVersion = "graphemes";
}
