// A search box with suggestions, by the ARIA combobox pattern.

import { get, newest } from "./api.js";
import { el, fill, say, svg, unique } from "./dom.js";
import { facts, nameOf } from "./parts.js";
import { count, t } from "./texts.js";

export const searchItems = async (text, signal) => (await get("items", { query: text, k: 8 }, signal)).items;

/** onpick(option) is called with a result of `search`, onempty() when the text is deleted. */
export function combobox({ label, placeholder, search = searchItems, name = nameOf, detail = facts, onpick, keep = false, onempty }) {
  const list = unique("options");
  const input = el("input", { type: "search", role: "combobox", "aria-expanded": "false", "aria-controls": list, "aria-autocomplete": "list", "aria-label": label, placeholder: placeholder ?? label, autocomplete: "off", spellcheck: "false" });
  const options = el("ul.options", { id: list, role: "listbox", "aria-label": label, hidden: true });
  const note = el("p.options.none", { hidden: true });
  let results = [];
  let active = -1;
  const open = (isOpen, message = "") => {
    options.hidden = !isOpen;
    input.setAttribute("aria-expanded", String(isOpen));
    note.hidden = !message;
    note.textContent = message;
    if (!isOpen) { active = -1; input.removeAttribute("aria-activedescendant"); }
  };
  const move = (to, scroll = true) => {
    active = to;
    [...options.children].forEach((option, index) => option.setAttribute("aria-selected", String(index === active)));
    const option = options.children[active];
    if (!option) return;
    input.setAttribute("aria-activedescendant", option.id);
    if (scroll) option.scrollIntoView({ block: "nearest" });
  };
  const pick = (option) => {
    input.value = keep ? name(option) : "";
    open(false);
    onpick(option);
  };
  const item = (option, index) => el("li", { id: `${list}-${index}`, role: "option", "aria-selected": "false", onmousedown: (event) => event.preventDefault(), onpointermove: () => { if (active !== index) move(index, false); }, onclick: () => pick(option) },
    el("span.option-name", {}, name(option)), el("span.option-detail", {}, detail(option)));
  const request = newest((error) => open(false, error.message));
  const look = () => request((signal) => search(input.value.trim(), signal), (response) => {
    results = response;
    fill(options, results.map(item));
    open(results.length > 0, results.length ? "" : t("search.none", { text: input.value.trim() }));
    if (results.length) { move(0); say(t("search.count", { n: count(results.length) })); }
  });
  input.addEventListener("input", () => { if (!input.value && onempty) onempty(); look(); });
  input.addEventListener("focus", () => input.select());
  input.addEventListener("click", () => { if (options.hidden) look(); });
  input.addEventListener("blur", () => open(false));
  input.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown") { if (options.hidden) look(); else move((active + 1) % results.length); }
    else if (event.key === "ArrowUp" && !options.hidden) move((active - 1 + results.length) % results.length);
    else if (event.key === "Enter" && !options.hidden && active >= 0) pick(results[active]);
    else if (event.key === "Escape") { open(false); return; }
    else return;
    event.preventDefault();
  });
  const box = el("div.search", {}, glass(), input, options, note);
  box.input = input;
  return box;
}

function glass() {
  return svg("svg", { viewBox: "0 0 20 20", "aria-hidden": "true" }, svg("circle", { cx: 9, cy: 9, r: 5.5 }), svg("path", { d: "M13.2 13.2 17 17" }));
}
