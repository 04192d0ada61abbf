/**
 * The composition root: an address becomes a line, a session and a terminal.
 *
 * Owns the wiring and what belongs to the page as a whole: reload, closing, the
 * size of the window. `window.hatchway.terminal` is the xterm.js instance.
 */

import { copy } from "./clipboard.js";
import { LinkError, parseLink } from "./link.js";
import * as preferences from "./prefs.js";
import { Screen } from "./screen.js";
import { Session } from "./session.js";
import { iceConfiguration, Refusal, Signaling } from "./signaling.js";
import { paint, themeOf } from "./themes.js";
import { admitStyles, byId, toast } from "./ui/dom.js";
import { findBar } from "./ui/find.js";
import { idleWarning } from "./ui/idle.js";
import { keyBar } from "./ui/keys.js";
import { shown } from "./names.js";
import { fragment, landing } from "./ui/landing.js";
import { pasting } from "./ui/paste.js";
import { settingsDialog } from "./ui/settings.js";
import { view } from "./ui/view.js";

const MEMENTO = "hatchway.session";
/** From the prompt to drawing with the graphics card: the first keys come before. */
const ACCELERATE_MS = 300;

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
    open({ base: link.base, line, target, link, ice });
  } catch (problem) {
    line.close();
    const code = problem instanceof Refusal ? problem.code : "failed";
    page.show({ ...BEFORE, phase: "ended", reason: /** @type {Error} */ (problem).message, errorCode: code });
    byId("reconnect").onclick = () => location.reload();
  }
}

/** @type {import("./session.js").State} */
const BEFORE = {
  phase: "relay", path: "", rtt: null, role: "control", target: "", code: "", reason: "",
  errorCode: "", endCode: "", idleEnd: null, exitCode: null, exited: false, seen: false, waiting: 0,
};

/** @param {string} reason */
function refuse(reason) {
  byId("app").hidden = false;
  view("").show({ ...BEFORE, phase: "ended", reason, errorCode: "link_unknown" });
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
    input: nothing, resize: nothing, title: nothing, selection: nothing, paste: nothing,
    programCopies: nothing, shortcut: nothing, bell: nothing,
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
  // A name alone is not enough: the token for coming back is for the host that gave it.
  const place = JSON.stringify([base, link?.id ?? "", target.agent_id, target.id]);
  const { screen, handlers } = prepared ?? prepare();
  const idle = idleWarning(screen.terminal, () => session.keep());
  const session = new Session({
    line,
    target,
    link,
    ice,
    size: () => screen.size,
    plain: new URLSearchParams(location.search).get("protocol") === "json",
    memento: recall(place, link?.id ?? ""),
    handlers: {
      state: (state) => {
        const changed = page.show(state);
        idle.show(state.idleEnd, state.role === "view");
        const watching = state.role === "view" ? ", view only" : "";
        const where = [shown(state.target || target.name), host].filter(Boolean).join(" on ");
        screen.describe(state.role === "view", `Terminal in ${where}${watching}`);
        if (!changed || state.phase !== "live") return;
        setTimeout(() => void screen.accelerate(), ACCELERATE_MS);
        if (!document.querySelector("dialog[open]")) screen.terminal.focus();
      },
      output: (data, replayed, done) => screen.write(data, replayed, done),
      reset: () => screen.reset(),
      notice: (text, level) => toast(text, level),
    },
  });
  /** @param {Uint8Array} bytes */
  const type = (bytes) => {
    const { phase, role } = session.state;
    if (role === "view") return toast("You are watching: only the host lets you type here.");
    if (phase === "ended") return;
    if (!session.type(bytes)) toast("Too much input is waiting; this was not taken.", "warning");
  };

  const copyButton = /** @type {HTMLButtonElement} */ (byId("copy"));
  Object.assign(handlers, /** @type {import("./screen.js").ScreenHandlers} */ ({
    input: type,
    resize: () => session.resize(),
    title: (title) => page.title(title),
    selection: (selected) => (copyButton.disabled = !selected),
    paste: (text) => void paste.text(text),
    programCopies: (text) => programCopies(text),
    shortcut: (name) => shortcuts[name](),
    bell: () => flash(),
  }));
  const apply = () => {
    paint(themeOf(prefs.theme));
    screen.apply(prefs, themeOf(prefs.theme));
  };
  matchMedia("(prefers-color-scheme: light)").addEventListener("change", apply);

  const paste = pasting(screen);
  const copySelection = async () => {
    const selected = screen.terminal.getSelection();
    if (!selected) return;
    toast((await copy(selected)) ? "Copied." : "Your browser did not let the page copy.");
    screen.terminal.focus();
  };
  const openSearch = findBar(screen);
  const shortcuts = {
    copy: () => void copySelection(),
    search: openSearch,
    leave: () => void (idle.focus() || byId("badge").focus()),
  };
  copyButton.onclick = shortcuts.copy;
  byId("paste").onclick = () => void paste.button();
  byId("search").onclick = openSearch;
  byId("settings").onclick = settingsDialog(prefs, apply);
  byId("reconnect").onclick = () => session.start();
  const info = /** @type {HTMLDialogElement} */ (byId("info-dialog"));
  byId("badge").onclick = () => info.showModal();
  byId("leave").onclick = () => {
    info.close();
    session.end();
  };
  keyBar(screen);
  fitToWindow(screen);
  comeAndGo(session, place);
  Object.assign(window, { hatchway: { terminal: screen.terminal, session } });
  session.start();
}

/** A program asks for the clipboard by OSC 52. @param {string} text */
function programCopies(text) {
  if (prefs.programsCopy) return void copy(text);
  const lines = text.length === 1 ? "1 character" : `${text.length} characters`;
  toast(`A program wants to copy ${lines} to your clipboard.`, "info", {
    label: "Copy",
    run: () => void copy(text),
  });
}

function flash() {
  const place = byId("terminal");
  place.classList.add("flash");
  place.onanimationend = () => place.classList.remove("flash");
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
