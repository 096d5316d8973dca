// Elements are made here and nowhere else. What comes from data becomes text, never markup.

const SVG = "http://www.w3.org/2000/svg";

/** el("a.name", {href, onclick, aria-label}, children…): children are elements, text, or nothing. */
export function el(name, attributes = {}, ...children) {
  return made(document.createElement(name.split(".")[0]), name, attributes, children);
}

export function svg(name, attributes = {}, ...children) {
  return made(document.createElementNS(SVG, name.split(".")[0]), name, attributes, children);
}

function made(element, name, attributes, children) {
  for (const one of name.split(".").slice(1)) element.classList.add(one);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (key.startsWith("--")) element.style.setProperty(key, value);
    else if (key === "value") element.value = value;
    else element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.flat(2).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

export function fill(parent, ...children) {
  parent.replaceChildren(...children.flat(2).filter((child) => child !== null && child !== undefined && child !== false));
  return parent;
}

/** Tells people who listen to the page what changed. */
export function say(text) {
  document.getElementById("said").textContent = text;
}

let last = 0;
export const unique = (prefix) => `${prefix}-${++last}`;

export const calm = () => matchMedia("(prefers-reduced-motion: reduce)").matches;
