/** The page's elements: found by id, made, announced. Owns no state. */

/**
 * @template {HTMLElement} [T=HTMLElement]
 * @param {string} id
 * @returns {T}
 */
export function byId(id) {
  const found = document.getElementById(id);
  if (!found) throw new Error(`The page has no #${id}`);
  return /** @type {T} */ (found);
}

/**
 * @param {string} tag
 * @param {Record<string, string>} attributes
 * @param {...(Node | string)} children
 */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

const TOAST_MS = 6000;
/** Lines at once; a program or a host that has more to say pushes out its first ones. */
const MAX_TOASTS = 4;

/**
 * A line that comes and goes, with a button where there is something to do.
 *
 * @param {string} text
 * @param {string} [level] info or warning
 * @param {{label: string, run: () => void}} [action]
 */
export function toast(text, level = "info", action) {
  const line = make("div", { class: "toast", "data-level": level }, make("span", {}, text));
  const place = byId("toasts");
  if (action) {
    const button = make("button", { type: "button" }, action.label);
    button.onclick = () => {
      action.run();
      line.remove();
    };
    line.append(button);
  }
  // The same line twice says no more than once.
  for (const other of place.children) if (other.firstChild?.textContent === text) other.remove();
  place.append(line);
  while (place.childElementCount > MAX_TOASTS) place.firstElementChild?.remove();
  setTimeout(() => line.remove(), TOAST_MS * (action ? 2 : 1));
}

/**
 * xterm.js writes its rules into style elements and colours into style attributes. The
 * policy of this page admits elements that carry the nonce of this very response, and of
 * attributes only what a script sets through their properties.
 */
export function admitStyles() {
  const nonce = document.querySelector('meta[name="csp-nonce"]')?.getAttribute("content");
  const original = document.createElement;
  document.createElement = /** @type {any} */ (
    /** @param {string} tag @param {any} [options] */
    function (tag, options) {
      const element = original.call(document, tag, options);
      if (nonce && element instanceof HTMLStyleElement) element.nonce = nonce;
      return element;
    }
  );
  HTMLSpanElement.prototype.setAttribute = function (name, value) {
    if (name === "style") this.style.cssText = value;
    else Element.prototype.setAttribute.call(this, name, value);
  };
}
