/**
 * The page without a link: who holds the relay's guest token sees what is shared.
 *
 * Owns its elements and the token in this tab. Does not own the terminal opened from it.
 */

import { row as find, shown } from "../names.js";
import { Refusal, Signaling } from "../signaling.js";
import * as words from "../words.js";
import { byId, make } from "./dom.js";

const TOKEN = "hatchway.token";
const STATES = /** @type {Record<string, string>} */ ({ stopped: "Stopped", paused: "Paused", absent: "Not there" });

/** @typedef {import("../signaling.js").Target} Target */

/**
 * A terminal that is asked for. Without the host's id its name has to do, where only one host has it.
 *
 * @typedef {{agent: string, target: string}} Wanted
 */

/**
 * The part of an address that leads to a terminal again: the same one, at the same host.
 *
 * @param {Wanted} wanted
 */
export const fragment = ({ agent, target }) =>
  target && `#${agent && `agent=${encodeURIComponent(agent)}&`}target=${encodeURIComponent(target)}`;

/**
 * A token from the address (`#token=…`, and `&agent=…&target=…` to go straight in), or kept in this
 * tab. It leaves the address at once: addresses are shown, kept and sent around.
 */
export function credentials() {
  const given = new URLSearchParams(location.hash.slice(1));
  const token = given.get("token") ?? sessionStorage.getItem(TOKEN) ?? "";
  const wanted = { agent: given.get("agent") ?? "", target: given.get("target") ?? "" };
  if (given.has("token")) {
    sessionStorage.setItem(TOKEN, token);
    history.replaceState(null, "", location.pathname + location.search + fragment(wanted));
  }
  return { token, wanted };
}

/**
 * @param {Target[]} targets
 * @param {Wanted} wanted
 * @returns {Target[]} those it may mean
 */
export const meant = (targets, { agent, target }) =>
  targets.filter((row) => row.id === target && (!agent || row.agent_id === agent));

/**
 * Until a target is chosen.
 *
 * @param {string} base the relay's address
 * @returns {Promise<{line: Signaling, target: Target}>}
 */
export async function landing(base) {
  const { token, wanted } = credentials();
  byId("landing").hidden = false;
  const line = await admitted(base, token);
  byId("token-form").hidden = true;
  byId("targets").hidden = false;
  const chosen = await choice(line, wanted);
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

/** @param {Signaling} line @param {Wanted} wanted @returns {Promise<Target>} */
function choice(line, wanted) {
  const list = byId("target-list");
  const status = byId("targets-status");
  return new Promise((done) => {
    const show = (/** @type {Target[]} */ targets) => {
      const rows = named(targets);
      const found = meant(rows, wanted);
      // Never one of several that have the same name: it may be somebody else's.
      if (found.length === 1) return done(found[0]);
      status.textContent = words.choice(rows, found, wanted);
      list.replaceChildren(...(found.length ? found : rows).map((target) => row(target, () => done(target))));
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

/** Hosts of the same name are told apart by their ids. @param {Target[]} targets @returns {Target[]} */
function named(targets) {
  /** @type {Map<string, Set<string>>} */
  const ids = new Map();
  for (const { agent_name, agent_id } of targets) {
    const name = shown(agent_name);
    ids.set(name, (ids.get(name) ?? new Set()).add(agent_id));
  }
  return targets.map((target) => {
    const name = shown(target.agent_name);
    const several = (ids.get(name)?.size ?? 0) > 1;
    return { ...target, agent_name: several ? `${name} (${shown(target.agent_id)})` : name };
  });
}

/** @param {Target} target @param {() => void} open */
function row(target, open) {
  const ready = target.state === "running" || !target.state;
  const kind = target.kind === "local" ? "computer" : shown(target.kind);
  const words = make("span", {}, make("span", { class: "name" }, shown(target.name)), make("br"),
    make("span", { class: "from" }, [kind, target.agent_name].filter(Boolean).join(" on ")));
  const dot = make("i", { class: "dot", "data-state": target.state });
  const state = ready ? make("span", { class: "open" }, "Open") : make("span", { class: "from" }, find(STATES, target.state) ?? shown(target.state));
  const button = /** @type {HTMLButtonElement} */ (make("button", { type: "button" }, dot, words, state));
  button.disabled = !ready;
  button.onclick = open;
  return make("li", {}, button);
}
