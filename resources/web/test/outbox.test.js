/** Every byte typed arrives once, however the connection comes and goes. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { LIMIT, Outbox } from "../src/outbox.js";
import { MAX_MESSAGE, WINDOW } from "../src/wire.js";

const bytes = (/** @type {string} */ text) => new TextEncoder().encode(text);
const text = (/** @type {Uint8Array | null} */ data) => data && new TextDecoder().decode(data);
const drain = (/** @type {Outbox} */ outbox) => {
  let all = "";
  for (let next = outbox.next(); next; next = outbox.next()) all += text(next);
  return all;
};

test("keystrokes that wait go out together", () => {
  const outbox = new Outbox();
  for (const key of ["l", "s", "\r"]) outbox.push(bytes(key));
  assert.equal(text(outbox.next()), "ls\r");
  assert.equal(outbox.next(), null);
});

test("a message is never longer than the other side takes, and the order holds", () => {
  const outbox = new Outbox();
  const long = "0123456789".repeat(10_000);
  outbox.push(bytes(long));
  outbox.push(bytes("end"));
  const sizes = [];
  let all = "";
  for (let next = outbox.next(); next; next = outbox.next()) {
    sizes.push(next.length);
    all += text(next);
  }
  assert.equal(all, long + "end");
  assert.ok(Math.max(...sizes) <= MAX_MESSAGE);
});

test("no more than the window is under way", () => {
  const outbox = new Outbox();
  outbox.push(new Uint8Array(2 * WINDOW));
  assert.equal(drain(outbox).length, WINDOW);
  outbox.ack(1000);
  assert.equal(drain(outbox).length, 1000);
});

test("what did not arrive is sent again after a loss, and nothing twice", () => {
  const outbox = new Outbox();
  outbox.push(bytes("abcdef"));
  drain(outbox);
  outbox.push(bytes("ghi"));
  outbox.resume(4);
  assert.equal(drain(outbox), "efghi");
  outbox.ack(9);
  outbox.resume(9);
  assert.equal(drain(outbox), "");
});

test("after a reload of the page the agent's counts go on, and nothing is lost", () => {
  const outbox = new Outbox();
  outbox.resume(500);
  outbox.push(bytes("abcdef"));
  drain(outbox);
  outbox.ack(502);
  outbox.resume(503);
  assert.equal(drain(outbox), "def");
});

test("a smaller window of the agent holds", () => {
  const outbox = new Outbox();
  outbox.resume(0, 4);
  outbox.push(bytes("abcdef"));
  assert.equal(drain(outbox), "abcd");
  outbox.ack(1);
  assert.equal(drain(outbox), "e");
});

test("plain JSON acknowledges nothing: what was sent is gone", () => {
  const outbox = new Outbox();
  outbox.push(new Uint8Array(2 * WINDOW));
  let count = 0;
  for (let next = outbox.next(); next; next = outbox.next()) {
    count += next.length;
    outbox.takeSent();
  }
  assert.equal(count, 2 * WINDOW);
});

test("what was typed for one shell never reaches the next", () => {
  const outbox = new Outbox();
  outbox.push(bytes("secret"));
  assert.equal(outbox.restart(), 6);
  outbox.push(bytes("x"));
  assert.equal(drain(outbox), "x");
});

test("there is a bound, and what is beyond it is refused whole", () => {
  const outbox = new Outbox();
  assert.ok(outbox.push(new Uint8Array(LIMIT)));
  assert.equal(outbox.push(bytes("x")), false);
  assert.equal(outbox.waiting, LIMIT);
});

test("an agent that acknowledges what was never sent changes nothing", () => {
  const outbox = new Outbox();
  outbox.push(bytes("abc"));
  outbox.ack(1e9);
  assert.equal(drain(outbox), "abc");
});

test("what waits is shown, and taken out whole with its position kept", () => {
  const outbox = new Outbox();
  outbox.push(bytes("rm x"));
  outbox.next();
  outbox.push(bytes("\r"));
  assert.deepEqual([outbox.length, text(outbox.peek(2)), text(outbox.peek(99))], [5, "rm", "rm x\r"]);
  outbox.resume(2);
  assert.equal(text(outbox.hold()), " x\r");
  assert.deepEqual([outbox.length, outbox.waiting, outbox.next()], [0, 0, null]);
  // The program had two bytes: what comes now is the third.
  outbox.push(bytes("ls"));
  outbox.next();
  outbox.ack(3);
  assert.equal(text(outbox.peek(9)), "s");
});
