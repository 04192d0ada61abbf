/** Words and addresses that others chose, as people may judge them. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { judged, row } from "../src/names.js";

test("a word is looked up among those of the table alone", () => {
  const table = { paused: "Paused" };
  assert.equal(row(table, "paused"), "Paused");
  for (const word of ["constructor", "__proto__", "toString", ""]) assert.equal(row(table, word), undefined);
});

test("an address is shown by its host, apart from the rest", () => {
  assert.equal(judged("https://example.org/a?b#c"), "Host: example.org\n\n/a?b#c");
  assert.match(judged("http://example.org"), /^Host: example\.org \(not encrypted\)/);
  assert.match(judged("https://bank.example@evil.example/"), /^Host: evil\.example\n.*user name/);
  // Letters that look like others are named as the network names them.
  assert.match(judged("https://\u0430pple.com/"), /^Host: xn--pple-43d\.com/);
});

test("nothing in it moves, hides or floods the question", () => {
  const words = judged(`https://example.org/\u202egpj.exe\n\n\nHost: bank.example${"x".repeat(5000)}`);
  assert.ok(words.length < 800);
  assert.equal(words.split("\n").length, 3);
  assert.doesNotMatch(words, /[\u202a-\u202e\u2066-\u2069]/);
});

test("no other address is opened", () => {
  for (const address of ["javascript:alert(1)", "file:///etc/passwd", "data:text/html,x", "nothing", ""])
    assert.equal(judged(address), "");
});
