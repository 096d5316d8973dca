// The map, its legend, its search, and the same items as a list.

import { get, newest, path } from "./api.js";
import { el, fill, say } from "./dom.js";
import { ItemMap } from "./map.js";
import { combobox, count, empty, itemLink, nameOf } from "./parts.js";

const LISTED = 40;
const NEIGHBOURS = 8;

export async function show(page, { served, query, current }) {
  if (!served.has_map) return void page.append(empty("No map", `A map is drawn from item vectors when a model is trained, and this one has none: it was saved by an older Palate, or “${served.name}” has no vectors. Train mf or history for one.`));
  const found = await get("map");
  if (!current()) return null;
  const canvas = el("canvas", { tabindex: 0, role: "img", "aria-label": `Map of ${count(found.items.length)} items. Arrow keys move, plus and minus zoom, 0 shows all. The list beside it has the same items.` });
  const list = el("ul.rows.compact.tall", { tabindex: 0, "aria-label": "Items in view" });
  const title = el("h2");
  const picked = el("div.picked", { "aria-live": "polite", hidden: true });
  const search = combobox({ label: "Point out an item", keep: true, search: async (text) => local(text), onpick: point, onempty: () => { askNear(async () => null, () => {}); map.highlight([]); picked.hidden = true; } });
  const tool = (label, sign, work) => el("button.plain", { type: "button", "aria-label": label, title: label, onclick: work }, sign);
  const tools = el("div.map-tools", {}, tool("Zoom in", "+", () => map.zoomBy(1.6)), tool("Zoom out", "−", () => map.zoomBy(1 / 1.6)), tool("Show all", "All", () => map.reset()));
  const legend = el("fieldset.legend", {}, el("legend", {}, found.categories.length ? "Colour: category" : "Items"));
  page.append(el("div.map-page", {}, el("div.stage", {}, canvas, tools, picked), el("aside.card.side", {}, search, legend, title, list)));

  const map = new ItemMap(canvas, found, { moved, picked: point }, [tools, picked]);
  canvas.itemMap = map;
  const askNear = newest(() => map.frameMarked());
  const off = new Set();
  legend.append(...map.legend.map((entry, at) => el("label", {}, el("input", { type: "checkbox", checked: true, onchange: (event) => { if (event.target.checked) off.delete(at); else off.add(at); map.hide(new Set(off)); } }), el("i", { "--dot": `var(${entry.colour})`, "aria-hidden": "true" }), el("span", {}, entry.name), el("span.under", {}, count(entry.count)))));
  moved();
  const wanted = found.items.find((item) => String(item.id) === query.get("item"));
  if (wanted) point(wanted);
  return () => map.close();

  function moved() {
    const seen = map.inView();
    title.textContent = seen.length === found.items.length ? `All ${count(seen.length)}` : `${count(seen.length)} in view`;
    fill(list, seen.slice(0, LISTED).map((item) => el("li.row", {}, el("button.link", { type: "button", onclick: () => point(item) }, nameOf(item)), el("a.quiet", { href: `#/items/${encodeURIComponent(item.id)}`, "aria-label": `About ${nameOf(item)}` }, "›"))),
      seen.length > LISTED ? el("li.row.note", {}, `and ${count(seen.length - LISTED)} less known: zoom in`) : null);
  }

  function point(item) {
    map.highlight([item.id]);
    askNear((signal) => get(path("items", String(item.id), "similar"), { k: NEIGHBOURS, min_ratings: Math.min(5, item.ratings) }, signal), (near) => { map.highlight([item.id, ...near.items.map((one) => one.id)]); map.frameMarked(); });
    search.input.value = nameOf(item);
    history.replaceState(null, "", `#/map?item=${encodeURIComponent(item.id)}`);
    picked.hidden = false;
    const kind = item.category >= 0 ? found.categories[item.category] : null;
    fill(picked, itemLink(item), el("p.under", {}, [kind, `${count(item.ratings)} ratings`].filter(Boolean).join(" · ")), el("p.under", {}, "Thin rings: the nearest by vector."));
    say(`${nameOf(item)} is pointed out`);
  }

  /** Of the items on the map, those with a word that begins so; the best known first. */
  function local(text) {
    const words = plain(text).split(/\s+/).filter(Boolean);
    const fits = (item) => { const name = ` ${plain(nameOf(item))}`; return words.every((word) => name.includes(` ${word}`) || name.includes(`(${word}`)); };
    return map.items.filter(fits).slice(0, 8).map((item) => ({ ...item, categories: item.category >= 0 ? [found.categories[item.category]] : [] }));
  }
}

const plain = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
