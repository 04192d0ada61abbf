/**
 * The page without a link: who holds the relay's guest token sees what is shared.
 *
 * Owns its elements and the token in this tab. Does not own the terminal opened from it.
 */

import { Refusal, Signaling } from "../signaling.js";
import { byId, make } from "./dom.js";

const TOKEN = "hatchway.token";
const STATES = /** @type {Record<string, string>} */ ({ stopped: "Stopped", paused: "Paused", absent: "Not there" });

/** @typedef {import("../signaling.js").Target} Target */

/**
 * A token from the address (`#token=…`, and `&target=…` to go straight in), or kept in this tab.
 * It leaves the address at once: addresses are shown, kept and sent around.
 */
export function credentials() {
  const given = new URLSearchParams(location.hash.slice(1));
  const token = given.get("token") ?? sessionStorage.getItem(TOKEN) ?? "";
  const target = given.get("target") ?? "";
  if (given.has("token")) {
    sessionStorage.setItem(TOKEN, token);
    history.replaceState(null, "", location.pathname + location.search + (target && `#target=${encodeURIComponent(target)}`));
  }
  return { token, target };
}

/**
 * Until a target is chosen.
 *
 * @param {string} base the relay's address
 * @returns {Promise<{line: Signaling, target: Target}>}
 */
export async function landing(base) {
  const { token, target } = credentials();
  byId("landing").hidden = false;
  const line = await admitted(base, token);
  byId("token-form").hidden = true;
  byId("targets").hidden = false;
  const chosen = await choice(line, target);
  byId("landing").hidden = true;
  return { line, target: chosen };
}

/** A line the relay accepts; asks for the token until it has one. @param {string} base @param {string} token */
async function admitted(base, token) {
  const form = byId("token-form");
  const problem = byId("token-problem");
  for (;;) {
    const wait = byId("landing-wait");
    if (token) {
      wait.hidden = false;
      const line = new Signaling(base, { token });
      try {
        await line.ready();
        return line;
      } catch (refusal) {
        line.close();
        if (!(refusal instanceof Refusal)) throw refusal;
        problem.textContent = refusal.message;
      } finally {
        wait.hidden = true;
      }
    }
    sessionStorage.removeItem(TOKEN);
    form.hidden = false;
    const field = /** @type {HTMLInputElement} */ (byId("token"));
    field.focus();
    token = await new Promise((done) => {
      form.onsubmit = (event) => {
        event.preventDefault();
        done(field.value.trim());
      };
    });
    sessionStorage.setItem(TOKEN, token);
  }
}

/** @param {Signaling} line @param {string} wished @returns {Promise<Target>} */
function choice(line, wished) {
  const list = byId("target-list");
  const status = byId("targets-status");
  return new Promise((done) => {
    const show = (/** @type {Target[]} */ targets) => {
      const straight = targets.find((target) => target.id === wished);
      if (straight) return done(straight);
      status.textContent = targets.length
        ? "Choose a terminal to open."
        : "Nothing is shared at the moment. What the host shares appears here.";
      list.replaceChildren(...targets.map((target) => row(target, () => done(target))));
    };
    line.handlers.targets = show;
    line.handlers.line = (up) => {
      if (!up) status.textContent = "The relay cannot be reached. Trying again…";
      else void load();
    };
    const load = () =>
      line.call("guest:targets").then(
        (reply) => show(reply.targets ?? []),
        (/** @type {Error} */ refusal) => (status.textContent = refusal.message),
      );
    void load();
  });
}

/** @param {Target} target @param {() => void} open */
function row(target, open) {
  const ready = target.state === "running" || !target.state;
  const words = make("span", {}, make("span", { class: "name" }, target.name), make("br"),
    make("span", { class: "from" }, [target.kind === "local" ? "computer" : target.kind, target.agent_name].filter(Boolean).join(" on ")));
  const dot = make("i", { class: "dot", "data-state": target.state });
  const state = ready ? make("span", { class: "open" }, "Open") : make("span", { class: "from" }, STATES[target.state] ?? target.state);
  const button = /** @type {HTMLButtonElement} */ (make("button", { type: "button" }, dot, words, state));
  button.disabled = !ready;
  button.onclick = open;
  return make("li", {}, button);
}
