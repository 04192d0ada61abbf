/** What the page says of its terminal, beside what this version of xterm.js does. */

import assert from "node:assert/strict";
import { test } from "node:test";

import xterm from "@xterm/xterm";

import { FEATURES } from "../src/wire.js";

/** @param {string} text what the program prints */
async function shown(text) {
  const terminal = new xterm.Terminal({ allowProposedApi: true, cols: 10, rows: 4 });
  let typed = "";
  terminal.onData((data) => (typed += data));
  await new Promise((done) => terminal.write(text, () => done(null)));
  const rows = [0, 1].map((row) => terminal.buffer.active.getLine(row)?.translateToString(true));
  return { typed, rows };
}

/** @type {[string, () => Promise<boolean>][]} */
const KNOWN = [
  ["sync", async () => (await shown("\x1b[?2026$p")).typed === "\x1b[?2026;2$y"],
  ["margins", async () => (await shown("\x1b[?69h\x1b[1;3sabcdef")).rows[0] === "abc"],
  ["rectangles", async () => (await shown("abcdef\x1b[1;1;1;3$z")).rows[0] === "   def"],
  ["kitty_keyboard", async () => (await shown("\x1b[?u")).typed !== ""],
  ["sixel", async () => /[?;]4[;c]/.test((await shown("\x1b[c")).typed)],
];
for (const [feature, knows] of KNOWN)
  test(`${feature} is ${FEATURES.includes(feature) ? "there" : "missing"}`, async () => {
    assert.equal(await knows(), FEATURES.includes(feature));
  });

test("what addons of the page bring is there", () => {
  assert.ok(FEATURES.includes("graphemes") && FEATURES.includes("osc52"));
});
