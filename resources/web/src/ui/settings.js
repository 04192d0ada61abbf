/** The settings dialog. Owns its elements; the values are prefs.js's. */

import { FONT_SIZES, save } from "../prefs.js";
import { THEMES } from "../themes.js";
import { byId, make } from "./dom.js";

const SWITCHES = /** @type {const} */ ({
  "set-blink": "cursorBlink",
  "set-reader": "screenReader",
  "set-copy": "programsCopy",
  "set-end": "endOnClose",
});

/**
 * @param {import("../prefs.js").Prefs} prefs changed in place
 * @param {() => void} changed
 * @returns {() => void} opens it
 */
export function settingsDialog(prefs, changed) {
  const dialog = /** @type {HTMLDialogElement} */ (byId("settings-dialog"));
  const theme = /** @type {HTMLSelectElement} */ (byId("set-theme"));
  const size = byId("set-font");
  theme.append(make("option", { value: "auto" }, "As this device"));
  for (const [name, { label }] of Object.entries(THEMES))
    theme.append(make("option", { value: name }, label));
  const store = () => {
    save(prefs);
    size.textContent = String(prefs.fontSize);
    changed();
  };
  theme.value = prefs.theme;
  theme.onchange = () => {
    prefs.theme = theme.value;
    store();
  };
  const resize = (/** @type {number} */ by) => () => {
    const size = prefs.fontSize + by;
    prefs.fontSize = Math.min(FONT_SIZES.largest, Math.max(FONT_SIZES.smallest, size));
    store();
  };
  byId("font-smaller").onclick = resize(-1);
  byId("font-larger").onclick = resize(1);
  size.textContent = String(prefs.fontSize);
  for (const [id, name] of Object.entries(SWITCHES)) {
    const box = /** @type {HTMLInputElement} */ (byId(id));
    box.checked = prefs[name];
    box.onchange = () => {
      prefs[name] = box.checked;
      store();
    };
  }
  return () => dialog.showModal();
}
