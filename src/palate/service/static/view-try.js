// Try it: rate a few items, or choose a user of the table, and the recommendations beside them follow.

import { get, newest, path, post } from "./api.js";
import { el, fill, reducedMotion, say } from "./dom.js";
import { RatingsPanel } from "./panel-ratings.js";
import { UserPanel } from "./panel-user.js";
import { because, empty, failure, itemLink, listed, minimumLabel, minimums, nameOf, select, waiting } from "./parts.js";
import { scaleOf } from "./stars.js";
import * as store from "./store.js";
import { count, short, t } from "./texts.js";

const K = 10;
const REASONS = 2;
const WITH_LIST = 20;  // up to so many ratings the reasons come with the list: each rating is another question to the model
const AFTER_LIST = 200;  // up to so many they follow the list
const KNOWN = 20;  // from this minimum on, a list of a rating model needs no note

export async function show(page, { served, query, current }) {
  const view = new TryView(page, served, query);
  const link = query.get("rate");
  if (link) {
    const unknown = await store.fromText(link, view.scale);
    if (!current()) return null;
    if (unknown.length) page.prepend(el("p.note", { role: "status" }, t("try.unknown_items", { ids: unknown.join(", ") })));
  }
  view.start();
  const undo = (event) => {
    if (!(event.ctrlKey || event.metaKey) || event.key !== "z" || event.target.value || view.user !== null) return;
    event.preventDefault();
    view.own.undo();
  };
  addEventListener("keydown", undo);
  return () => removeEventListener("keydown", undo);
}

class TryView {
  constructor(page, served, query) {
    this.served = served;
    this.scale = scaleOf(served);
    this.user = query.get("user");  // null for your own ratings, "" while no user is chosen
    this.filters = { min_ratings: query.get("min") ?? usualMinimum(served), category: query.get("category") ?? "", diversity: query.get("variety") ?? "0" };
    this.hidden = [];
    this.left = el("section.card.mine", { "aria-label": t("try.ratings") });
    this.own = new RatingsPanel(this.left, this.scale, () => this.refresh());
    this.other = new UserPanel(this.left, served, (id) => { this.user = id; this.drawLeft(); this.refresh(); });
    this.list = el("div.list");
    this.note = el("p.note", { hidden: true });
    this.busy = el("span.busy", { "aria-hidden": "true" });
    const right = el("section.card.theirs", { "aria-label": t("try.list") }, el("div.head", {}, el("h2", {}, t("try.list")), this.busy, copyButton(() => this.address())), this.controls(), this.note, this.list);
    page.append(intro(served, this.scale), this.modes(), el("div.two", {}, this.left, right));
    this.requestList = newest((error) => { this.setBusy(false); fill(this.list, failure(error, () => this.refresh())); });
    this.requestReasons = newest(() => {});
  }

  start() {
    fill(this.list, waiting(K));
    this.drawLeft();
    if (this.user === "") this.drawNobody();
    else this.refresh();
  }

  setBusy(isBusy) { this.busy.classList.toggle("on", isBusy); }

  drawLeft() {
    if (this.user === null) this.own.draw();
    else this.other.draw(this.user);
  }

  address() {
    const { user, filters } = this;
    const fields = new URLSearchParams();
    if (user !== null) fields.set("user", user);
    if (Number(filters.min_ratings) !== usualMinimum(this.served)) fields.set("min", filters.min_ratings);
    if (filters.category) fields.set("category", filters.category);
    if (Number(filters.diversity)) fields.set("variety", filters.diversity);
    const ratings = user === null && store.ratings().length ? `rate=${store.asText()}` : "";
    const text = [fields.toString(), ratings].filter(Boolean).join("&");
    return `#/try${text && `?${text}`}`;
  }

  refresh() {
    history.replaceState(null, "", this.address());
    this.setBusy(true);
    const { user } = this;
    const { min_ratings, diversity, category } = this.filters;
    const filters = { k: K, min_ratings: Number(min_ratings), diversity: Number(diversity), category: category || undefined, exclude: [...this.hidden] };
    const request = (explain) => (signal) => user !== null
      ? get(path("users", user, "recommendations"), { ...filters, explain }, signal)
      : post("recommendations", { ...store.asBody(this.scale), ...filters, explain }, signal);
    const together = user === null && store.ratings().length <= WITH_LIST;
    this.requestReasons(async () => null, () => {});
    this.requestList(request(together ? REASONS : 0), (response) => {
      this.drawList(response);
      if (!together) this.requestReasons((signal) => this.reasons(user, request(REASONS), signal), (list) => list && this.drawReasons(list));
    });
  }

  /** The list again with its reasons, unless there are too many ratings. */
  async reasons(user, request, signal) {
    const n = user === null ? store.ratings().length : await countOf(user, signal);
    if (n <= AFTER_LIST) return request(signal);
    this.note.hidden = false;
    this.note.textContent = t("try.no_reasons", { n: count(AFTER_LIST) });
    return null;
  }

  drawReasons(response) {
    const rows = new Map(this.rows().map((row) => [row.querySelector("a").getAttribute("href"), row.querySelector(".what")]));
    for (const item of response.items) {
      const what = rows.get(itemLink(item).getAttribute("href"));
      if (what && !what.querySelector(".because")) what.append(because(item.because) ?? "");
    }
  }

  rows() { return [...this.list.querySelectorAll(".row")]; }

  drawList({ items, note }) {
    this.setBusy(false);
    this.note.hidden = !note || Number(this.filters.min_ratings) >= KNOWN;
    this.note.textContent = notes(note, this.served);
    if (!items.length) return void fill(this.list, empty(t("try.empty"), t("try.empty_text")));
    const tops = new Map(this.rows().map((row) => [row.querySelector("a").href, row.getBoundingClientRect().top]));
    const focused = this.rows().indexOf(document.activeElement.closest(".row"));
    fill(this.list, listed(items, (item) => el("div.end", {}, this.end(item), this.cross(item)), (item) => because(item.because)));
    this.glide(tops);
    if (focused >= 0) this.rows().at(Math.min(focused, items.length - 1))?.querySelector(".stars, button").focus({ preventScroll: true });
    say(t("try.changed", { item: nameOf(items[0]) }));
  }

  /** The predicted rating, and for your own list stars to rate with. */
  end(item) {
    const prediction = item.rating === null ? null : el("span.number", { title: t("rate.predicted") }, short(item.rating));
    return this.user === null ? [prediction, this.own.input(item, item.rating)] : prediction;
  }

  cross(item) {
    return el("button.quiet.cross", { type: "button", "aria-label": t("try.hide_label", { item: nameOf(item) }), title: t("try.hide"), onclick: () => { this.hidden.push(item.id); this.refresh(); } }, "×");
  }

  modes() {
    const mode = (text, user) => el("button", { type: "button", "aria-pressed": String((this.user === null) === (user === null)), onclick: () => this.choose(user) }, text);
    this.modeButtons = [mode(t("try.own"), null), mode(t("try.user"), "")];
    return el("div.modes", { role: "group", "aria-label": t("try.modes") }, this.modeButtons);
  }

  choose(user) {
    this.user = user;
    this.hidden = [];
    this.modeButtons.forEach((button, index) => button.setAttribute("aria-pressed", String((index === 0) === (user === null))));
    this.drawLeft();
    if (user !== "") this.refresh();
    else this.requestList(async () => null, () => this.drawNobody());
  }

  drawNobody() {
    this.setBusy(false);
    this.note.hidden = true;
    fill(this.list, empty(t("try.choose"), t("try.choose_text")));
  }

  controls() {
    const { served, filters } = this;
    const change = (name) => (event) => { filters[name] = event.target.value; this.refresh(); };
    const numbers = [0, 5, 20, 50, 100, 500].filter((number) => number === 0 || number < served.users / 2 || String(number) === String(filters.min_ratings));
    return el("div.filters", {},
      select(minimumLabel(served), minimums(numbers), filters.min_ratings, change("min_ratings")),
      served.categories?.length ? select(t("filter.category"), [["", t("filter.any_category")], ...served.categories.map((name) => [name, name])], filters.category, change("category")) : null,
      el("label.field", {}, el("span", {}, t("filter.diversity")), el("input", { type: "range", min: 0, max: 0.9, step: 0.1, value: filters.diversity, onchange: change("diversity") })));
  }

  /** Let rows glide to their new places; tops: the places before, by address of the item. */
  glide(tops) {
    if (reducedMotion() || !tops.size) return;
    for (const row of this.rows()) {
      const from = tops.get(row.querySelector("a").href);
      const frames = from === undefined ? [{ opacity: 0 }, { opacity: 1 }] : [{ transform: `translateY(${from - row.getBoundingClientRect().top}px)` }, { transform: "none" }];
      row.animate(frames, { duration: 220, easing: "cubic-bezier(.2,.7,.2,1)" });
    }
  }
}

/** The notes of a list in the page's language; the service sends them in English. */
function notes(note, served) {
  const [, tried, total] = /([\d,]+) of ([\d,]+)/.exec(note ?? "") ?? [];
  return [served.predicts_ratings && t("try.ranks_poorly"), tried && t("try.some_reasons", { tried, total })].filter(Boolean).join(" ");
}

async function countOf(user, signal) {
  const { users } = await get("users", { query: user, k: 100 }, signal);
  return users.find(({ id }) => String(id) === user)?.ratings ?? Infinity;
}

/** A rating model puts rarely rated items first, so that a large table starts with items that many users rated. */
const usualMinimum = (served) => (served.predicts_ratings && served.users >= 200 ? KNOWN : 0);

function intro(served, scale) {
  const counts = [["count.items", served.items], ["count.users", served.users], [scale ? "count.ratings" : "count.events", served.ratings]];
  return el("div.intro", {}, el("p.lead", {}, t(scale ? "try.lead_ratings" : "try.lead_likes")), el("p.facts", {}, counts.map(([key, n]) => t(key, { n: count(n) })).join(" · ")));
}

function copyButton(address) {
  const button = el("button.quiet", { type: "button" }, t("try.copy"));
  button.addEventListener("click", async () => {
    const link = new URL(address(), location.href).href;
    try {
      await navigator.clipboard.writeText(link);
      button.textContent = t("try.copied");
      say(t("try.copied_text"));
    } catch {
      const box = el("input.link", { readonly: true, value: link, "aria-label": t("try.link") });
      button.replaceWith(box);
      box.select();
      return;
    }
    setTimeout(() => { button.textContent = t("try.copy"); }, 1500);
  });
  return button;
}
