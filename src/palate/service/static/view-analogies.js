// Analogies: a - b + c, beside two lists made without the analogy.

import { get, newest, path, post } from "./api.js";
import { combobox } from "./combobox.js";
import { el, fill, say } from "./dom.js";
import { empty, failure, listed, meter, nameOf, waiting } from "./parts.js";
import { count, fixed, t } from "./texts.js";

const PLACES = [["c", "analogies.start"], ["a", "analogies.add"], ["b", "analogies.subtract"]];

export async function show(page, { served, query, current }) {
  if (!served.has_vectors) return void page.append(empty(t("analogies.no_vectors"), t("analogies.no_vectors_text", { name: served.name })));
  const view = new AnalogyView(page, served);
  await Promise.all(PLACES.filter(([name]) => query.get(name)).map(async ([name]) => {
    try { view.choose(name, await get(path("items", query.get(name)))); } catch { /* an unknown id leaves its place empty */ }
  }));
  if (current()) view.refresh();
}

class AnalogyView {
  constructor(page, served) {
    this.minimum = served.users >= 200 ? 20 : 0;
    this.items = { a: null, b: null, c: null };
    this.boxes = Object.fromEntries(PLACES.map(([name, key]) => [name, this.box(name, t(key))]));
    this.sum = el("p.sum", { "aria-live": "polite" });
    this.out = el("div");
    this.request = newest((error) => fill(this.out, failure(error, () => this.refresh())));
    page.append(
      el("div.intro", {}, el("p.lead", {}, t("analogies.lead"))),
      el("section.card", { "aria-label": t("nav.analogies") },
        el("div.three", {}, PLACES.map(([name, key]) => el("div.field", {}, el("span", {}, t(key)), this.boxes[name]))),
        el("div.tools", {}, this.sum, el("button.plain", { type: "button", onclick: () => this.pickAtRandom() }, t("analogies.pick")))),
      this.out);
  }

  box(name, label) {
    const set = (item) => { this.items[name] = item; this.refresh(); };
    return combobox({ label, placeholder: t("items.find"), keep: true, onpick: set, onempty: () => set(null) });
  }

  choose(name, item) {
    this.items[name] = item;
    this.boxes[name].input.value = nameOf(item);
  }

  async pickAtRandom() {
    const { items } = await get("items", { query: "", k: 60 });
    for (const [name] of PLACES) this.choose(name, items.splice(Math.floor(Math.random() * items.length), 1)[0]);
    this.refresh();
  }

  refresh() {
    const { a, b, c } = this.items;
    const fields = new URLSearchParams(Object.entries(this.items).filter(([, item]) => item).map(([name, item]) => [name, item.id]));
    history.replaceState(null, "", `#/analogies${fields.size ? `?${fields}` : ""}`);
    if (!a || !b || !c) {
      this.sum.textContent = "";
      return void fill(this.out, empty(t("analogies.choose"), t("analogies.choose_text")));
    }
    this.sum.textContent = `${nameOf(c)} + ${nameOf(a)} − ${nameOf(b)}`;
    fill(this.out, waiting(10));
    return this.request((signal) => post("analogies", { a: a.id, b: b.id, c: c.id, k: 10, min_ratings: this.minimum }, signal), (analogy) => this.draw(analogy, nameOf(c)));
  }

  /** start: the name of the item c. */
  draw(analogy, start) {
    const answer = new Set(analogy.answer.map((item) => item.id));
    const shared = (item) => (answer.has(item.id) ? el("p.because", {}, t("analogies.shared")) : null);
    const column = (title, text, items, extra) => el("section.card", {}, el("h2", {}, title), el("p.note", {}, text),
      listed(items, (item) => meter(item.score, fixed(item.score, 2), t("analogies.cosine")), extra));
    fill(this.out, verdict(analogy, start), el("div.three.lists", {},
      column(t("analogies.answer"), t("analogies.answer_text"), analogy.answer),
      column(t("analogies.alone", { item: start }), t("analogies.alone_text"), analogy.plain, shared),
      column(t("analogies.random"), t("analogies.random_text"), analogy.shuffled, shared)));
    say(analogy.answer.length ? t("analogies.first", { item: nameOf(analogy.answer[0]) }) : t("analogies.no_items"));
  }
}

function verdict(analogy, start) {
  const n = analogy.answer.length;
  const key = analogy.shared_plain >= n / 2 ? "analogies.mostly_start" : analogy.shared_shuffled >= n / 2 ? "analogies.mostly_random" : "analogies.own";
  const numbers = { n: count(n), item: start, alone: count(analogy.shared_plain), random: fixed(analogy.shared_shuffled, 1) };
  return el("p.verdict", {}, el("b", {}, t(key, { item: start })), " ", t("analogies.numbers", numbers));
}
