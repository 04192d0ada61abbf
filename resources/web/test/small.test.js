/** Words, keys and pastes. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { shown } from "../src/names.js";
import { BEFORE } from "../src/session.js";
import { clean, isRisky } from "../src/clipboard.js";
import { controlled, modified } from "../src/ui/keys.js";
import * as words from "../src/words.js";
import { vectors } from "./vectors.js";

/** @type {import("../src/session.js").State} */
const STATE = { ...BEFORE, phase: "live", target: "web-1" };

/** @type {[Partial<import("../src/session.js").State>, string, string | null][]} */
const STATES = [
  [{ phase: "relay" }, "Connecting", "Connecting to the relay…"],
  [{ phase: "asking" }, "Connecting", "Asking the host…"],
  [{ phase: "connecting" }, "Connecting", "Connecting…"],
  [{ phase: "approval" }, "Waiting", "Waiting for the host’s approval"],
  [{ phase: "starting" }, "Connecting", "Starting the terminal…"],
  [{ path: "direct" }, "Direct", null],
  [{ path: "relayed" }, "Relayed", null],
  [{ phase: "reconnecting", seen: true }, "Reconnecting", null],
  [{ phase: "reconnecting" }, "Reconnecting", "Trying again…"],
  [{ phase: "reconnecting", errorCode: "link_suspended" }, "Reconnecting", "The host has paused this link"],
  [{ phase: "ended", exited: true, exitCode: 0 }, "Ended", "The session has ended"],
  [{ phase: "ended", exited: true, exitCode: 7 }, "Ended", "Ended with exit code 7"],
  [{ phase: "ended", reason: "Closed by the host" }, "Ended", "The session has ended"],
  [{ phase: "ended", errorCode: "link_expired" }, "Ended", "This link has expired"],
  [{ phase: "ended", errorCode: "access_denied" }, "Ended", "The host did not let you in"],
  [{ phase: "ended", errorCode: "shell_ended" }, "Ended", "The shared terminal has ended"],
  [{ phase: "ended", errorCode: "replaced" }, "Ended", "You opened this terminal elsewhere"],
  [{ phase: "ended", errorCode: "not_supported" }, "Ended", "The host’s Hatchway is too old for that"],
  [{ phase: "ended", errorCode: "link_expired", seen: true }, "Ended", null],
];
for (const [change, badge, title] of STATES)
  test(`in words: ${JSON.stringify(change)}`, () => {
    const state = { ...STATE, ...change };
    assert.equal(words.badge(state), badge);
    assert.equal(words.card(state, "web-1")?.title ?? null, title);
  });

/** @type {[string, string, boolean, boolean, RegExp][]} word, title, fault, retry, text */
const ENDS = [
  ["closed", "The session was closed", false, true, /^Of the host\.$/],
  ["idle", "Closed for inactivity", true, true, /^Nothing was typed or printed/],
  ["grace", "The terminal was closed while you were away", true, true, /^You were disconnected/],
  ["removed", "The host removed you", true, true, /^Of the host\.$/],
  ["removed_asks", "The host removed you", true, true, /^The link now asks the host first/],
  ["removed_revoked", "The host revoked this link", true, false, /^Its sessions were closed/],
  ["limit", "The terminal reached a limit", true, true, /^Of the host\.$/],
  ["host_stopped", "The host has stopped", true, true, /^Ask whether/],
  ["target_stopped", "The container is no longer running", true, true, /^Of the host\.$/],
  ["eclipse", "The session has ended", true, true, /^Of the host\.$/],
];
for (const [endCode, title, fault, retry, text] of ENDS)
  test(`the end called ${endCode} in words`, () => {
    const state = { ...STATE, phase: /** @type {const} */ ("ended"), endCode, reason: "Of the host" };
    const card = words.card(state, "web-1");
    assert.deepEqual([card?.title, card?.retry, words.isFault(state)], [title, retry, fault]);
    assert.match(card?.text ?? "", text);
  });

test("an end of the program itself says how it ended", () => {
  const state = { ...STATE, phase: /** @type {const} */ ("ended"), endCode: "ended", exited: true, exitCode: 7 };
  assert.equal(words.card(state, "web-1")?.title, "Ended with exit code 7");
  assert.equal(words.isFault(state), false);
});

/** @type {[unknown, string][]} */
const NAMES = [
  ["web-1", "web-1"],
  ["  a\u202Eb\u2066c\x1b[31m\n\x9bd ", "abc[31md"],
  ["é日本😀", "é日本😀"],
  ["x".repeat(65), `${"x".repeat(63)}…`],
  [undefined, ""],
  [{ toString: () => "7" }, "7"],
];
for (const [name, text] of NAMES)
  test(`a name is shown as ${text}`, () => assert.equal(shown(name), text));

const row = (/** @type {string} */ agent_id, /** @type {string} */ id) => ({
  agent_id, id, agent_name: `host ${agent_id}`, kind: "container", name: id, state: "running",
});
/** @type {[ReturnType<typeof row>[], ReturnType<typeof row>[], {agent: string, target: string}, RegExp][]} */
const CHOICES = [
  [[row("a", "x")], [], { agent: "", target: "" }, /^Choose a terminal/],
  [[], [], { agent: "", target: "" }, /^Nothing is shared/],
  [[row("a", "x"), row("b", "x")], [row("a", "x"), row("b", "x")], { agent: "", target: "x" }, /^2 hosts share “x”/],
  [[row("a", "y")], [], { agent: "a", target: "x" }, /^host a does not share “x”.*another one/],
  [[row("b", "x")], [], { agent: "a", target: "x" }, /is not connected.*another one/],
  [[], [], { agent: "a", target: "x" }, /is not connected.*opens here\.$/],
  [[row("b", "y")], [], { agent: "", target: "x" }, /^Nobody shares “x”/],
];
for (const [targets, found, wish, text] of CHOICES)
  test(`above the list: ${text}`, () => assert.match(words.choice(targets, found, wish), text));

test("round trips", () => {
  assert.deepEqual([0.4, 3.14, 41.6].map(words.rtt), ["<1 ms", "3.1 ms", "42 ms"]);
});

for (const [key, made] of [["a", "\x01"], ["C", "\x03"], ["[", "\x1b"], [" ", "\0"], ["?", "\x7f"], ["5", "5"], ["é", "é"]])
  test(`Ctrl and ${key}`, () => assert.equal(controlled(key), made));

for (const { text, cleaned } of vectors("paste"))
  test(`pasted is of ${JSON.stringify(text)}`, () => assert.equal(clean(text), cleaned));

/** @type {[string, boolean, boolean][]} */
const PASTES = [
  ["ls", false, false],
  ["ls\n", false, false],
  ["ls\nrm x", false, true],
  ["ls\r\nrm x\r\n", false, true],
  ["ls\nrm x", true, false],
];
for (const [text, bracketed, risky] of PASTES)
  test(`pasting ${JSON.stringify(text)}${bracketed ? " bracketed" : ""}`, () => {
    assert.equal(isRisky(text, bracketed), risky);
  });

for (const [data, ctrl, alt, made, used] of /** @type {[string, boolean, boolean, string, boolean][]} */ ([
  ["c", true, false, "\x03", true],
  ["c", false, true, "\x1bc", true],
  ["c", true, true, "\x1b\x03", true],
  ["\x1b[A", true, false, "\x1b[1;5A", true],
  ["\x1bOD", false, true, "\x1b[1;3D", true],
  ["\x1b[C", true, true, "\x1b[1;7C", true],
  ["word", true, false, "word", true],
  ["👍", true, false, "👍", true],
  ["\x1b[1;1R", true, false, "\x1b[1;1R", false],
]))
  test(`held keys and ${JSON.stringify(data)}`, () =>
    assert.deepEqual(modified(data, { ctrl, alt }), { data: made, used }));
