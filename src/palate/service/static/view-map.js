// The map, its legend, its search, and the same items as a list.

import { get, newest, path } from "./api.js";
import { combobox } from "./combobox.js";
import { el, fill, say } from "./dom.js";
import { ItemMap } from "./map.js";
import { empty, itemAddress, itemLink, nameOf } from "./parts.js";
import { count, t } from "./texts.js";

const LISTED = 40;
const NEIGHBOURS = 8;

export async function show(page, { served, query, current }) {
  if (!served.has_map) return void page.append(empty(t("map.none"), t("map.none_text")));
  const positions = await get("map");
  if (!current()) return null;
  const view = new MapView(page, served, positions);
  view.moved();
  const item = positions.items.find(({ id }) => String(id) === query.get("item"));
  if (item) view.select(item);
  return () => view.map.close();
}

class MapView {
  constructor(page, served, positions) {
    this.positions = positions;
    this.countKey = served.scale ? "count.ratings" : "count.events";
    this.list = el("ul.rows.compact.tall", { tabindex: 0, "aria-label": t("map.list") });
    this.title = el("h2");
    this.selected = el("div.picked", { "aria-live": "polite", hidden: true });
    this.search = combobox({ label: t("items.find"), keep: true, search: async (text) => this.find(text), onpick: (item) => this.select(item), onempty: () => this.deselect() });
    const tool = (label, text, work) => el("button.plain", { type: "button", "aria-label": label, title: label, onclick: work }, text);
    const tools = el("div.map-tools", {}, tool(t("map.zoom_in"), "+", () => this.map.zoomBy(1.6)), tool(t("map.zoom_out"), "−", () => this.map.zoomBy(1 / 1.6)), tool(t("map.show_all"), t("map.all_short"), () => this.map.reset()));
    const canvas = el("canvas", { tabindex: 0, role: "img", "aria-label": t("map.label", { n: count(positions.items.length) }) });
    const legend = el("fieldset.legend", {}, el("legend", {}, t(positions.categories.length ? "map.colours" : "map.items")));
    page.append(el("div.map-page", {}, el("div.stage", {}, canvas, tools, this.selected), el("aside.card.side", {}, this.search, legend, this.title, this.list)));
    this.map = new ItemMap(canvas, positions, { moved: () => this.moved(), picked: (item) => this.select(item) }, [tools, this.selected]);
    canvas.itemMap = this.map;
    this.requestNeighbours = newest(() => this.map.frameMarked());
    legend.append(...this.entries());
  }

  /** A checkbox for each colour of the map. */
  entries() {
    const off = new Set();
    const toggle = (index, checked) => {
      if (checked) off.delete(index);
      else off.add(index);
      this.map.hide(new Set(off));
    };
    return this.map.legend.map((entry, index) => el("label", {},
      el("input", { type: "checkbox", checked: true, onchange: (event) => toggle(index, event.target.checked) }),
      el("i", { "--dot": `var(${entry.colour})`, "aria-hidden": "true" }), el("span", {}, entry.name), el("span.under", {}, count(entry.count))));
  }

  moved() {
    const visible = this.map.inView();
    const n = visible.length;
    this.title.textContent = t(n === this.positions.items.length ? "map.all" : "map.in_view", { n: count(n) });
    const row = (item) => el("li.row", {}, el("button.link", { type: "button", onclick: () => this.select(item) }, nameOf(item)),
      el("a.quiet", { href: itemAddress(item.id), "aria-label": t("map.about", { item: nameOf(item) }) }, "›"));
    fill(this.list, visible.slice(0, LISTED).map(row), n > LISTED ? el("li.row.note", {}, t("map.more", { n: count(n - LISTED) })) : null);
  }

  select(item) {
    const neighbours = (signal) => get(path("items", String(item.id), "similar"), { k: NEIGHBOURS, min_ratings: Math.min(5, item.ratings) }, signal);
    this.map.highlight([item.id]);
    this.requestNeighbours(neighbours, ({ items }) => {
      this.map.highlight([item.id, ...items.map(({ id }) => id)]);
      this.map.frameMarked();
    });
    this.search.input.value = nameOf(item);
    history.replaceState(null, "", `#/map?item=${encodeURIComponent(item.id)}`);
    const category = item.category >= 0 ? this.positions.categories[item.category] : null;
    this.selected.hidden = false;
    fill(this.selected, itemLink(item), el("p.under", {}, [category, t(this.countKey, { n: count(item.ratings) })].filter(Boolean).join(" · ")), el("p.under", {}, t("map.rings")));
    say(t("map.selected", { item: nameOf(item) }));
  }

  deselect() {
    this.requestNeighbours(async () => null, () => {});
    this.map.highlight([]);
    this.selected.hidden = true;
  }

  /** The items of the map that have, for each word of the text, a word that begins with it; the most popular first. */
  find(text) {
    const words = folded(text).split(/\s+/).filter(Boolean);
    const matches = (item) => {
      const name = ` ${folded(nameOf(item))}`;
      return words.every((word) => name.includes(` ${word}`) || name.includes(`(${word}`));
    };
    const { categories } = this.positions;
    return this.map.items.filter(matches).slice(0, 8).map((item) => ({ ...item, categories: item.category >= 0 ? [categories[item.category]] : [] }));
  }
}

/** Without case and accents. */
const folded = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
