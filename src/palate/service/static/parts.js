// Parts that several views share: names, rows, and the states of no content, waiting and failure.

import { useToken } from "./api.js";
import { el } from "./dom.js";
import { count, parts, t } from "./texts.js";

export const nameOf = (item) => item.title ?? t("item.untitled", { id: item.id });
export const itemAddress = (id) => `#/items/${encodeURIComponent(id)}`;
export const itemLink = (item) => el("a", { href: itemAddress(item.id) }, nameOf(item));

/** A title without its year, shortened where it is long: for lines that name several. */
export function shortName(item) {
  const text = nameOf(item).replace(/\s*\((?:18|19|20)\d\d\)$/, "");
  return text.length > 30 ? `${text.slice(0, 28).trimEnd()}…` : text;
}

/** A line about an item: its year and categories, or the number of its users. */
export function facts(item) {
  const year = item.year && !nameOf(item).includes(`(${item.year})`) ? String(item.year) : null;
  return [year, ...(item.categories ?? []).slice(0, 3)].filter(Boolean).join(" · ") || t("count.users", { n: count(item.ratings ?? 0) });
}

export const empty = (title, text, ...more) => el("div.state", {}, el("p.state-title", {}, title), text && el("p", {}, text), ...more);

const TITLES = { unreachable: "error.unreachable", unknown_item: "error.unknown_item", unknown_user: "error.unknown_user" };

export function failure(error, again) {
  if (error.code === "unauthorized") return tokenForm(again);
  return el("div.state", { role: "alert" },
    el("p.state-title", {}, t(TITLES[error.code] ?? "error.other")),
    el("p", { lang: error.fromService ? "en" : null }, error.message),
    again && el("button.plain", { type: "button", onclick: again }, t("error.retry")));
}

function tokenForm(again) {
  const input = el("input.link", { type: "password", "aria-label": t("token.label"), autocomplete: "off" });
  const use = () => { useToken(input.value.trim()); again?.(); };
  input.addEventListener("keydown", (event) => { if (event.key === "Enter") use(); });
  return el("div.state", { role: "alert" }, el("p.state-title", {}, t("token.title")), el("p", {}, t("token.text")),
    el("div.tools", {}, input, el("button.plain", { type: "button", onclick: use }, t("token.use"))));
}

export const waiting = (lines = 5) =>
  el("div.waiting", { "aria-hidden": "true" }, Array.from({ length: lines }, () => el("div.bone")));

/** The reasons of a place or of a prediction: [{id, title, loss}], of which those that raise the score are named. */
export function because(reasons) {
  const helpful = (reasons ?? []).filter((reason) => reason.loss > 0);
  if (!helpful.length) return null;
  const items = helpful.map((reason, index) => [index ? ", " : "", el("b", { title: nameOf(reason) }, shortName(reason)),
    el("span.loss", { title: t("because.loss") }, ` +${reason.loss < 0.01 ? reason.loss.toPrecision(1) : reason.loss.toFixed(2)}`)]);
  return el("p.because", {}, parts("because.items", { items: items.flat() }));
}

/** A list of items; `end` makes what stands at the end of a row, `extra` a further line. */
export const listed = (items, end, extra = () => null) =>
  el("ol.rows", {}, items.map((item, index) => el("li.row", {}, el("span.rank", {}, index + 1), el("div.what", {}, itemLink(item), el("p.under", {}, facts(item)), extra(item)), end(item))));

export function meter(share, text, label) {
  return el("span.meter", { title: label }, el("span.meter-track", { "aria-hidden": "true" }, el("span.meter-fill", { "--share": `${Math.max(0, Math.min(1, share)) * 100}%` })), el("span.meter-text", {}, text));
}

export const section = (title, ...children) => el("section.card", {}, el("h2", {}, title), ...children);

/** A drop-down list of a filter: options are [value, text]. */
export const select = (label, options, value, onchange) =>
  el("label.field", {}, el("span", {}, label), el("select", { onchange }, options.map(([option, text]) => el("option", { value: option, selected: String(option) === String(value) }, text))));

/** The options of a filter by number of ratings or events. */
export const minimums = (numbers) => numbers.map((number) => [number, number ? t("filter.at_least", { n: count(number) }) : t("filter.no_minimum")]);
export const minimumLabel = (served) => t(served.scale ? "filter.min_ratings" : "filter.min_events");
