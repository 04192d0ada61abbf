/** The line at the foot of the page, and who may type, for each state of a session. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { BEFORE } from "../src/session.js";
import { standing } from "../src/standing.js";
import * as words from "../src/words.js";

/** @typedef {import("../src/session.js").State} State */

const NOW = 50_000;
const CLOCK = new Date(2030, 0, 2, 8, 41, 0).getTime();
const SINCE = new Date(CLOCK - 12_000);
const utf8 = new TextEncoder();

/** @type {(id: string, name: string, more?: object) => import("../src/wire.js").Person} */
const person = (id, name, more = {}) => ({ id, name, role: "control", kind: "guest", typing: false, ...more });
const HOST = person("p1", "workbench", { kind: "host" });
const ME = person("p2", "Dave");
const CAROL = person("p3", "Carol", { typing: true });
/** @type {(state: "open" | "taken" | "frozen", more?: object) => NonNullable<State["keyboard"]>} */
const keyboard = (state, more = {}) => ({ state, holder: "", asked: "", again_in: 0, againAt: 0, ...more });

/** @type {State} */
const LIVE = { ...BEFORE, phase: "live", seen: true, me: "p2", keyboard: keyboard("open"), people: [HOST, ME] };
/** @type {import("../src/words.js").Around} */
const AROUND = { host: "workbench", now: NOW, clock: CLOCK, view: null, whole: true, notice: null };
const VIEW = { cols: 200, rows: 48, percent: 81, larger: true, smaller: false, back: 0, top: false };

/** @param {Partial<State>} change @param {Partial<import("../src/words.js").Around>} [around] */
function line(change, around = {}) {
  const { kind, tone, first, second = "", buttons = [] } = words.foot({ ...LIVE, ...change }, { ...AROUND, ...around });
  return { kind, tone, text: [first, second].filter(Boolean).join(" "), buttons: buttons.map((one) => one.label) };
}

/** @type {[string, Partial<State>, Partial<import("../src/words.js").Around>, string, RegExp, string[]][]} */
const LINES = [
  ["before the terminal", { seen: false }, {}, "none", /^$/, []],
  ["nobody else", {}, {}, "type", /^You and 1 other can type\.$/, []],
  ["alone", { people: [ME] }, {}, "type", /^$/, []],
  ["an older host", { people: [], keyboard: null }, {}, "type", /^$/, []],
  ["somebody types", { people: [HOST, ME, CAROL] }, {}, "type", /^Carol is typing\. You can type, too\.$/, []],
  ["two type", { people: [{ ...HOST, typing: true }, ME, CAROL] }, {}, "type", /^workbench and Carol are typing/, []],
  ["without a name", { people: [ME, { ...CAROL, name: "" }] }, {}, "type", /^Guest is typing/, []],
  ["a hostile name", { people: [ME, { ...CAROL, name: "Ca\u202Erol\n" }] }, {}, "type", /^Carol is typing/, []],
  ["a viewer", { role: "view" }, {}, "view", /^You view\.$/, ["Ask for the keyboard"]],
  ["a viewer of a larger shell", { role: "view" }, { view: VIEW }, "view", /^You view/, ["Fit", "100 %", "Ask for the keyboard"]],
  ["a viewer at an older host", { role: "view", keyboard: null }, {}, "view", /^You view/, []],
  ["a viewer who has just stopped asking", { role: "view", keyboard: keyboard("open", { againAt: NOW + 2500 }) }, {}, "view", /^You view/, ["Ask again in 3 s"]],
  ["taken", { keyboard: keyboard("taken", { holder: "p1" }) }, {}, "taken", /^workbench has the keyboard\. What you type is not sent\.$/, ["Ask for the keyboard"]],
  ["taken, seen by a viewer", { role: "view", keyboard: keyboard("taken", { holder: "p1" }) }, {}, "view", /^You view/, ["Ask for the keyboard"]],
  ["mine", { keyboard: keyboard("taken", { holder: "p2" }) }, {}, "mine", /^You have the keyboard/, ["Hand it back"]],
  ["asked", { role: "view", keyboard: keyboard("open", { asked: "waiting" }) }, {}, "asked", /^Asked for the keyboard\. Waiting for the host\.$/, ["Stop asking"]],
  ["denied", { role: "view", keyboard: keyboard("open", { asked: "denied", againAt: NOW + 17_100 }) }, {}, "denied", /kept the keyboard\. You can ask again in 18 s\.$/, []],
  ["denied long ago", { role: "view", keyboard: keyboard("open", { asked: "denied", againAt: NOW }) }, {}, "view", /^You view/, ["Ask for the keyboard"]],
  ["frozen", { keyboard: keyboard("frozen") }, {}, "frozen", /frozen this terminal\. You see everything/, []],
  ["frozen, seen by a viewer", { role: "view", keyboard: keyboard("frozen") }, {}, "frozen", /frozen/, []],
  ["scrolled back", {}, { view: { ...VIEW, larger: false, back: 240 } }, "back", /^240 lines back/, ["To the end"]],
  ["a notice for a viewer", { role: "view" }, { notice: { text: "Copied.", action: "" } }, "say Copied.", /^Copied/, ["Ask for the keyboard"]],
  ["a notice", {}, { notice: { text: "Copied.", action: "" } }, "say Copied.", /^Copied\.$/, []],
  ["a program that asks", {}, { notice: { text: "Copy?", action: "Copy" } }, "ask Copy?", /^Copy\?$/, ["Not now", "Copy"]],
  ["idle", { idleEnd: NOW + 23_500 }, {}, "idle", /^This terminal closes in 24 s\..*Typing keeps it open, too\.$/, ["Keep open"]],
  ["idle, soon", { idleEnd: NOW + 9500 }, {}, "idle, soon", /^This terminal closes in 10 s/, ["Keep open"]],
  ["idle, seen by a viewer", { role: "view", idleEnd: NOW + 5000 }, {}, "idle, soon", /for a while\.$/, ["Keep open"]],
  ["typed while away, and others typed", { held: { bytes: utf8.encode("x"), typed: true } }, {}, "held", /Somebody else has typed since, so it was not sent/, ["Discard", "Send"]],
  ["typed while away, long ago", { held: { bytes: utf8.encode("x"), typed: false } }, {}, "held", /more than 30 s ago, so it was not sent/, ["Discard", "Send"]],
  ["lost", { phase: "reconnecting", since: SINCE }, {}, "lost", /^Connection lost 12 s ago\. Trying again\. This is the screen of .*08:40:48/, ["Try now"]],
  ["lost, with what was typed", { phase: "reconnecting", since: SINCE, typed: utf8.encode("ls") }, {}, "lost", /Sent when you are back, unless somebody else types/, ["Discard", "Try now"]],
  ["lost for long", { phase: "reconnecting", since: new Date(CLOCK - 31_000), typed: utf8.encode("ls") }, {}, "lost", /kept, not sent/, ["Discard", "Try now"]],
  ["lost, and the link is paused", { phase: "reconnecting", since: SINCE, errorCode: "link_suspended" }, {}, "lost", /The host has paused this link/, ["Try now"]],
  ["lost, and the link is unknown", { phase: "reconnecting", since: SINCE, errorCode: "link_unknown" }, {}, "lost", /was started again and this link is gone/, ["Try now"]],
  ["lost, for a word of a later relay", { phase: "reconnecting", since: SINCE, errorCode: "constructor" }, {}, "lost", /Trying again/, ["Try now"]],
  ["saying a new name", { phase: "reconnecting", since: null }, {}, "again", /^Connecting again/, []],
  ["replaced", { phase: "ended", errorCode: "replaced", since: new Date(CLOCK) }, {}, "replaced", /^You opened this terminal elsewhere\. You continued there at .*08:41/, ["Come back here"]],
  ["exited", { phase: "ended", exited: true, exitCode: 7, endCode: "ended", since: new Date(CLOCK) }, {}, "ended", /^The shell ended at .*08:41.* with exit code 7\.$/, ["Save the output", "New shell"]],
  ["removed", { phase: "ended", endCode: "removed_asks", since: new Date(CLOCK) }, {}, "ended", /^The host removed you at .*08:41.*The link now asks the host first/, ["Ask to come back"]],
  ["removed for good", { phase: "ended", endCode: "removed_revoked" }, {}, "ended", /revoked this link/, []],
  ["the shared terminal ended", { phase: "ended", errorCode: "shell_ended" }, {}, "ended", /^The shared terminal has ended/, ["Save the output"]],
  ["the host stopped", { phase: "ended", endCode: "host_stopped" }, {}, "ended", /^The host has stopped/, ["Save the output", "Try again"]],
];
for (const [what, change, around, kind, text, buttons] of LINES)
  test(`the foot, ${what}`, () => {
    const shown = line(change, around);
    assert.equal(shown.kind, kind);
    assert.match(shown.text, text);
    assert.deepEqual(shown.buttons, buttons);
  });

test("what ended comes first, then the connection, then whatever waits for an answer", () => {
  const all = {
    keyboard: keyboard("frozen"), idleEnd: NOW + 1000, held: { bytes: utf8.encode("x"), typed: true },
    since: SINCE,
  };
  const kinds = [
    line({ ...all, phase: "ended" }),
    line({ ...all, phase: "reconnecting" }),
    line(all),
    line({ ...all, idleEnd: null }),
    line({ ...all, idleEnd: null, held: null }),
  ].map((one) => one.kind);
  assert.deepEqual(kinds, ["ended", "lost", "idle, soon", "held", "frozen"]);
});

/** @type {[Partial<State>, import("../src/standing.js").Standing, string][]} */
const PARTS = [
  [{}, "type", "You can type"],
  [{ role: "view" }, "view", "You view"],
  [{ keyboard: keyboard("frozen") }, "frozen", "Frozen"],
  [{ keyboard: keyboard("taken", { holder: "p1" }) }, "taken", "workbench types"],
  [{ keyboard: keyboard("taken", { holder: "gone" }) }, "taken", "workbench types"],
  [{ keyboard: keyboard("taken", { holder: "p2" }), role: "view" }, "type", "You can type"],
  [{ keyboard: keyboard("taken"), me: "" }, "taken", "workbench types"],
  [{ keyboard: null, role: "view" }, "view", "You view"],
];
for (const [change, stands, text] of PARTS)
  test(`the part one plays: ${text} (${JSON.stringify(change)})`, () => {
    const state = { ...LIVE, ...change };
    assert.equal(standing(state), stands);
    assert.equal(words.part(state, "workbench").text, text);
  });

for (const [change, text] of /** @type {[Partial<State>, string][]} */ ([
  [{ phase: "asking" }, "Connecting"],
  [{ phase: "approval" }, "Waiting"],
  [{ phase: "reconnecting" }, "Lost"],
  [{ phase: "ended" }, "Ended"],
  [{ phase: "ended", endCode: "removed" }, "Removed"],
]))
  test(`without a part: ${text}`, () => assert.equal(words.part({ ...LIVE, ...change }, "").text, text));

test("whose window decides the size", () => {
  const small = { ...VIEW, cols: 118, rows: 30, larger: false, smaller: true };
  const size = (/** @type {string} */ by, view = small) =>
    words.size({ ...LIVE, size: { cols: 118, rows: 30, by } }, { ...AROUND, view });
  assert.equal(size("p1"), "118 × 30, as in workbench’s window");
  assert.equal(size("pinned"), "118 × 30, set by the host");
  assert.equal(size("p2"), "118 × 30");
  assert.equal(size("somebody who left"), "118 × 30");
  assert.equal(size("p1", VIEW), "200 × 48, shown at 81 %");
  assert.equal(size("p1", { ...VIEW, percent: 100 }), "200 × 48, shown in part");
});

test("typed bytes as texts and keys", () => {
  const shown = words.typed(utf8.encode("git push \x1b[A\x03é\u202E\r"));
  assert.deepEqual(shown, [
    { text: "git push ", key: false }, { text: "↑", key: true }, { text: "^C", key: true },
    { text: "é", key: false }, { text: "Enter", key: true },
  ]);
});

test("what was missed, in units that people read", () => {
  assert.match(words.missed(3_240_000), /^You missed 3\.2 MB of output/);
  assert.match(words.missed(12_345), /12 KB/);
  assert.match(words.missed(7), /7 bytes/);
});

test("what others do", () => {
  const doing = (/** @type {import("../src/wire.js").Person} */ one, /** @type {Partial<State>} */ change = {}) =>
    words.doing(one, { ...LIVE, ...change }).text;
  assert.equal(doing(CAROL), "is typing");
  assert.equal(doing(HOST), "host");
  assert.equal(doing(ME), "can type");
  assert.equal(doing({ ...ME, role: "view" }), "views");
  assert.equal(doing(ME, { keyboard: keyboard("frozen") }), "frozen");
  assert.equal(doing(ME, { keyboard: keyboard("taken", { holder: "p2" }) }), "has the keyboard");
});
