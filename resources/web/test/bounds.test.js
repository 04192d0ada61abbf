/** xterm.js held to the page's bounds, in Node: what is on its screen, not how it came there. */

import "./pool.js";

import assert from "node:assert/strict";
import { test } from "node:test";

import graphemes from "@xterm/addon-unicode-graphemes";
import xterm from "@xterm/xterm";

import * as bounds from "../src/bounds.js";
import { vectors } from "./vectors.js";

const { cols, lines, before, cases } = vectors("steps");
/** Far more than any of them takes, and far less than one of them took. */
const SOON = { timeout: 20_000 };

/** @param {number} cols @param {number} rows @param {number} [scrollback] */
function terminalOf(cols, rows, scrollback = 100) {
  const terminal = new xterm.Terminal({ allowProposedApi: true, cols, rows, scrollback });
  bounds.joinCharacters(terminal, new graphemes.UnicodeGraphemesAddon());
  bounds.bound(terminal);
  return terminal;
}

/** @param {import("@xterm/xterm").Terminal} terminal @param {string} text @returns {Promise<void>} */
const feed = (terminal, text) =>
  new Promise((done) => bounds.write(terminal, new TextEncoder().encode(text), done));

/** @param {import("@xterm/xterm").Terminal} terminal */
function shown({ rows, buffer: { active } }) {
  return Array.from({ length: rows }, (_, y) => active.getLine(active.baseY + y)?.translateToString(true));
}

for (const { name, text, rows, cursor } of cases)
  test(`${name} as xterm does it: ${JSON.stringify(text)}`, SOON, async () => {
    const terminal = terminalOf(cols, lines);
    await feed(terminal, before + text);
    assert.deepEqual(shown(terminal), rows);
    const { cursorX, cursorY } = terminal.buffer.active;
    // Behind the last column, where the next character goes to the next line, xterm.js counts on.
    assert.deepEqual([cursorY, Math.min(cursorX, cols - 1)], cursor);
  });

test("every sequence of the table has its vectors", () => {
  const named = new Set(cases.map((/** @type {{name: string}} */ one) => one.name));
  assert.deepEqual(new Set(Object.keys(bounds.STEPS)), named);
});

test("a character takes a bounded number of code points; the rest begins others", SOON, async () => {
  const terminal = terminalOf(40, 4);
  const plain = new xterm.Terminal({ allowProposedApi: true, cols: 40, rows: 4 });
  plain.loadAddon(new graphemes.UnicodeGraphemesAddon());
  const cells = (/** @type {import("@xterm/xterm").Terminal} */ { buffer: { active } }) =>
    Array.from({ length: 40 }, (_, x) => active.getLine(0)?.getCell(x)?.getChars() ?? "").filter(Boolean);
  const text = "é日e\u0301\u0323本👩‍🚀🇩🇪👩🏽‍❤️‍💋‍👩🏿नमस्ते한글";
  await feed(terminal, text);
  await new Promise((done) => plain.write(text, () => done(null)));
  assert.deepEqual(cells(terminal), cells(plain), "what people write is as the add-on has it");
  const long = `a${"\u0301".repeat(200)}b`;
  await feed(terminal, `\x1b[H\x1b[2J${long}`);
  assert.ok(cells(terminal).every((cell) => [...cell].length <= bounds.MAX_CLUSTER));
  assert.equal(cells(terminal).join(""), long, "and nothing is lost");
});

test("REP of the longest character is a screenful of it, and no more", SOON, async () => {
  const terminal = terminalOf(80, 24, 10_000);
  await feed(terminal, `a${"\u0301".repeat(200)}\x1b[2147483647b`);
  assert.ok(terminal.buffer.active.length <= 24 + 1, String(terminal.buffer.active.length));
});

test("lines of links are bounded, one link over many lines too; the newest are links", SOON, async () => {
  const terminal = terminalOf(80, 24, 10_000);
  const many = Array.from({ length: 3000 }, (_, n) => `\x1b]8;;http://a.example/${n}\x1b\\x`).join("");
  await feed(terminal, `${many}\r\n`);
  assert.ok(terminal.markers.length > 0);
  assert.ok(terminal.markers.length <= bounds.MAX_LINK_LINES);
  await feed(terminal, "one link\r\n".repeat(3000));
  assert.ok(terminal.markers.length <= bounds.MAX_LINK_LINES);
  const { baseY, cursorY } = terminal.buffer.active;
  assert.equal(terminal.markers.at(-1)?.line, baseY + cursorY - 1);
});

test("a string that is too long does nothing, one that is not does", SOON, async () => {
  const terminal = terminalOf(80, 24);
  const titles = /** @type {string[]} */ ([]);
  terminal.onTitleChange((title) => titles.push(title));
  const most = bounds.STRINGS[2];
  await feed(terminal, `\x1b]2;${"a".repeat(most)}\x07\x1b]2;${"b".repeat(most + 1)}\x07\x1b]2;c\x07`);
  assert.deepEqual(titles, ["a".repeat(most), "c"]);
  // Colours by the million: taken apart one by one, they would take minutes.
  await feed(terminal, `\x1b]4;${";".repeat(2_000_000)}\x07fine`);
  assert.equal(shown(terminal)[0], "fine");
});

test("text and bytes come through whole, wherever a slice ends", SOON, async () => {
  const text = "é日本👩‍🚀\x1b[1m!\x1b[m".repeat(bounds.SLICE / 8);
  const [bytes, string, whole] = [terminalOf(80, 24), terminalOf(80, 24), terminalOf(80, 24)];
  await feed(bytes, text);
  await new Promise((done) => bounds.write(string, text, () => done(null)));
  await new Promise((done) => whole.write(text, () => done(null)));
  assert.deepEqual(shown(bytes), shown(whole));
  assert.deepEqual(shown(string), shown(whole));
});

for (const kind of ["\x1b_", "\x1b^", "\x1bX", "\x9f", "\x9e", "\x98"])
  test(`a string that means nothing is swallowed whole: ${JSON.stringify(kind)}`, SOON, async () => {
    const terminal = terminalOf(20, 2);
    await feed(terminal, `${kind}aé日本👍 b\x1b\\X`);
    assert.deepEqual(shown(terminal), ["X", ""]);
  });

test("whoever looks hears of a text that is too long for the clipboard", SOON, async () => {
  const terminal = new xterm.Terminal({ allowProposedApi: true });
  let refused = 0;
  let written = 0;
  terminal.parser.registerOscHandler(52, () => Boolean(++written));
  bounds.bound(terminal, () => refused++);
  await feed(terminal, `\x1b]52;c;${"QUJD".repeat(1000)}\x07`);
  assert.deepEqual([written, refused], [1, 0]);
  await feed(terminal, `\x1b]52;c;${"QUJD".repeat(100_000)}\x07`);
  assert.deepEqual([written, refused], [1, 1]);
});

for (const [text, cells] of /** @type {[string, number][]} */ ([
  ["น้ำ", 2],
  ["นำ", 2],
  ["ทำน้ำ", 4],
  ["ນ້ຳ", 2],
  ["กี่", 1],
  ["\u26f9\u{1f3ff}\u200d\u2642\ufe0f", 2],
  ["\u26f9\u200d\u2642", 2],
  ["\u2764\u200d\u{1f525}", 2],
  ["\u{1f441}\u200d\u{1f5e8}", 2],
  ["\u2764", 1],
]))
  test(`${text} takes ${cells} cells`, SOON, async () => {
    const terminal = terminalOf(20, 2);
    await feed(terminal, text);
    assert.equal(terminal.buffer.active.cursorX, cells);
    assert.equal(shown(terminal)[0], text);
  });
