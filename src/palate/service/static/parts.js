// What several views are made of: search box, stars, rows, and the states of nothing, waiting and failure.

import { get, newest, useToken } from "./api.js";
import { el, fill, say, svg, unique } from "./dom.js";

export const nameOf = (item) => item.title ?? `Item ${item.id}`;
export const itemLink = (item) => el("a", { href: `#/items/${encodeURIComponent(item.id)}` }, nameOf(item));
export const count = (number) => number.toLocaleString("en");
export const people = (number) => `${count(number)} ${number === 1 ? "person" : "people"}`;
export const short = (number, digits = 1) => number.toFixed(digits).replace(/\.0+$/, "");

/** A title without its year, cut where it is long: for lines that name several. */
export function brief(item) {
  const text = nameOf(item).replace(/\s*\((?:18|19|20)\d\d\)$/, "");
  return text.length > 30 ? `${text.slice(0, 28).trimEnd()}…` : text;
}

/** A line of what is known of an item. */
export function about(item) {
  const year = item.year && !nameOf(item).includes(`(${item.year})`) ? String(item.year) : null;
  return [year, ...(item.categories ?? []).slice(0, 3)].filter(Boolean).join(" · ") || people(item.ratings ?? 0);
}

export const empty = (title, text, ...more) => el("div.state", {}, el("p.state-title", {}, title), text && el("p", {}, text), ...more);

export function failure(error, again) {
  if (error.code === "unauthorized") return tokenAsked(again);
  const titles = { unreachable: "No connection", unknown_item: "No such item", unknown_user: "No such person" };
  return el("div.state", { role: "alert" },
    el("p.state-title", {}, titles[error.code] ?? "That did not work"),
    el("p", {}, error.message),
    again && el("button.plain", { type: "button", onclick: again }, "Try again"));
}

function tokenAsked(again) {
  const input = el("input.link", { type: "password", "aria-label": "Token", autocomplete: "off" });
  const use = () => { useToken(input.value.trim()); again?.(); };
  input.addEventListener("keydown", (event) => { if (event.key === "Enter") use(); });
  return el("div.state", { role: "alert" }, el("p.state-title", {}, "This service is not open to everyone"), el("p", {}, "Give the token you were given. It is kept until this tab is closed."),
    el("div.tools", {}, input, el("button.plain", { type: "button", onclick: use }, "Go on")));
}

export const waiting = (lines = 5) =>
  el("div.waiting", { "aria-hidden": "true" }, Array.from({ length: lines }, () => el("div.bone")));

/** The levels of a rating scale: from the ratings that occur, at most twenty steps. */
export function scaleOf(model) {
  if (!model.scale) return null;
  const [low, high] = model.scale;
  const seen = (model.rating_counts ?? []).map((one) => one.rating).sort((a, b) => a - b);
  const gaps = seen.slice(1).map((rating, at) => rating - seen[at]).filter((gap) => gap > 0);
  const step = gaps.length && gaps.length < 20 ? Math.min(...gaps) : (high - low) / 10;
  return { low, high, step, share: (rating) => (low >= 0 ? rating / high : (rating - low) / (high - low)) };
}

const STAR = "M12 2.6l2.9 5.9 6.5.9-4.7 4.6 1.1 6.5-5.8-3.1-5.8 3.1 1.1-6.5L2.6 9.4l6.5-.9z";
const row = (name) => el(`span.${name}`, { "aria-hidden": "true" }, Array.from({ length: 5 }, () => svg("svg", { viewBox: "0 0 24 24" }, svg("path", { d: STAR }))));

/** Five stars as a slider: click, or arrow keys and Enter. `guess` is drawn pale where nothing is set. */
export function stars({ scale, value = null, guess = null, label, onrate }) {
  const share = (rating) => `${Math.max(0, Math.min(1, scale.share(rating))) * 100}%`;
  const snap = (rating) => Math.max(scale.low, Math.min(scale.high, Math.round(rating / scale.step) * scale.step));
  const box = el("span.stars", { role: "slider", tabindex: 0, "aria-label": label, "aria-valuemin": scale.low, "aria-valuemax": scale.high },
    row("stars-back"), el("span.stars-front", { "aria-hidden": "true" }, row("stars-row")));
  let asked = null;
  const draw = () => {
    const shown = asked ?? value ?? guess;
    box.classList.toggle("guessed", asked === null && value === null);
    box.style.setProperty("--share", shown === null ? "0%" : share(shown));
    box.setAttribute("aria-valuenow", shown === null ? scale.low : +shown.toFixed(2));
    box.setAttribute("aria-valuetext", asked !== null || value !== null ? `${short(asked ?? value)} of ${short(scale.high)}` : guess !== null ? `not rated, ${short(guess)} predicted` : "not rated");
  };
  const at = (event) => {
    const { left, width } = box.getBoundingClientRect();
    const part = Math.max(0.001, Math.min(1, (event.clientX - left) / width));
    const rating = scale.low >= 0 ? part * scale.high : scale.low + part * (scale.high - scale.low);
    return snap(Math.ceil(rating / scale.step - 1e-9) * scale.step);
  };
  const rate = (rating) => { value = rating; asked = null; draw(); onrate(rating); };
  box.addEventListener("pointermove", (event) => { if (event.pointerType === "mouse") { asked = at(event); draw(); } });
  box.addEventListener("pointerleave", () => { asked = null; draw(); });
  box.addEventListener("click", (event) => rate(at(event)));
  box.addEventListener("blur", () => { if (asked !== null) rate(asked); });
  box.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 }[event.key];
    const from = asked ?? value ?? guess ?? scale.low;
    if (step) asked = snap(from + step * scale.step);
    else if (event.key === "Home") asked = scale.low;
    else if (event.key === "End") asked = scale.high;
    else if ((event.key === "Enter" || event.key === " ") && from !== null) { event.preventDefault(); rate(snap(from)); return; }
    else if (event.key === "Escape") asked = null;
    else return;
    event.preventDefault();
    draw();
  });
  draw();
  return box;
}

/** A search box with suggestions, as the ARIA combobox pattern has it. onpick(option) gets what `search` found. */
export function combobox({ label, placeholder, search = searchItems, name = nameOf, detail = about, onpick, keep = false, onempty }) {
  const list = unique("options");
  const input = el("input", { type: "search", role: "combobox", "aria-expanded": "false", "aria-controls": list, "aria-autocomplete": "list", "aria-label": label, placeholder: placeholder ?? label, autocomplete: "off", spellcheck: "false" });
  const options = el("ul.options", { id: list, role: "listbox", "aria-label": label, hidden: true });
  const note = el("p.options.none", { hidden: true });
  const box = el("div.search", {}, glass(), input, options, note);
  let found = [];
  let active = -1;
  const show = (open, message = "") => {
    options.hidden = !open;
    input.setAttribute("aria-expanded", String(open));
    note.hidden = !message;
    note.textContent = message;
    if (!open) { active = -1; input.removeAttribute("aria-activedescendant"); }
  };
  const move = (to, scroll = true) => {
    active = to;
    [...options.children].forEach((option, at) => option.setAttribute("aria-selected", String(at === active)));
    const one = options.children[active];
    if (one) { input.setAttribute("aria-activedescendant", one.id); if (scroll) one.scrollIntoView({ block: "nearest" }); }
  };
  const pick = (option) => {
    input.value = keep ? name(option) : "";
    show(false);
    onpick(option);
  };
  const ask = newest((error) => show(false, error.message));
  const look = () => ask((signal) => search(input.value.trim(), signal), (answer) => {
    found = answer;
    fill(options, found.map((option, at) => el("li", { id: `${list}-${at}`, role: "option", "aria-selected": "false", onmousedown: (event) => event.preventDefault(), onpointermove: () => { if (active !== at) move(at, false); }, onclick: () => pick(option) },
      el("span.option-name", {}, name(option)), el("span.option-detail", {}, detail(option)))));
    show(found.length > 0, found.length ? "" : `Nothing is called “${input.value.trim()}”.`);
    if (found.length) { move(0); say(`${found.length} found`); }
  });
  input.addEventListener("input", () => { if (!input.value && onempty) onempty(); look(); });
  input.addEventListener("focus", () => input.select());
  input.addEventListener("click", () => { if (options.hidden) look(); });
  input.addEventListener("blur", () => show(false));
  input.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown") { if (options.hidden) look(); else move((active + 1) % found.length); }
    else if (event.key === "ArrowUp" && !options.hidden) move((active - 1 + found.length) % found.length);
    else if (event.key === "Enter" && !options.hidden && active >= 0) pick(found[active]);
    else if (event.key === "Escape") { show(false); return; }
    else return;
    event.preventDefault();
  });
  box.input = input;
  return box;
}

export const searchItems = async (text, signal) => (await get("items", { query: text, k: 8 }, signal)).items;

function glass() {
  return svg("svg", { viewBox: "0 0 20 20", "aria-hidden": "true" }, svg("circle", { cx: 9, cy: 9, r: 5.5 }), svg("path", { d: "M13.2 13.2 17 17" }));
}

/** What a place or a prediction is owed to: [{id, title, loss}], of which those that helped are named. */
export function because(reasons) {
  const helped = (reasons ?? []).filter((one) => one.loss > 0);
  if (!helped.length) return null;
  return el("p.because", {}, "Because of ", helped.map((one, at) => [at ? ", " : "", el("b", { title: nameOf(one) }, brief(one)), el("span.loss", { title: "What the score would lose without it" }, ` +${one.loss < 0.01 ? one.loss.toPrecision(1) : one.loss.toFixed(2)}`)]));
}

/** A list of items with what stands at the end of each row. */
export const listed = (items, end, extra = () => null) =>
  el("ol.rows", {}, items.map((item, at) => el("li.row", {}, el("span.rank", {}, at + 1), el("div.what", {}, itemLink(item), el("p.under", {}, about(item)), extra(item)), end(item))));

export function meter(share, text, label) {
  return el("span.meter", { title: label }, el("span.meter-track", { "aria-hidden": "true" }, el("span.meter-fill", { "--share": `${Math.max(0, Math.min(1, share)) * 100}%` })), el("span.meter-text", {}, text));
}

export const section = (title, ...children) => el("section.card", {}, el("h2", {}, title), ...children);
