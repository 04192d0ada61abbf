/** The page's codec, from the vectors that hold the agent's to the same words. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { decode, encode, WireError } from "../src/wire.js";
import { vectors } from "./vectors.js";

const { guest, guest_v1, agent, agent_bad, agent_foreign, agent_unknown } = vectors("terminal");

/** How a guest says each message. */
/** @type {Record<string, (m: any) => string>} */
const SAY = {
  input: (m) => encode.input(m.data),
  resize: (m) => encode.resize(m.cols, m.rows),
  ping: () => encode.ping(),
  pong: () => encode.pong(),
  close: () => encode.close(),
  connect_pty: (m) => encode.connect_pty(m.container, m.cols, m.rows),
  hello: (m) => encode.hello(m.cols, m.rows, m.received, m.caps),
  keep: () => encode.keep(),
  ack: (m) => encode.ack(m.bytes),
};

for (const { message } of [...guest, ...guest_v1].filter((vector) => vector.message))
  test(`says ${JSON.stringify(message)}`, () => {
    assert.deepEqual(JSON.parse(SAY[message.type](message)), message);
  });

for (const { message } of agent)
  test(`reads ${JSON.stringify(message)}`, () => {
    const decoded = decode(JSON.stringify({ ...message, extra: [1] }));
    assert.deepEqual({ ...decoded, ...message }, decoded, "every field came through");
  });

for (const { text, message } of agent_foreign)
  test(`puts up with ${text}`, () => {
    assert.deepEqual(decode(text), message);
  });

for (const { text, names = "" } of agent_bad)
  test(`refuses ${text}`, () => {
    assert.throws(
      () => decode(text),
      (error) => error instanceof WireError && error.message.includes(names),
    );
  });

for (const { text } of agent_unknown)
  test(`leaves a type of a later version alone: ${text}`, () => assert.equal(decode(text), null));

test("never asks for a size that no agent takes", () => {
  assert.deepEqual(JSON.parse(encode.resize(0, 5000.7)), { type: "resize", cols: 1, rows: 1000 });
  assert.deepEqual(JSON.parse(encode.resize(NaN, 24.9)), { type: "resize", cols: 1, rows: 24 });
});
