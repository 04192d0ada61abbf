/** Both dialects from the guest's side, against a peer that only writes down what is said. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { Conversation } from "../src/conversation.js";
import { Outbox } from "../src/outbox.js";
import { CAPABILITIES } from "../src/wire.js";

/** @param {boolean} askV1 */
function begin(askV1 = true) {
  /** @type {any[]} */
  const sent = [];
  /** @type {any[]} */
  const reports = [];
  const handlers = new Proxy({}, { get: (_, name) => (/** @type {any[]} */ ...args) => reports.push([name, ...args]) });
  const outbox = new Outbox();
  const peer = { open: true, congested: false, send: (/** @type {any} */ data) => sent.push(data) };
  const talk = new Conversation(/** @type {any} */ (peer), askV1, outbox, /** @type {any} */ (handlers));
  talk.begin({ cols: 100, rows: 30 }, { received: 7, wasLive: false });
  const type = (/** @type {string | Uint8Array} */ typed) => {
    outbox.push(typeof typed === "string" ? new TextEncoder().encode(typed) : typed);
    talk.pump();
  };
  const receive = (/** @type {object} */ message) => talk.text(JSON.stringify(message));
  return { sent, reports, talk, type, receive };
}
const WELCOME = {
  type: "welcome", session_id: "s", target: "web-1", role: "control", resume: "t", window: 262144,
};

test("an agent of ours: bytes both ways, rendered bytes acknowledged", (t) => {
  const { sent, reports, talk, type, receive } = begin();
  t.after(() => talk.stop());
  const hello = { type: "hello", cols: 100, rows: 30, received: 7, caps: CAPABILITIES };
  assert.deepEqual(JSON.parse(sent[0]), hello);
  type("early");
  assert.equal(sent.length, 1, "nothing is typed before the program is there");
  receive({ type: "ready" });
  receive({ ...WELCOME, start: 7 });
  receive({ type: "pty_connected", container: "web-1" });
  assert.deepEqual(sent[1], new TextEncoder().encode("early"));
  talk.bytes(new Uint8Array([104, 105]));
  assert.deepEqual(reports.at(-1), ["output", new Uint8Array([104, 105]), 9]);
  talk.rendered(9);
  assert.equal(sent.length, 2, "a few bytes are not worth a message");
  talk.bytes(new Uint8Array(16 * 1024 - 2));
  talk.rendered(7 + 16 * 1024);
  assert.deepEqual(JSON.parse(sent[2]), { type: "ack", bytes: 7 + 16 * 1024 });
});

test("an agent that knows no hatchway.v1: JSON both ways, its complaint not shown", (t) => {
  const { sent, reports, talk, type, receive } = begin();
  t.after(() => talk.stop());
  receive({ type: "ready" });
  receive({ type: "error", message: "Unknown message type 'hello'", code: "unknown_type" });
  receive({ type: "pty_connected", container: "web-1" });
  receive({ type: "output", data: "hé" });
  type("né\r");
  const size = { type: "resize", cols: 100, rows: 30 };
  assert.deepEqual(sent.slice(1).map((one) => JSON.parse(one)), [size, { type: "input", data: "né\r" }]);
  assert.deepEqual(reports, [["connected", "web-1", 0], ["output", "hé", 7]]);
  talk.rendered(1e6);
  assert.equal(sent.length, 3, "it would not understand an ack");
});

test("an agent of another make: errors without a code, fields of its own", (t) => {
  const { reports, talk, receive } = begin();
  t.after(() => talk.stop());
  receive({ type: "ready", version: 3 });
  receive({ type: "error", message: "what is a hello?" });
  assert.deepEqual(reports, [], "it is about our greeting");
  receive({ type: "pty_connected", container: "web-1", pid: 7 });
  receive({ type: "output", data: "x", at: 1.5 });
  receive({ type: "error", message: "late", code: 500 });
  receive({ type: "pty_disconnected", exit_code: "0", reason: null });
  assert.deepEqual(reports, [
    ["connected", "web-1", 0], ["output", "x", 7], ["error", "late", ""], ["ended", null, "", ""],
  ]);
});

test("an agent of another make whose terminal does not start: its words are shown", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { reports, talk, receive } = begin();
  t.after(() => talk.stop());
  receive({ type: "error", message: "no shell here" });
  assert.deepEqual(reports, []);
  t.mock.timers.tick(5000);
  assert.deepEqual(reports, [["error", "no shell here", ""]]);
  receive({ type: "error", message: "and no other" });
  assert.deepEqual(reports.at(-1), ["error", "no shell here; and no other", ""]);
});

test("a character typed in two halves arrives whole in JSON", (t) => {
  const { sent, talk, receive, type } = begin(false);
  t.after(() => talk.stop());
  receive({ type: "pty_connected", container: "web-1" });
  type(new Uint8Array([0xc3]));
  type(new Uint8Array([0xa9]));
  const typed = sent.map((message) => JSON.parse(message)).filter((m) => m.type === "input");
  assert.equal(typed.map((m) => m.data).join(""), "é");
});

test("an end is reported once, though our agents send it twice", (t) => {
  const { reports, talk, receive } = begin();
  t.after(() => talk.stop());
  receive(WELCOME);
  receive({ type: "pty_connected", container: "web-1" });
  receive({ type: "pty_disconnected", exit_code: 3, reason: "The shell exited with code 3" });
  receive({ type: "exit", exit_code: 3, reason: "The shell exited with code 3", code: "ended" });
  receive({ type: "exit", exit_code: 3, reason: "again" });
  assert.deepEqual(reports.filter(([name]) => name === "ended"), [
    ["ended", 3, "The shell exited with code 3", "ended"],
  ]);
});

test("an end in plain JSON has no word", (t) => {
  const { reports, talk, receive } = begin(false);
  t.after(() => talk.stop());
  receive({ type: "pty_connected", container: "web-1" });
  receive({ type: "pty_disconnected", exit_code: 3, reason: "The shell exited with code 3" });
  assert.deepEqual(reports.at(-1), ["ended", 3, "The shell exited with code 3", ""]);
});

test("a warning of an idle end is reported, and taken back; keep goes to an agent that knows it", (t) => {
  const { sent, reports, talk, receive } = begin();
  t.after(() => talk.stop());
  receive({ ...WELCOME, capabilities: ["resume", "idle", "hologram"] });
  receive({ type: "idle", seconds: 30 });
  talk.keep();
  assert.deepEqual(JSON.parse(sent[1]), { type: "keep" });
  receive({ type: "idle", seconds: null });
  assert.deepEqual(reports.filter(([name]) => name === "idle"), [["idle", 30], ["idle", null]]);
});

test("an older agent is not asked to keep a session, and would not warn", (t) => {
  const { sent, reports, talk, receive } = begin();
  t.after(() => talk.stop());
  receive({ ...WELCOME, capabilities: ["resume"] });
  receive({ type: "idle", seconds: 30 });
  talk.keep();
  assert.equal(sent.length, 1);
  assert.deepEqual(reports.map(([name]) => name), ["welcome"]);
});

test("a ping is answered, garbage is not the end", (t) => {
  const { sent, reports, talk, receive } = begin();
  t.after(() => talk.stop());
  t.mock.method(console, "warn", () => {});
  receive({ type: "ping" });
  assert.deepEqual(JSON.parse(sent[1]), { type: "pong" });
  talk.text("{");
  talk.text('{"type":"role","role":"root"}');
  assert.deepEqual(reports, []);
});
