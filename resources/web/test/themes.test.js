/** Every text of the page can be read on its ground, in every theme (WCAG 2.2, contrast). */

import assert from "node:assert/strict";
import { test } from "node:test";

import { THEMES, told } from "../src/themes.js";

/** Relative luminance. @param {string} color `#rrggbb` */
function luminance(color) {
  const [red, green, blue] = [1, 3, 5]
    .map((at) => parseInt(color.slice(at, at + 2), 16) / 255)
    .map((part) => (part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

/** @param {string} one @param {string} other */
function contrast(one, other) {
  const [darker, lighter] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (lighter + 0.05) / (darker + 0.05);
}

/** Texts on a ground; a focus ring needs less. @type {Record<string, string[]>} */
const ON = {
  frame: ["text", "soft", "rec", "accent", "guest", "danger", "wait"],
  base: ["text", "soft", "accent"],
  raised: ["text", "soft", "accent", "danger"],
  hover: ["text", "soft", "danger"],
  pressed: ["text"],
  current: ["text"],
  tint: ["text", "soft"],
  accenttint: ["accent"],
  guesttint: ["guest"],
  waittint: ["wait", "text"],
  frozentint: ["frozen", "text"],
  dangertint: ["danger", "text"],
  accent: ["onaccent"],
  guest: ["base"],
};
const RINGED = ["frame", "base", "raised", "waittint", "frozentint", "dangertint", "tint"];

for (const [name, theme] of Object.entries(THEMES)) {
  test(`${name} can be read`, () => {
    /** @type {string[]} */
    const faint = [];
    const check = (/** @type {string} */ text, /** @type {string} */ ground, /** @type {number} */ least) => {
      const ratio = contrast(theme.page[text], theme.page[ground]);
      if (ratio < least) faint.push(`${text} on ${ground}: ${ratio.toFixed(2)}`);
    };
    for (const [ground, texts] of Object.entries(ON)) for (const text of texts) check(text, ground, 4.5);
    for (const ground of RINGED) check("focus", ground, 3);
    assert.deepEqual(faint, []);
  });

  test(`what a host is told of ${name} is what it takes`, () => {
    const { foreground, background, cursor, palette } = told(theme);
    assert.equal(palette.length, 16);
    for (const color of [foreground, background, cursor, ...palette]) assert.match(color, /^#[0-9a-f]{6}$/);
    // A program's ground is the page's for programs.
    assert.equal(background, theme.page.base);
  });
}
