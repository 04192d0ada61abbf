/**
 * Who may type now, and who is here: what a guest's role, the keyboard and the list of people
 * come to together.
 *
 * Owns no state and no words.
 */

import { shown } from "./names.js";

/**
 * @typedef {import("./session.js").State} State
 * @typedef {import("./wire.js").Person} Person
 *
 * @typedef {"type" | "view" | "taken" | "frozen"} Standing `taken`: somebody else has the keyboard
 */

/** @param {State} state @returns {Standing} */
export function standing({ role, keyboard, me }) {
  if (keyboard?.state === "frozen") return "frozen";
  if (keyboard?.state === "taken") {
    if (me && keyboard.holder === me) return "type";
    return role === "view" ? "view" : "taken";
  }
  return role === "view" ? "view" : "type";
}

/**
 * What a participant is called. Without a name it is what it is.
 *
 * @param {Person | undefined} person
 * @param {string} host what the host is called
 */
export function nameOf(person, host) {
  if (!person) return "Somebody";
  return shown(person.name) || (person.kind === "host" ? host || "The host" : "Guest");
}

/** @param {State} state @param {string} host @returns {string} who has the keyboard */
export function holder({ people, keyboard }, host) {
  const person = people.find((one) => one.id === keyboard?.holder);
  return person ? nameOf(person, host) : host || "The host";
}

/** Others who type at this moment. @param {State} state @param {string} host */
export const typists = ({ people, me }, host) =>
  people.filter((one) => one.typing && one.id !== me).map((one) => nameOf(one, host));

/** Others who may type, when the keyboard is open. @param {State} state */
export const controllers = ({ people, me }) =>
  people.filter((one) => one.role === "control" && one.id !== me).length;
