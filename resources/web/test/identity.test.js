/** Who a guest is to each host, with a browser's storage and without. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { identity } from "../src/identity.js";

/** @type {Map<string, string>} */
const stored = new Map();
const storage = {
  getItem: (/** @type {string} */ key) => stored.get(key) ?? null,
  setItem: (/** @type {string} */ key, /** @type {string} */ value) => stored.set(key, value),
};
const use = (/** @type {object} */ one) => Object.defineProperty(globalThis, "localStorage", { value: one, configurable: true });

test("the same for a host, another one for each other host", () => {
  use(storage);
  const one = identity("https://relay.example", "a");
  assert.match(one, /^[0-9a-f]{32}$/);
  assert.equal(identity("https://relay.example", "a"), one);
  const others = [identity("https://relay.example", "b"), identity("https://other.example", "a")];
  assert.equal(new Set([one, ...others]).size, 3);
  assert.equal(JSON.parse(stored.get("hatchway.guests") ?? "").length, 3);
});

test("what somebody else put there is not used", () => {
  stored.set("hatchway.guests", JSON.stringify([["r x", "short"], [1], null, ["r y", "ab".repeat(16)]]));
  use(storage);
  assert.match(identity("r", "x"), /^[0-9a-f]{32}$/);
  assert.equal(identity("r", "y"), "ab".repeat(16));
  stored.set("hatchway.guests", "no JSON");
  assert.match(identity("r", "z"), /^[0-9a-f]{32}$/);
});

test("without storage it lasts as long as the page", () => {
  use({ getItem: () => { throw new Error("not here"); }, setItem: () => { throw new Error("not here"); } });
  const one = identity("https://relay.example", "unstored");
  assert.equal(identity("https://relay.example", "unstored"), one);
});

test("hosts met first are forgotten first", () => {
  stored.clear();
  use(storage);
  for (let host = 0; host < 250; host++) identity("many", String(host));
  const rows = JSON.parse(stored.get("hatchway.guests") ?? "");
  assert.deepEqual([rows.length, rows[0][0], rows.at(-1)[0]], [200, "many 50", "many 249"]);
});
