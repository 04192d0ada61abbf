/**
 * The composition root: an address becomes a line, a session and a terminal.
 *
 * Owns the wiring and what belongs to the page as a whole: reload, closing, the
 * size of the window. `window.hatchway.terminal` is the xterm.js instance.
 */

import { copy } from "./clipboard.js";
import { newId } from "./ids.js";
import { identity } from "./identity.js";
import { linkAddress, LinkError, parseLink, returnAddress } from "./link.js";
import { shown } from "./names.js";
import * as preferences from "./prefs.js";
import { Screen, SCROLLBACK } from "./screen.js";
import { BEFORE, Session } from "./session.js";
import { iceConfiguration, Refusal, Signaling } from "./signaling.js";
import { controllers, standing } from "./standing.js";
import { paint, themeOf, told } from "./themes.js";
import { admitStyles, byId, setText } from "./ui/dom.js";
import { findBar } from "./ui/find.js";
import { firstContact, named } from "./ui/first.js";
import { footLine } from "./ui/foot.js";
import { keyBar } from "./ui/keys.js";
import { fragment, landing } from "./ui/landing.js";
import { panel } from "./ui/panel.js";
import { pasting } from "./ui/paste.js";
import { company } from "./ui/people.js";
import { settingsDialog } from "./ui/settings.js";
import { view } from "./ui/view.js";
import { FEATURES } from "./wire.js";
import * as words from "./words.js";

const MEMENTO = "hatchway.session";
/** From the prompt to drawing with the graphics card: the first keys come before. */
const ACCELERATE_MS = 300;
/** A bell is a light, once; many are no flicker, which may cause fits. */
const FLASH_MS = 120;
const FLASH_PAUSE_MS = 1000;

/**
 * @typedef {object} Place where a terminal is to be opened
 * @property {string} base the relay's address
 * @property {Signaling} line
 * @property {import("./link.js").Link | null} link
 * @property {import("./signaling.js").Target} target
 * @property {Promise<RTCConfiguration>} ice
 */

const prefs = preferences.load();

function main() {
  byId("loading").remove();
  admitStyles();
  paint(themeOf(prefs.theme));
  /** @type {import("./link.js").Link | null} */
  let link;
  try {
    link = parseLink(location.href);
  } catch (problem) {
    if (!(problem instanceof LinkError)) throw problem;
    return refuse(problem.message);
  }
  // Another link pasted into the same tab changes only the fragment: start over.
  addEventListener("hashchange", () => location.reload());
  // A token is for this device alone from now on: what is copied from here is the link, without
  // what was added to it. The query is the page's own.
  if (link) history.replaceState(null, "", linkAddress(link).replace("#", `${protocol()}#`));
  if (link) void followLink(link);
  else void choose();
}

async function choose() {
  const base = location.origin + location.pathname.replace(/\/(index\.html)?$/, "");
  const { line, target } = await landing(base);
  history.replaceState(null, "", fragment({ agent: target.agent_id, target: target.id }));
  open({ base, line, target, link: null, ice: iceConfiguration(line, null) });
}

/** @param {import("./link.js").Link} link */
async function followLink(link) {
  byId("app").hidden = false;
  const page = view("");
  page.show(BEFORE);
  const line = new Signaling(link.base, { link: link.id });
  try {
    const ready = line.ready();
    // The relay is on its way to us: time enough to make the terminal.
    prepare();
    await ready;
    const ice = iceConfiguration(line, link);
    // Whoever waits for it hears of a failure; until then nobody does.
    ice.catch(() => {});
    const [target] = (await line.call("guest:targets")).targets ?? [];
    if (!target) throw new Refusal("The link opens nothing", "link_unknown");
    if (target.approval && !link.token && !prefs.nameAsked) {
      rename(await firstContact(target));
    }
    open({ base: link.base, line, target, link, ice });
  } catch (problem) {
    line.close();
    const code = problem instanceof Refusal ? problem.code : "failed";
    page.show({ ...BEFORE, phase: "ended", reason: /** @type {Error} */ (problem).message, errorCode: code });
    byId("reconnect").onclick = () => location.reload();
  }
}

/** The query that asks for plain JSON; empty without. */
const protocol = () =>
  new URLSearchParams(location.search).get("protocol") === "json" ? "?protocol=json" : "";

/** @param {string} name */
function rename(name) {
  Object.assign(prefs, { name: named(name), nameAsked: true });
  preferences.save(prefs);
}

/** @param {string} reason */
function refuse(reason) {
  byId("app").hidden = false;
  view("").show({ ...BEFORE, phase: "ended", reason, errorCode: "link_damaged" });
  byId("reconnect").hidden = true;
}

/**
 * The terminal, before there is anything to show in it: `open` gives its handlers a meaning.
 *
 * @type {{screen: Screen, handlers: import("./screen.js").ScreenHandlers} | null}
 */
let prepared = null;

function prepare() {
  const nothing = () => {};
  const handlers = {
    input: nothing, resize: nothing, view: nothing, above: nothing, selection: nothing, paste: nothing,
    programCopies: nothing, programCopiesTooMuch: nothing, shortcut: nothing, bell: nothing,
  };
  const screen = new Screen(byId("terminal"), handlers);
  screen.apply(prefs, themeOf(prefs.theme));
  return (prepared = { screen, handlers });
}

/** @param {Place} place */
function open({ base, line, target, link, ice }) {
  byId("app").hidden = false;
  const host = shown(target.agent_name);
  const page = view(target.name || target.id, host);
  const people = company(host);
  // A name alone is not enough: the token for coming back is for the host that gave it.
  const place = JSON.stringify([base, link?.id ?? "", target.agent_id, target.id]);
  const { screen, handlers } = prepared ?? prepare();
  const toTerminal = () => screen.terminal.focus();
  const foot = footLine(host, (act) => acts[act](), toTerminal);
  const guest = identity(base, target.agent_id);
  const session = new Session({
    line,
    target,
    link,
    ice,
    size: () => screen.size,
    plain: !!protocol(),
    memento: comingBack(link) ?? recall(place, link?.id ?? ""),
    about: () => ({
      ...(prefs.name && { name: prefs.name }),
      guest, features: FEATURES, theme: told(themeOf(prefs.theme)),
    }),
    handlers: {
      state: (state) => show(state),
      output: (data, replayed, done) => screen.write(data, replayed, done),
      reset: () => screen.reset(),
      redraw: () => screen.redraw(),
      drawn: () => screen.drawn(),
      agreed: (agreed) => screen.agree(agreed),
      size: (cols, rows) => screen.resize(cols, rows),
      missed: (bytes) => foot.say(words.missed(bytes)),
      notice: (text) => foot.say(text),
    },
  });
  let before = session.state;
  /** What the person chose for a shell larger than the window. @type {boolean | null} */
  let whole = null;
  const zoom = () => {
    // Whoever types reads at the usual size; whoever watches sees all of it.
    const now = whole ?? (standing(session.state) !== "type" && !matchMedia("(max-width: 520px)").matches);
    screen.showWhole(now);
    foot.whole(now);
  };
  const show = (/** @type {import("./session.js").State} */ state) => {
    const last = before;
    before = state;
    const changed = page.show(state);
    if (changed && state.phase === "reconnecting") foot.secret(screen.asksSecret);
    foot.show(state);
    people(state);
    zoom();
    const may = standing(state);
    const app = byId("app");
    app.dataset.standing = may;
    const where = [shown(state.target || target.name), host].filter(Boolean).join(" on ");
    screen.describe(may !== "type", `Terminal ${where}, ${may === "type" ? "you can type" : "read only"}`);
    if (may !== standing(last)) releaseKeys();
    if (state.phase === "live" && !!state.recording !== !!last.recording && last.phase === "live")
      foot.say(words.recorded(state.recording));
    byId("return").hidden = !link || state.phase === "ended";
    setText("leave-hint", controllers(state) ? "it goes on without you" : "");
    if (!changed || state.phase !== "live") return;
    if (last.phase === "reconnecting" && last.seen && last.since)
      screen.mark(`reconnected ${new Date().toLocaleTimeString()}`);
    setTimeout(() => void screen.accelerate(), ACCELERATE_MS);
    if (!document.querySelector("dialog[open]") && byId("panel").hidden) toTerminal();
  };
  /** @param {Uint8Array} bytes @param {boolean} report */
  const type = (bytes, report) => {
    if (!report) side.close(false);
    if (session.state.phase === "ended") return;
    if (standing(session.state) !== "type") return report ? undefined : foot.hint();
    if (!session.type(bytes)) foot.say("Too much input is waiting; this was not taken.");
  };

  const copyButton = /** @type {HTMLButtonElement} */ (byId("copy"));
  Object.assign(handlers, /** @type {import("./screen.js").ScreenHandlers} */ ({
    input: type,
    resize: () => session.resize(),
    view: (now) => foot.view(now),
    above: () => session.wantHistory(SCROLLBACK),
    selection: (selected) => (copyButton.disabled = !selected),
    paste: (text) => void paste.text(text),
    programCopies: (text) => {
      if (prefs.programsCopy) return void copy(text);
      const amount = text.length === 1 ? "1 character" : `${text.length} characters`;
      foot.say(`A program wants to copy ${amount} to your clipboard.`, {
        label: "Copy",
        run: () => void copy(text),
      });
    },
    programCopiesTooMuch: () => foot.say(words.TOO_MUCH_TO_COPY),
    shortcut: (name) => shortcuts[name](),
    bell: () => flash(),
  }));
  foot.view(screen.view);
  const apply = () => {
    paint(themeOf(prefs.theme));
    screen.apply(prefs, themeOf(prefs.theme));
  };
  matchMedia("(prefers-color-scheme: light)").addEventListener("change", apply);

  const paste = pasting(screen);
  const copySelection = async () => {
    const selected = screen.terminal.getSelection();
    if (!selected) return;
    foot.say((await copy(selected)) ? "Copied." : "Your browser did not let the page copy.");
    toTerminal();
  };
  const openSearch = findBar(screen);
  const side = panel(toTerminal);
  const shortcuts = {
    copy: () => void copySelection(),
    search: openSearch,
    leave: () => void (foot.focus() || byId("role").focus()),
  };
  /** From the panel: it gives way to what it opens. @param {() => void} act */
  const fromPanel = (act) => () => {
    side.close(false);
    act();
  };
  /** @type {Record<import("./words.js").Act, () => void>} */
  const acts = {
    again: () => session.start(),
    back: () => session.comeBack(),
    discard: () => { session.discard(); toTerminal(); },
    send: () => { session.sendHeld(); toTerminal(); },
    hurry: () => session.hurry(),
    keep: () => { session.keep(); toTerminal(); },
    ask: () => { session.askKeyboard(true); toTerminal(); },
    unask: () => { session.askKeyboard(false); toTerminal(); },
    end: () => { screen.terminal.scrollToBottom(); toTerminal(); },
    fit: () => { whole = true; zoom(); },
    full: () => { whole = false; zoom(); },
    save: () => save(screen.text, `${shown(target.name) || "terminal"}.txt`),
    act: () => {},
    dismiss: () => {},
  };
  copyButton.onclick = fromPanel(shortcuts.copy);
  byId("paste").onclick = fromPanel(() => void paste.button());
  byId("search").onclick = fromPanel(openSearch);
  byId("settings").onclick = fromPanel(settingsDialog(prefs, apply));
  byId("reconnect").onclick = () => (session.state.errorCode === "replaced" ? session.comeBack() : session.start());
  byId("return-link").onclick = async () => {
    const memento = session.memento();
    if (!link || !memento) return foot.say("There is nothing to come back to yet.");
    const copied = await copy(returnAddress(link, memento.resume));
    foot.say(copied ? "Copied. Whoever has this link is you." : "Your browser did not let the page copy.");
    side.close();
  };
  byId("leave").onclick = fromPanel(() => session.end());
  // However it was closed: what is typed next is for the terminal.
  for (const dialog of document.querySelectorAll("dialog")) dialog.addEventListener("close", toTerminal);
  naming(session);
  const releaseKeys = keyBar(screen);
  backByKey(toTerminal);
  fitToWindow(screen);
  comeAndGo(session, place);
  Object.assign(window, { hatchway: { terminal: screen.terminal, session } });
  session.start();
  if (link?.exposed)
    foot.say("This link was changed on its way (# became %23), so the relay has seen its secret.");
}

/** What a return link brings. @param {import("./link.js").Link | null} link @returns {import("./session.js").Memento | null} */
const comingBack = (link) =>
  link?.token ? { session: newId(), resume: link.token, received: 0, link: true } : null;

/** The name in the panel: kept, and said at once. @param {Session} session */
function naming(session) {
  const field = /** @type {HTMLInputElement} */ (byId("name"));
  field.value = prefs.name;
  byId("name-form").onsubmit = (event) => {
    event.preventDefault();
    const before = prefs.name;
    rename(field.value);
    field.value = prefs.name;
    if (prefs.name !== before) session.introduce();
  };
}

/** The key that leaves the terminal also leads back to it. @param {() => void} toTerminal */
function backByKey(toTerminal) {
  addEventListener("keydown", (event) => {
    if (!(event.ctrlKey && event.shiftKey && event.code === "KeyE") || event.defaultPrevented) return;
    event.preventDefault();
    toTerminal();
  });
}

/** @param {string} text @param {string} name of the file */
function save(text, name) {
  const address = URL.createObjectURL(new Blob([text], { type: "text/plain" }));
  const anchor = document.createElement("a");
  Object.assign(anchor, { href: address, download: name });
  anchor.click();
  URL.revokeObjectURL(address);
}

let flashed = -Infinity;

function flash() {
  if (performance.now() - flashed < FLASH_PAUSE_MS) return;
  flashed = performance.now();
  const place = byId("terminal");
  place.classList.add("flash");
  setTimeout(() => place.classList.remove("flash"), FLASH_MS);
}

/** Above a phone's keyboard, too, where that covers the page. @param {Screen} screen */
function fitToWindow(screen) {
  const viewport = window.visualViewport;
  const follow = () => {
    if (viewport && viewport.scale === 1)
      byId("app").style.setProperty("--height", `${Math.round(viewport.height)}px`);
    screen.fit();
  };
  viewport?.addEventListener("resize", follow);
  follow();
}

/**
 * Leaving, returning, reloading. A memento lies in the tab's storage only while no
 * page is there, so that a duplicated tab does not fight for the same session.
 *
 * @param {Session} session
 * @param {string} place relay, link, host and target: a memento of another one is of no use
 */
function comeAndGo(session, place) {
  addEventListener("pagehide", () => {
    if (prefs.endOnClose) return session.end();
    const memento = session.memento();
    if (memento) sessionStorage.setItem(MEMENTO, JSON.stringify({ place, ...memento }));
    session.detach();
  });
  addEventListener("pageshow", (event) => {
    if (!event.persisted) return;
    sessionStorage.removeItem(MEMENTO);
    session.start();
  });
  addEventListener("online", () => session.hurry());
  document.addEventListener("visibilitychange", () => document.hidden || session.hurry());
}

/**
 * @param {string} place
 * @param {string} link its id, which is all that older pages wrote. It is enough: nobody can use
 *   the token of a link's session without the link's secret. The name of a target is not.
 * @returns {import("./session.js").Memento | null}
 */
function recall(place, link) {
  try {
    const kept = JSON.parse(sessionStorage.getItem(MEMENTO) ?? "null");
    sessionStorage.removeItem(MEMENTO);
    return kept?.place === place || (link && kept?.place === link) ? kept : null;
  } catch {
    return null;
  }
}

main();
