/** The page's elements: found by id, made, changed. Owns no state. */

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

const SVG = "http://www.w3.org/2000/svg";

/** One of the page's icons. @param {string} name */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `#i-${name}`);
  svg.append(use);
  return svg;
}

/** Which icon a `use` element shows. @param {string} id of the element @param {string} name */
export function setIcon(id, name) {
  const href = `#i-${name}`;
  const use = /** @type {Element} */ (/** @type {unknown} */ (byId(id)));
  if (use.getAttribute("href") !== href) use.setAttribute("href", href);
}

/** Unchanged text is left alone: it must not be read aloud again. @param {string} id @param {string} content */
export function setText(id, content) {
  const element = byId(id);
  if (element.textContent !== content) element.textContent = content;
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
