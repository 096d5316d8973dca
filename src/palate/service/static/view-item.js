// Items: one of them with who rated it how, its neighbours and its place; or the best known, to begin with.

import { get, path, post } from "./api.js";
import { histogram } from "./charts.js";
import { el, fill } from "./dom.js";
import { ItemMap } from "./map.js";
import { because, combobox, count, empty, failure, listed, meter, nameOf, people, scaleOf, section, short, stars, waiting } from "./parts.js";
import * as store from "./store.js";

const MOST_ASKED = 20;  // ratings up to which a prediction says what it is owed to

export async function show(page, { served, id, current }) {
  const search = combobox({ label: "Find an item", onpick: (item) => { location.hash = `#/items/${encodeURIComponent(item.id)}`; } });
  page.append(el("div.narrow", {}, search));
  if (id === null) return start(page);
  const item = await get(path("items", id));
  if (!current()) return;
  document.title = `${nameOf(item)} · Palate studio`;
  const scale = scaleOf(served);
  const near = el("div", {}, waiting(8));
  const place = el("div.place");
  page.append(heading(item, served, scale), el("div.two.even", {},
    el("div.stack", {}, ratings(item, served), served.has_map ? section("Its place on the map", place) : null),
    section("Nearest to it", near)));
  const further = Object.entries(item).filter(([name, value]) => typeof value === "string" && !["id", "title"].includes(name) && value);
  if (further.length) page.append(section("About", ...further.map(([, value]) => el("p", {}, value))));
  neighbours(near, item, served);
  return served.has_map ? lay(place, item) : null;
}

async function start(page) {
  const { items } = await get("items", { query: "", k: 20 });
  page.append(section("The best known", listed(items, (item) => (item.mean === null ? el("span.number", {}, people(item.ratings)) : el("span.number", { title: "Mean rating" }, item.mean.toFixed(2))))));
}

function heading(item, served, scale) {
  const mine = el("div.yours");
  const predicted = el("div.under");
  if (scale) {
    mine.append(el("span", {}, "Your rating"), stars({ scale, value: store.ratingOf(item.id), label: `Rate ${nameOf(item)}`, onrate: (rating) => { store.rate(item, rating); predicted.textContent = "Added to your ratings."; } }), predicted);
  }
  if (served.predicts_ratings && scale && !store.isRated(item.id)) predict(item, served, predicted);
  const facts = [nameOf(item).includes(`(${item.year})`) ? null : item.year, people(item.ratings), item.mean === null ? null : `mean ${item.mean.toFixed(2)}`].filter(Boolean).join(" · ");
  return el("header.title", {}, el("div", {}, el("h2.big", {}, nameOf(item)), el("p.facts", {}, facts), el("p.tags", {}, (item.categories ?? []).map((one) => el("span.tag", {}, one)))), mine);
}

async function predict(item, served, box) {
  const { ratings } = store.asBody(true);
  const interval = "0.8" in (served.half_widths ?? {}) ? 0.8 : null;
  try {
    const { predictions: [{ rating, low, high }] } = await post("predictions", { user: null, ratings, items: [item.id], interval });
    if (store.isRated(item.id)) return;
    const around = interval === null ? "" : `, four times in five between ${low.toFixed(1)} and ${high.toFixed(1)}`;
    fill(box, `${ratings.length ? "For you" : "For a typical person"}: ${rating.toFixed(1)}${around}`);
    if (!ratings.length || ratings.length > MOST_ASKED) return;
    const { reasons } = await post("explanations", { ratings, item: item.id, k: 2 });
    if (!store.isRated(item.id)) box.append(because(reasons) ?? "");
  } catch {
    // What is missing here is beside the point of the page.
  }
}

function ratings(item, served) {
  if (!item.histogram?.length) return section("Who met it", el("p", {}, `${people(item.ratings)}. This table has no ratings to draw.`));
  const given = new Map(item.histogram.map((one) => [one.rating, one.count]));
  const levels = served.rating_counts.length <= 20 ? served.rating_counts.map(({ rating }) => ({ rating, count: given.get(rating) ?? 0 })) : item.histogram;
  return section("How it was rated", histogram(levels, `Ratings of ${nameOf(item)}`, store.ratingOf(item.id)));
}

async function neighbours(box, item, served) {
  const known = [0, 5, 20, 50].filter((least) => least === 0 || least < served.users / 4);
  const choice = el("select", { onchange: () => look() }, known.map((least) => el("option", { value: least }, least ? `${least} or more` : "anyone")));
  choice.value = String(known.includes(20) ? 20 : 0);
  const list = el("div", {}, waiting(8));
  fill(box, el("label.field", {}, el("span", {}, "Known by"), choice), list);
  const look = async () => {
    try {
      const { items } = await get(path("items", String(item.id), "similar"), { k: 10, min_ratings: choice.value });
      fill(list, items.length ? listed(items, (one) => meter(one.score, one.score.toFixed(2), served.has_vectors ? "Cosine of the two vectors" : "Cosine of who met the two")) : empty("None", "No other item is known by so many."));
    } catch (error) {
      fill(list, failure(error, look));
    }
  };
  look();
}

function lay(box, item) {
  if (!item.map) {
    fill(box, empty("Not on the map", `It holds the ${count(10_000)} best known.`));
    return null;
  }
  const canvas = el("canvas", { role: "img", "aria-label": `The map, with ${nameOf(item)} pointed out` });
  fill(box, canvas, el("p", {}, el("a", { href: `#/map?item=${encodeURIComponent(item.id)}` }, "Open the map here")));
  let map = null;
  get("map").then((found) => {
    map = new ItemMap(canvas, found, {});
    map.still = true;
    map.highlight([item.id]);
    map.lookAt(item.id, 6);
  }, (error) => fill(box, failure(error)));
  return () => map?.close();
}
