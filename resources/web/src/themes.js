/**
 * The looks: sixteen colours for the terminal, and the page around them.
 *
 * Owns colours only. `page` values become CSS variables of the same names.
 */

/**
 * @typedef {object} Theme
 * @property {string} label
 * @property {"dark" | "light"} scheme
 * @property {Record<string, string>} page
 * @property {import("@xterm/xterm").ITheme} terminal
 */

/** @type {(names: string) => Record<string, string>} eight colours, then eight bright ones */
const palette = (names) => {
  const hues = ["black", "red", "green", "yellow", "blue", "magenta", "cyan", "white"];
  const keys = [...hues, ...hues.map((hue) => `bright${hue[0].toUpperCase()}${hue.slice(1)}`)];
  return Object.fromEntries(names.split(" ").map((colour, at) => [keys[at], `#${colour}`]));
};

/** @type {Record<string, Theme>} */
export const THEMES = {
  midnight: {
    label: "Midnight",
    scheme: "dark",
    page: {
      back: "#0d1017", raised: "#151a23", line: "#242b38", text: "#dfe5ef", soft: "#8f9bb0",
      accent: "#4fd1b8", good: "#5ad19a", warn: "#f0b35e", bad: "#ff7b7b", onaccent: "#05201b",
    },
    terminal: {
      background: "#0d1017", foreground: "#d8dee9", cursor: "#4fd1b8", cursorAccent: "#0d1017",
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
    page: {
      back: "#fbfbfd", raised: "#ffffff", line: "#dcdfe6", text: "#1d2530", soft: "#5d6878",
      accent: "#0f766a", good: "#15804d", warn: "#95600a", bad: "#c2323a", onaccent: "#ffffff",
    },
    terminal: {
      background: "#fbfbfd", foreground: "#27313f", cursor: "#0f766a", cursorAccent: "#fbfbfd",
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
    page: {
      back: "#002b36", raised: "#073642", line: "#12505e", text: "#eee8d5", soft: "#93a1a1",
      accent: "#4aa8e8", good: "#a3b515", warn: "#d9a520", bad: "#f0635f", onaccent: "#00222b",
    },
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
    page: {
      back: "#000000", raised: "#000000", line: "#ffffff", text: "#ffffff", soft: "#e0e0e0",
      accent: "#ffe14d", good: "#66ff99", warn: "#ffc14d", bad: "#ff9090", onaccent: "#000000",
    },
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
  document.querySelector('meta[name="theme-color"]')?.setAttribute("content", theme.page.back);
}
