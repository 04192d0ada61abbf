/**
 * Who is here: faces in the header, a list in the panel. Owns those elements.
 *
 * You are teal, whoever else types now is violet, the host is a square.
 */

import { nameOf } from "../standing.js";
import * as words from "../words.js";
import { byId, icon, make, setText } from "./dom.js";

/** Faces in a wide header. */
const FACES = 4;

/** @typedef {import("../session.js").State} State @typedef {import("../wire.js").Person} Person */

/** @param {Person} person @param {State} state @param {string} host */
function face(person, state, host) {
  const mine = person.id === state.me;
  const name = [...nameOf(person, host)][0]?.toUpperCase() ?? "?";
  const attributes = {
    class: "face",
    "data-kind": person.kind === "host" ? "host" : mine ? "me" : "guest",
    ...(person.typing && { "data-typing": "" }),
  };
  return make("span", attributes, person.kind === "host" ? icon("computer") : name);
}

/** @param {Person} person @param {State} state @param {string} host */
function row(person, state, host) {
  const { icon: shape, tone, text } = words.doing(person, state);
  const name = nameOf(person, host) + (person.id === state.me ? " (you)" : "");
  const tag = make("span", { class: "tag small", "data-tone": tone }, icon(shape), text);
  return make("li", {}, face(person, state, host), make("span", { class: "name" }, name), tag);
}

/** @param {string} host what the host is called */
export function company(host) {
  let shown = "";
  return (/** @type {State} */ state) => {
    const { people, me, keyboard } = state;
    const now = JSON.stringify([people, me, keyboard?.state, keyboard?.holder]);
    if (now === shown) return;
    shown = now;
    // The host first, then you: they keep their places while others come and go.
    const rank = (/** @type {Person} */ one) => (one.kind === "host" ? 0 : one.id === me ? 1 : 2);
    const sorted = [...people].sort((one, other) => rank(one) - rank(other));
    const lead = sorted.find((one) => one.typing) ?? sorted.at(-1);
    const some = sorted.slice(0, FACES);
    // Whoever types is always seen.
    if (lead?.typing && !some.includes(lead)) some[FACES - 1] = lead;
    const faces = some.map((one) => {
      const element = face(one, state, host);
      element.toggleAttribute("data-lead", one === lead);
      return element;
    });
    if (lead && !some.includes(lead)) faces.at(-1)?.toggleAttribute("data-lead", true);
    const button = byId("people");
    // Nobody needs to be told that they are alone.
    button.hidden = people.length < 2;
    button.setAttribute("aria-label", words.company(state, host));
    byId("faces").replaceChildren(...faces);
    const more = byId("people-more");
    more.dataset.count = String(people.length);
    more.textContent = people.length > FACES ? `+${people.length - FACES}` : "";
    byId("company").hidden = !people.length;
    setText("people-count", `${people.length} here`);
    byId("people-list").replaceChildren(...sorted.map((one) => row(one, state, host)));
  };
}
