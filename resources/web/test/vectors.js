/** The vectors both languages share. */

import { readFileSync } from "node:fs";

/** @param {string} name @returns {any} */
export const vectors = (name) =>
  JSON.parse(readFileSync(new URL(`../../../tests/vectors/${name}.json`, import.meta.url), "utf8"));
