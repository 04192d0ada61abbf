/** The guest's side of the sequences that both languages share. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { Conversation } from "../src/conversation.js";
import { Outbox } from "../src/outbox.js";
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
  const report = (/** @type {any[]} */ ...words) =>
    reports.push(words.map((one) => (one instanceof Uint8Array ? new TextDecoder().decode(one) : one)));
  const handlers = {
    welcome: (/** @type {any} */ welcome) => report("welcome", welcome.start, welcome.resumed),
    connected: (/** @type {string} */ container) => report("connected", container),
    output: (/** @type {any} */ data) => report("output", data),
    snapshot: (/** @type {any} */ one) => report("snapshot", one.at, one.cols, one.rows),
    screen: (/** @type {any} */ data) => report("screen", data),
    ended: (/** @type {any[]} */ ...words) => report("ended", ...words),
    idle: (/** @type {any[]} */ ...words) => report("idle", ...words),
    error: (/** @type {any[]} */ ...words) => report("error", ...words),
    role: (/** @type {any[]} */ ...words) => report("role", ...words),
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
    vector.caps,
  );
  /** @type {Record<string, (...args: any[]) => void>} */
  const acts = {
    open: () =>
      talk.begin({ cols: 100, rows: 30 }, { received: before.received, wasLive: before.was_live }),
    type: (typed) => {
      outbox.push(utf8.encode(textOf(typed)));
      talk.pump();
    },
    rendered: (position) => talk.rendered(position),
    resize: (cols, rows) => talk.resize({ cols, rows }),
    keep: () => talk.keep(),
    close: () => talk.close(),
  };
  return { talk, acts, sent, reports };
}

for (const vector of vectors("conversation"))
  test(vector.name, (t) => {
    const { talk, acts, sent, reports } = guestOf(vector);
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
      assert.equal(sent.length, (step.sends ?? []).length, `${what} sent ${sent}`);
      sent.splice(0).forEach((one, index) => assertMatches(one, step.sends[index], what));
    }
  });
