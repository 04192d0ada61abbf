/** A terminal that answers nothing, in Node: what it would type, and what still changes it. */

import assert from "node:assert/strict";
import { test } from "node:test";

import xterm from "@xterm/xterm";

import { mute } from "../src/mute.js";

/** @param {boolean} muted */
function terminalOf(muted) {
  const terminal = new xterm.Terminal({ allowProposedApi: true, cols: 20, rows: 4, windowOptions: { getWinSizeChars: true } });
  mute(terminal, () => muted);
  let typed = "";
  terminal.onData((data) => (typed += data));
  /** @type {any[]} */
  const colors = [];
  /** @type {any} */ (terminal)._core._inputHandler.onColor((/** @type {any} */ event) => colors.push(...event));
  const feed = (/** @type {string} */ text) =>
    new Promise((done) => terminal.write(new TextEncoder().encode(text), () => done(null)));
  return { terminal, feed, colors, typed: () => typed };
}

const QUESTIONS = [
  "\x1b[c", "\x1b[0c", "\x1b[>c", "\x1b[5n", "\x1b[6n", "\x1b[?6n", "\x1b[?25$p", "\x1b[4$p", "\x1b[18t",
  "\x1bP$qm\x1b\\", "\x1bP$qr\x1b\\",
];
for (const question of QUESTIONS)
  test(`no answer to ${JSON.stringify(question)}`, async () => {
    const loud = terminalOf(false);
    await loud.feed(question);
    assert.notEqual(loud.typed(), "", "otherwise this test says nothing");
    const quiet = terminalOf(true);
    await quiet.feed(`a${question}b`);
    assert.equal(quiet.typed(), "");
    assert.equal(quiet.terminal.buffer.active.getLine(0)?.translateToString(true), "ab");
  });

/** @type {[string, [number, number][]][]} a report has type 0, a change type 1 */
const COLORS = [
  ["\x1b]4;1;?\x07", []],
  ["\x1b]4;1;?;2;#123456\x07", [[1, 2]]],
  ["\x1b]4;1;#123456;2;?;3;#abc\x07", [[1, 1], [1, 3]]],
  ["\x1b]4;?;?\x07", []],
  ["\x1b]10;?\x07", []],
  ["\x1b]10;?;#102030;?\x07", [[1, 257]]],
  ["\x1b]11;#102030;?\x07", [[1, 257]]],
  ["\x1b]12;?\x1b\\", []],
  ["\x1b]12;#fff\x07", [[1, 258]]],
];
for (const [text, changes] of COLORS)
  test(`colors that are set, and not asked for, by ${JSON.stringify(text)}`, async () => {
    const { feed, colors } = terminalOf(true);
    await feed(text);
    assert.deepEqual(colors.map(({ type, index }) => [type, index]), changes);
  });

test("what is no question goes on as ever", async () => {
  const { terminal, feed, typed } = terminalOf(true);
  await feed("\x1b[?1h\x1b[?2004h\x1b[22;0t\x1b[23;0t\x1b[2;5Hx\x1b[s\x1b[u\x1b[1 q");
  assert.equal(terminal.modes.bracketedPasteMode, true);
  assert.equal(terminal.buffer.active.getLine(1)?.translateToString(true), "    x");
  terminal.input("\x1b[1;2R", true);
  assert.equal(typed(), "\x1b[1;2R");
});
