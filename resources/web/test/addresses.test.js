/** Addresses in plain text, as whoever reads it would end them. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { ADDRESS } from "../src/addresses.js";

for (const [text, address] of [
  ["see https://example.org/a?b=c#d for", "https://example.org/a?b=c#d"],
  ["https://example.org/a_(b)", "https://example.org/a_(b)"],
  ["(https://example.org/a_(b)) more", "https://example.org/a_(b)"],
  ["https://example.org/a_(b)_c.", "https://example.org/a_(b)_c"],
  ["(https://example.org/)", "https://example.org/"],
  ["at HTTP://localhost:8080.", "HTTP://localhost:8080"],
  ["<https://example.org/>, and", "https://example.org/"],
  ["https://example.com。下一句", "https://example.com"],
  ["「https://example.com/a」という", "https://example.com/a"],
  ["（https://example.com/a）", "https://example.com/a"],
  ["https://example.com/日本", "https://example.com/日本"],
  ["│https://example.org│", "https://example.org"],
])
  test(`an address in ${text}`, () => assert.equal(ADDRESS.exec(text)?.[0], address));

test("a text made to be slow is read at once", { timeout: 2000 }, () => {
  ADDRESS.exec(`https://${"(a".repeat(20_000)}`);
  ADDRESS.exec(`https://${"a)(".repeat(20_000)}`);
  ADDRESS.exec(`https://${".".repeat(50_000)}`);
});
