/**
 * The looks: sixteen colours for the terminal, and the page around them.
 *
 * Owns colours only. `page` values become CSS variables of the same names: those of the
 * host's window.
 */

/**
 * @typedef {object} Theme
 * @property {string} label
 * @property {"dark" | "light"} scheme
 * @property {Record<string, string>} page
 * @property {import("@xterm/xterm").ITheme} terminal
 */

const HUES = ["black", "red", "green", "yellow", "blue", "magenta", "cyan", "white"];
/** The sixteen colours, as xterm.js calls them. */
const PALETTE = [...HUES, ...HUES.map((hue) => `bright${hue[0].toUpperCase()}${hue.slice(1)}`)];

/** @type {(names: string) => Record<string, string>} eight colours, then eight bright ones */
const palette = (names) =>
  Object.fromEntries(names.split(" ").map((colour, at) => [PALETTE[at], `#${colour}`]));

/** What the page's colours are called, in the order of `colors`. */
const NAMES = (
  "frame base raised hover pressed current border line text soft accent accenttint onaccent focus " +
  "tint guest guesttint wait waittint waitfill frozen frozentint rec danger dangertint ok"
).split(" ");

/** @type {(values: string) => Record<string, string>} */
const colors = (values) =>
  Object.fromEntries(values.split(" ").map((value, at) => [NAMES[at], `#${value}`]));

/** @type {Record<string, Theme>} */
export const THEMES = {
  midnight: {
    label: "Midnight",
    scheme: "dark",
    page: colors(
      "1b2126 14191d 232b31 28313a 303b44 2c363e 2d373e 3a464f e4eaed a3b0b8 56c2b0 1f3a39 0b1d1a 7fe0cf " +
        "2b353c bda4f6 302d44 edc558 383222 edc558 86cdec 213642 ff7d9c f48886 3b282b 63c48d",
    ),
    terminal: {
      background: "#14191d", foreground: "#d8dee9", cursor: "#56c2b0", cursorAccent: "#14191d",
      selectionBackground: "#2f4a6d",
      ...palette(
        "1b212c f47c7c 7bd88f f2c46d 6cb6ff c792ea 62d5d0 c5cedb " +
          "5c687d ff9b9b 9df0ae ffdb8f 9bd0ff dcb5ff 8df0ea f4f7fb",
      ),
    },
  },
  daylight: {
    label: "Daylight",
    scheme: "light",
    page: colors(
      "f0f3f4 ffffff ffffff e4e9eb d7dee1 dde4e6 d9dfe2 c4cdd1 192125 515e65 0a6f63 d6ece8 ffffff 0a6f63 " +
        "e4e9ec 6a45b8 e9e2f8 7c5c00 f8ebc4 b07d00 0f6689 d9edf5 bb1f52 b8292f fbe3e3 16723e",
    ),
    terminal: {
      background: "#ffffff", foreground: "#27313f", cursor: "#0a6f63", cursorAccent: "#ffffff",
      selectionBackground: "#bcd8f8",
      ...palette(
        "27313f b8303a 1f7a45 8a5a00 0b62c4 8a3fb0 0c7480 8b95a3 " +
          "5d6878 d8444e 2a9558 a87212 2f80e0 a55ccb 178e9c 3d4858",
      ),
    },
  },
  solarized: {
    label: "Solarized dark",
    scheme: "dark",
    page: colors(
      "002b36 002b36 073642 0b4250 0e4c5c 0a3f4d 0d4350 12505e eee8d5 9fb0b0 4aa8e8 07344a 00222b 6fbcf0 " +
        "0a3f4d b8a6f5 2b3358 e3b43a 33391f d9a520 6fcde0 0a4454 ff8fa3 ff8a86 40303a a3b515",
    ),
    terminal: {
      background: "#002b36", foreground: "#a7b3b3", cursor: "#eee8d5", cursorAccent: "#002b36",
      selectionBackground: "#15586a",
      ...palette(
        "073642 dc322f 859900 b58900 268bd2 d33682 2aa198 eee8d5 " +
          "586e75 f0635f a3b515 d9a520 4aa8e8 e86aa6 4fc3ba fdf6e3",
      ),
    },
  },
  contrast: {
    label: "High contrast",
    scheme: "dark",
    page: colors(
      "000000 000000 000000 333333 444444 222222 ffffff ffffff ffffff e0e0e0 ffe14d 1f1c00 000000 ffe14d " +
        "222222 d9c2ff 1a1030 ffc14d 241800 ffc14d 99e6ff 00202b ff9db8 ff9090 2b0000 66ff99",
    ),
    terminal: {
      background: "#000000", foreground: "#ffffff", cursor: "#ffe14d", cursorAccent: "#000000",
      selectionBackground: "#ffffff", selectionForeground: "#000000",
      ...palette(
        "000000 ff7070 66ff66 ffff66 80b3ff ff99ff 66ffff ffffff " +
          "a0a0a0 ff9999 99ff99 ffff99 b3d1ff ffc2ff b3ffff ffffff",
      ),
    },
  },
};

/**
 * The terminal's colours for the host, which answers programs that ask for them.
 *
 * @param {Theme} theme
 * @returns {import("./wire.js").Theme}
 */
export function told({ terminal }) {
  const { foreground = "", background = "", cursor = "" } = terminal;
  const all = /** @type {Record<string, string>} */ (terminal);
  return { foreground, background, cursor, palette: PALETTE.map((name) => all[name]) };
}

/** @param {string} name @returns {Theme} */
export function themeOf(name) {
  if (Object.hasOwn(THEMES, name)) return THEMES[name];
  return matchMedia("(prefers-color-scheme: light)").matches ? THEMES.daylight : THEMES.midnight;
}

/** Colour the page. @param {Theme} theme */
export function paint(theme) {
  const root = document.documentElement;
  for (const [name, colour] of Object.entries(theme.page))
    root.style.setProperty(`--${name}`, colour);
  root.style.colorScheme = theme.scheme;
  document.querySelector('meta[name="theme-color"]')?.setAttribute("content", theme.page.frame);
}
