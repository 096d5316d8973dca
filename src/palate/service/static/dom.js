// Elements are made here and nowhere else. Values from data become text, never markup.

const SVG = "http://www.w3.org/2000/svg";

/** el("a.name", {href, onclick, aria-label}, children…): children are elements, text, or nothing. */
export function el(name, attributes = {}, ...children) {
  return complete(document.createElement(name.split(".")[0]), name, attributes, children);
}

export function svg(name, attributes = {}, ...children) {
  return complete(document.createElementNS(SVG, name.split(".")[0]), name, attributes, children);
}

const present = (children) => children.flat(2).filter((child) => child !== null && child !== undefined && child !== false);

function complete(element, name, attributes, children) {
  for (const token of name.split(".").slice(1)) element.classList.add(token);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (key.startsWith("--")) element.style.setProperty(key, value);
    else if (key === "value") element.value = value;
    else element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...present(children));
  return element;
}

export function fill(parent, ...children) {
  parent.replaceChildren(...present(children));
  return parent;
}

/** Announce a change to users of screen readers. */
export function say(text) {
  document.getElementById("said").textContent = text;
}

let last = 0;
export const unique = (prefix) => `${prefix}-${++last}`;

export const reducedMotion = () => matchMedia("(prefers-reduced-motion: reduce)").matches;
