// A headless xterm.js that is told what to do in JSON lines and answers in JSON lines.
//
// Owns terminals by id and a plain description of what they show. Does not own
// any comparison: that is Python's (tests/engine/emulator/oracle/__init__.py).
"use strict";
// The graphemes addon decodes its tables from the start of the pool that small
// buffers share: with one, every character beyond U+FFFF would be narrow.
Buffer.poolSize = 0;
const readline = require("node:readline");
const { Terminal } = require("@xterm/headless");
const { UnicodeGraphemesAddon } = require("@xterm/addon-unicode-graphemes");

const terminals = new Map();
const PALETTE_MODES = [0x1000000, 0x2000000]; // 16 and 256 colours
const COLOUR_MODE = 0x3000000;
const TRUECOLOUR = 1 << 24;
const UNDERLINE = 1 << 28; // in a cell's fg
const NO_COLOUR = 0x3ffffff; // what SGR 59 leaves as the colour of underlines

function fresh(options) {
  const terminal = new Terminal({ ...options, allowProposedApi: true, logLevel: "off" });
  terminal.loadAddon(new UnicodeGraphemesAddon());
  return terminal;
}

function create({ id, cols, rows, scrollback = 10000 }) {
  const terminal = fresh({ cols, rows, scrollback });
  const kept = { terminal, replies: "" };
  terminal.onData((data) => { kept.replies += data; });
  terminals.set(id, kept);
  return {};
}

const write = ({ terminal }, { data }) =>
  new Promise((done) => terminal.write(Buffer.from(data, "base64"), () => done({})));

function resize({ terminal }, { cols, rows }) {
  terminal.resize(cols, rows);
  return {};
}

function replies(kept) {
  const taken = kept.replies;
  kept.replies = "";
  return { replies: taken };
}

function dispose({ terminal }, { id }) {
  terminal.dispose();
  terminals.delete(id);
  return {};
}

function colour(mode, value) {
  if (PALETTE_MODES.includes(mode)) return value & 0xff;
  return mode === 0 ? -1 : TRUECOLOUR | value;
}

// 0 none, 1 single to 5 dashed. xterm.js calls every hyperlink dashed; what SGR
// made of it is beneath.
function underlineOf(cell) {
  const { extended } = cell;
  if (!extended.urlId) return cell.isUnderline() ? extended.underlineStyle || 1 : 0;
  if (!(cell.fg & UNDERLINE)) return 0;
  return (extended._ext >> 26) & 7 || 1;
}

// In the order of Look in Python.
function style(cell) {
  const underline = underlineOf(cell);
  let line = underline ? cell.extended.underlineColor : 0;
  if (line === NO_COLOUR) line = 0;
  return [
    colour(cell.getFgColorMode(), cell.getFgColor()),
    colour(cell.getBgColorMode(), cell.getBgColor()),
    +!!cell.isBold(), +!!cell.isDim(), +!!cell.isItalic(), underline, +!!cell.isBlink(),
    +!!cell.isInverse(), +!!cell.isInvisible(), +!!cell.isStrikethrough(),
    +!!cell.isOverline(), colour(line & COLOUR_MODE, line & 0xffffff),
  ];
}

const textOf = (cell) => (cell.getWidth() === 0 ? "" : cell.getChars() || " ");

// A row as runs of one style: [cells, text, style].
function runsOf(line, cols, cell) {
  const runs = [];
  let fg, bg, ext;
  for (let x = 0; x < cols; x++) {
    line.getCell(x, cell);
    const kept = cell.hasExtendedAttrs() ? cell.extended.ext : 0;
    if (x === 0 || cell.fg !== fg || cell.bg !== bg || kept !== ext) {
      ({ fg, bg } = cell);
      ext = kept;
      runs.push([0, "", style(cell)]);
    }
    const run = runs[runs.length - 1];
    run[0]++;
    run[1] += textOf(cell);
  }
  return runs;
}

function dump({ terminal }, { scrollback = false }) {
  const { cols, rows } = terminal;
  const buffer = terminal.buffer.active;
  const normal = terminal.buffer.normal;
  const cell = buffer.getNullCell();
  const text = [], runs = [], history = [];
  for (let y = 0; y < rows; y++) {
    const line = buffer.getLine(buffer.baseY + y);
    // Lines keep the cells of a wider screen of before.
    text.push(line.translateToString(true, 0, cols));
    runs.push(runsOf(line, cols, cell));
  }
  if (scrollback) {
    for (let y = 0; y < normal.baseY; y++) history.push(normal.getLine(y).translateToString(true, 0, cols));
  }
  return {
    cols, text, runs, history,
    cursor: [buffer.cursorY, buffer.cursorX],
    alternate: buffer.type === "alternate",
  };
}

// One row cell by cell: [text, style], the right half of a wide character with the text "".
function cells({ terminal }, { row }) {
  const buffer = terminal.buffer.active;
  const line = buffer.getLine(buffer.baseY + row);
  const cell = buffer.getNullCell();
  const found = [];
  for (let x = 0; x < terminal.cols; x++) {
    line.getCell(x, cell);
    found.push([textOf(cell), style(cell)]);
  }
  return { cells: found };
}

// How many milliseconds it takes to read the data `repeat` times, in chunks.
async function bench(_, { cols, rows, data, chunk, repeat, scrollback }) {
  const fresh = (o) => new Terminal({ ...o, logLevel: "off" });
  const bytes = Buffer.from(data, "base64");
  const terminal = fresh({ cols, rows, scrollback });
  const began = process.hrtime.bigint();
  for (let n = 0; n < repeat; n++) {
    for (let at = 0; at < bytes.length; at += chunk) terminal.write(bytes.subarray(at, at + chunk));
    // Waiting after every chunk would measure timers; never waiting, a queue.
    await new Promise((done) => terminal.write("", done));
  }
  const ms = Number(process.hrtime.bigint() - began) / 1e6;
  terminal.dispose();
  return { ms };
}

// The bytes of memory that writing adds, once garbage is collected.
async function memory(_, { cols, rows, data, scrollback }) {
  const used = async () => {
    // What the terminal before this one held is let go of only when timers have run.
    for (let n = 0; n < 3; n++) {
      await new Promise((done) => setTimeout(done, 50));
      global.gc();
    }
    const { heapUsed, arrayBuffers } = process.memoryUsage();
    return heapUsed + arrayBuffers;
  };
  const terminal = fresh({ cols, rows, scrollback });
  const before = await used();
  await new Promise((done) => terminal.write(Buffer.from(data, "base64"), done));
  const bytes = (await used()) - before;
  const lines = terminal.buffer.normal.baseY;
  terminal.dispose();
  return { bytes, lines };
}

const free = { create, bench, memory };
const bound = { write, resize, replies, dump, cells, dispose };

async function answer(line) {
  const request = JSON.parse(line);
  const { op, id } = request;
  if (op in free) return free[op](request, request);
  return bound[op](terminals.get(id), request);
}

(async () => {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    let reply;
    try {
      reply = await answer(line);
    } catch (error) {
      reply = { error: String(error.stack || error) };
    }
    process.stdout.write(JSON.stringify(reply) + "\n");
  }
})();
