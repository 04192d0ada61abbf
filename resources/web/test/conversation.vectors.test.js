/** The guest's side of the sequences that both languages share. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { Conversation } from "../src/conversation.js";
import { Outbox } from "../src/outbox.js";
import { standing } from "../src/standing.js";
import { vectors } from "./vectors.js";

const utf8 = new TextEncoder();

/** Terminal bytes of a vector, as text. @param {any} value */
const textOf = (value) => (value?.zeros ? "\0".repeat(value.zeros) : value);

/** A message as a vector writes it. @param {any} message */
const messageOf = (message) => {
  if (message.zeros) return new Uint8Array(message.zeros);
  if (message.binary !== undefined) return utf8.encode(message.binary);
  return message.raw ?? JSON.stringify(message);
};

/** Whether every field that the vector names is as it says. @param {any} sent @param {any} expected */
function assertMatches(sent, expected, what = "") {
  if (typeof sent !== "string") return assert.deepEqual(sent, messageOf(expected), what);
  const fields = JSON.parse(sent);
  for (const [name, value] of Object.entries(expected))
    assert.deepEqual(fields[name], value, `${name} in ${what}`);
}

/** @param {any} vector */
function guestOf(vector) {
  /** @type {any[]} */
  const sent = [];
  /** @type {any[]} */
  const reports = [];
  const before = vector.before ?? { received: 0, was_live: false, typed: "", sent: 0 };
  const outbox = new Outbox();
  outbox.push(utf8.encode(before.typed.slice(0, before.sent)));
  outbox.next();
  outbox.push(utf8.encode(before.typed.slice(before.sent)));
  const peer = {
    open: true,
    congested: false,
    send: (/** @type {any} */ data) => sent.push(data),
  };
  // What the vectors ask the end to know; the page keeps it in its session.
  const known = {
    shell: "", participant: "", shell_size: /** @type {number[] | null} */ (null),
    role: "control", keyboard: null,
  };
  const report = (/** @type {any[]} */ ...words) =>
    reports.push(words.map((one) => (one instanceof Uint8Array ? new TextDecoder().decode(one) : one)));
  const handlers = {
    welcome: (/** @type {any} */ welcome) => {
      const { shell, participant, cols, rows } = welcome;
      Object.assign(known, { shell, participant, shell_size: cols && rows ? [cols, rows] : null });
      report("welcome", welcome.start, welcome.resumed);
    },
    held: (/** @type {any} */ bytes) => report("held", bytes),
    size: (/** @type {any} */ { cols, rows, by }) => {
      known.shell_size = [cols, rows];
      report("size", cols, rows, by);
    },
    people: (/** @type {any} */ people) => report("people", people),
    keyboard: (/** @type {any} */ keyboard) => {
      known.keyboard = keyboard;
      const { state, holder, asked, again_in } = keyboard;
      report("keyboard", state, holder, asked, again_in);
    },
    recording: (/** @type {any[]} */ ...words) => report("recording", ...words),
    connected: (/** @type {string} */ container) => report("connected", container),
    output: (/** @type {any} */ data) => report("output", data),
    snapshot: (/** @type {any} */ one) => {
      known.shell_size = [one.cols, one.rows];
      report("snapshot", one.at, one.cols, one.rows);
    },
    screen: (/** @type {any} */ data) => report("screen", data),
    ended: (/** @type {any[]} */ ...words) => report("ended", ...words),
    idle: (/** @type {any[]} */ ...words) => report("idle", ...words),
    error: (/** @type {any[]} */ ...words) => report("error", ...words),
    role: (/** @type {string} */ role) => {
      known.role = role;
      report("role", role);
    },
    approval: (/** @type {any[]} */ ...words) => report("approval", ...words),
    notice: (/** @type {any[]} */ ...words) => report("notice", ...words),
    rtt: () => {},
    silent: () => {},
  };
  const talk = new Conversation(
    /** @type {any} */ (peer),
    vector.protocol !== "",
    outbox,
    /** @type {any} */ (handlers),
    vector.caps ?? ["idle"],
  );
  /** @type {Record<string, (...args: any[]) => void>} */
  const acts = {
    open: () => {
      const away = vector.steps.find((/** @type {any} */ step) => step.away !== undefined)?.away ?? 0;
      const { received, was_live, shell = "", held = "" } = before;
      talk.begin(
        { cols: 100, rows: 30 },
        { received, wasLive: was_live, away: away * 1000, shell, held: utf8.encode(held) },
        vector.introduction,
      );
    },
    type: (typed) => {
      outbox.push(utf8.encode(textOf(typed)));
      talk.pump();
    },
    rendered: (position) => talk.rendered(position),
    resize: (cols, rows) => talk.resize({ cols, rows }),
    keep: () => talk.keep(),
    ask_keyboard: (on) => talk.askKeyboard(on),
    history: (at, lines) => talk.history(at, lines),
    // This page offers neither capability, so it never sends these.
    reveal: () => {},
    ice_offer: () => {},
    ice_answer: () => {},
    send_held: () => talk.sendHeld(),
    discard_held: () => talk.discardHeld(),
    close: () => talk.close(),
  };
  /** @type {Record<string, () => any>} */
  const has = {
    shell: () => known.shell,
    participant: () => known.participant,
    shell_size: () => known.shell_size,
    held_input: () => new TextDecoder().decode(talk.held),
    may_type: () =>
      standing(/** @type {any} */ ({ ...known, me: known.participant })) === "type",
  };
  return { talk, acts, sent, reports, has };
}

/** Capabilities that only the Python peer has: vectors that use them are not for this page. */
const OTHERS = new Set(["reveal", "ice_offer", "ice_answer"]);
const isOurs = (/** @type {any} */ vector) =>
  !vector.steps.some((/** @type {any} */ step) => step.at === "guest" && OTHERS.has(step.does?.[0]) && step.sends?.length);

for (const vector of vectors("conversation").filter(isOurs))
  test(vector.name, (t) => {
    const { talk, acts, sent, reports, has } = guestOf(vector);
    t.after(() => talk.stop());
    const warned = t.mock.method(console, "warn", () => {});
    const steps = vector.steps.filter((/** @type {any} */ step) => step.at === "guest");
    for (const step of steps) {
      const what = JSON.stringify(step);
      const warnings = warned.mock.callCount();
      if (step.does) acts[step.does[0]](...step.does.slice(1));
      else {
        const message = messageOf(step.gets);
        if (typeof message === "string") talk.text(message);
        else talk.bytes(message);
      }
      assert.equal(warned.mock.callCount() > warnings, step.refused ?? false, what);
      const expected = (step.reports ?? []).map((/** @type {any[]} */ one) => one.map(textOf));
      assert.deepEqual(reports.splice(0), expected, what);
      for (const [name, value] of Object.entries(step.has ?? {}))
        assert.deepEqual(has[name](), value, `${name} after ${what}`);
      assert.equal(sent.length, (step.sends ?? []).length, `${what} sent ${sent}`);
      sent.splice(0).forEach((one, index) => assertMatches(one, step.sends[index], what));
    }
  });
