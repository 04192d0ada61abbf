/**
 * First contact: what a link opens, and who comes. Owns its elements.
 *
 * It is shown where the host is asked anyway, once: the host wants to know who asks.
 */

import { shown } from "../names.js";
import { byId, setIcon } from "./dom.js";

const MAX_NAME = 64;

/** A name as it is kept and said. @param {string} text */
export const named = (text) => shown(text, MAX_NAME);

/**
 * @param {import("../signaling.js").Target} target
 * @returns {Promise<string>} the name; empty for none
 */
export function firstContact(target) {
  const page = byId("first");
  const host = shown(target.agent_name) || "Somebody";
  byId("first-title").textContent = `${host} shares a terminal with you`;
  byId("first-target").textContent = `A terminal in ${shown(target.name || target.id)}`;
  byId("first-private").textContent =
    `Encrypted between this browser and ${host}. ${location.host} serves this page and introduces you.`;
  const views = target.role === "view";
  setIcon("first-icon", views ? "eye" : "keyboard");
  byId("first-role").textContent = views ? "You view" : "You can type";
  const app = byId("app");
  app.toggleAttribute("data-first", true);
  byId("veil").hidden = true;
  page.hidden = false;
  const field = /** @type {HTMLInputElement} */ (byId("first-name"));
  // On a phone its keyboard would cover what there is to read.
  if (!matchMedia("(pointer: coarse)").matches) field.focus();
  return new Promise((done) => {
    byId("first-form").onsubmit = (event) => {
      event.preventDefault();
      page.hidden = true;
      app.toggleAttribute("data-first", false);
      done(named(field.value));
    };
  });
}
