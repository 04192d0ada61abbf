/** The search bar over the terminal. Owns its elements. */

import { byId } from "./dom.js";

/** @param {import("../screen.js").Screen} screen @returns {() => void} opens it */
export function findBar(screen) {
  const bar = byId("find");
  const input = /** @type {HTMLInputElement} */ (byId("find-text"));
  const count = byId("find-count");
  const options = () => ({
    decorations: {
      matchBackground: "#7a5c1e",
      activeMatchBackground: "#d79b2f",
      matchOverviewRuler: "#d79b2f",
      activeMatchColorOverviewRuler: "#ffcf70",
    },
  });
  const next = () => screen.search.findNext(input.value, options());
  const back = () => screen.search.findPrevious(input.value, options());
  const close = () => {
    bar.hidden = true;
    screen.search.clearDecorations();
    screen.terminal.focus();
  };
  screen.search.onDidChangeResults(({ resultIndex, resultCount }) => {
    count.textContent = !input.value
      ? ""
      : resultCount
        ? `${resultIndex + 1} of ${resultCount}`
        : "None";
  });
  input.oninput = () => {
    if (input.value) screen.search.findNext(input.value, { ...options(), incremental: true });
    else {
      screen.search.clearDecorations();
      count.textContent = "";
    }
  };
  bar.onkeydown = (event) => {
    if (event.key === "Escape") close();
    else if (event.key === "Enter") event.shiftKey ? back() : next();
    else return;
    event.preventDefault();
  };
  byId("find-next").onclick = next;
  byId("find-back").onclick = back;
  byId("find-close").onclick = close;
  return () => {
    bar.hidden = false;
    input.focus();
    input.select();
  };
}
