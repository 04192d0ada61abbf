/**
 * The panel under the header: people, the connection, and what can be done with the terminal.
 *
 * Owns when it is open and where its buttons' focus goes. It is not modal: the terminal goes on,
 * and typing into it closes the panel.
 */

import { byId } from "./dom.js";

/** What in the header opens it. */
const OPENERS = ["menu", "people", "role", "badge", "recording"];

/** @param {() => void} leave the terminal has the keyboard again */
export function panel(leave) {
  const place = byId("panel");
  const menu = byId("menu");
  const openers = OPENERS.map((id) => byId(id));

  const close = (refocus = true) => {
    if (place.hidden) return;
    const inside = place.contains(document.activeElement);
    place.hidden = true;
    menu.setAttribute("aria-expanded", "false");
    if (inside && refocus) leave();
  };
  const open = () => {
    place.hidden = false;
    place.scrollTop = 0;
    menu.setAttribute("aria-expanded", "true");
    place.focus();
  };
  for (const opener of openers)
    opener.onclick = () => {
      if (place.hidden) return open();
      close();
      leave();
    };
  addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || place.hidden) return;
    const focus = /** @type {HTMLElement} */ (document.activeElement);
    if (!place.contains(focus) && !openers.includes(focus)) return;
    event.preventDefault();
    close();
    leave();
  });
  addEventListener("pointerdown", ({ target }) => {
    const within = /** @type {Node} */ (target);
    if (!place.contains(within) && !openers.some((one) => one.contains(within))) close(false);
  });
  return { close };
}
