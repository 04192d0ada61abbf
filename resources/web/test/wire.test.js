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
  hello: ({ type: _, cols, rows, received, caps, ...more }) =>
    encode.hello(cols, rows, received, caps, more),
  ask_keyboard: (m) => encode.ask_keyboard(m.on),
  history: (m) => encode.history(m.before, m.lines),
  reveal: (m) => encode.reveal(m.nonce),
  ice_offer: (m) => encode.ice_offer(m.sdp),
  ice_answer: (m) => encode.ice_answer(m.sdp),
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
    const decoded = decode(text);
    assert.deepEqual({ ...decoded, ...message }, decoded);
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
