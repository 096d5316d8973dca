// Items: one item with its ratings, similar items and place on the map; or the most popular items.

import { get, path, post } from "./api.js";
import { histogram } from "./charts.js";
import { combobox } from "./combobox.js";
import { el, fill } from "./dom.js";
import { ItemMap } from "./map.js";
import { because, empty, failure, itemAddress, listed, meter, minimumLabel, minimums, nameOf, section, select, waiting } from "./parts.js";
import { scaleOf, stars } from "./stars.js";
import * as store from "./store.js";
import { count, fixed, percent, t } from "./texts.js";

const MOST_EXPLAINED = 20;  // up to so many ratings a prediction has its reasons
const LEVEL = 0.8;
const ON_MAP = 10_000;

export async function show(page, { served, id, current }) {
  page.append(el("div.narrow", {}, combobox({ label: t("items.find"), onpick: (item) => { location.hash = itemAddress(item.id); } })));
  if (id === null) return popular(page);
  const item = await get(path("items", id));
  if (!current()) return null;
  document.title = `${nameOf(item)} · ${t("page.title")}`;
  const similar = el("div", {}, waiting(8));
  const place = el("div.place");
  page.append(heading(item, served), el("div.two.even", {},
    el("div.stack", {}, ratings(item, served), served.has_map ? section(t("items.place"), place) : null),
    section(t("items.similar"), similar)));
  if (item.overview) page.append(section(t("items.about"), el("p", {}, item.overview)));
  drawSimilar(similar, item, served);
  return served.has_map ? drawPlace(place, item) : null;
}

async function popular(page) {
  const { items } = await get("items", { query: "", k: 20 });
  const end = (item) => (item.mean === null ? el("span.number", {}, t("count.users", { n: count(item.ratings) })) : el("span.number", { title: t("items.mean") }, fixed(item.mean, 2)));
  page.append(section(t("items.popular"), listed(items, end)));
}

function heading(item, served) {
  const scale = scaleOf(served);
  const own = el("div.yours");
  const prediction = el("div.under");
  if (scale) {
    const onrate = (rating) => { store.rate(item, rating); prediction.textContent = t("items.added"); };
    own.append(el("span", {}, t("items.your_rating")), stars({ scale, value: store.ratingOf(item.id), label: t("rate.label", { item: nameOf(item) }), onrate }), prediction);
  }
  if (served.predicts_ratings && scale && !store.isRated(item.id)) predict(item, served, prediction);
  const year = nameOf(item).includes(`(${item.year})`) ? null : item.year;
  const mean = item.mean === null ? null : t("items.mean_value", { value: fixed(item.mean, 2) });
  const line = [year, t("count.users", { n: count(item.ratings) }), mean].filter(Boolean).join(" · ");
  return el("header.title", {}, el("div", {}, el("h2.big", {}, nameOf(item)), el("p.facts", {}, line), el("p.tags", {}, (item.categories ?? []).map((name) => el("span.tag", {}, name)))), own);
}

async function predict(item, served, box) {
  const { ratings } = store.asBody(true);
  const interval = String(LEVEL) in (served.half_widths ?? {}) ? LEVEL : null;
  try {
    const { predictions: [{ rating, low, high }] } = await post("predictions", { user: null, ratings, items: [item.id], interval });
    if (store.isRated(item.id)) return;
    const key = `items.prediction${ratings.length ? "" : "_new"}${interval === null ? "" : "_interval"}`;
    const bounds = interval === null ? {} : { share: percent(LEVEL), low: fixed(low, 1), high: fixed(high, 1) };
    fill(box, t(key, { rating: fixed(rating, 1), ...bounds }));
    if (!ratings.length || ratings.length > MOST_EXPLAINED) return;
    const { reasons } = await post("explanations", { ratings, item: item.id, k: 2 });
    if (!store.isRated(item.id)) box.append(because(reasons) ?? "");
  } catch {
    // The page is of use without the prediction.
  }
}

function ratings(item, served) {
  if (!item.histogram?.length) return section(t("items.users"), el("p", {}, t("count.users", { n: count(item.ratings) })), el("p.note", {}, t("items.no_ratings")));
  const counts = new Map(item.histogram.map((bar) => [bar.rating, bar.count]));
  const levels = served.rating_counts.length <= 20 ? served.rating_counts.map(({ rating }) => ({ rating, count: counts.get(rating) ?? 0 })) : item.histogram;
  return section(t("items.ratings"), histogram(levels, t("items.ratings_of", { item: nameOf(item) }), store.ratingOf(item.id)));
}

function drawSimilar(box, item, served) {
  const numbers = [0, 5, 20, 50].filter((number) => number === 0 || number < served.users / 4);
  let minimum = numbers.includes(20) ? 20 : 0;
  const list = el("div", {}, waiting(8));
  const label = t(served.has_vectors ? "items.cosine_vectors" : "items.cosine_users");
  const request = async () => {
    try {
      const { items } = await get(path("items", String(item.id), "similar"), { k: 10, min_ratings: minimum });
      fill(list, items.length ? listed(items, ({ score }) => meter(score, fixed(score, 2), label)) : empty(t("items.none"), t("items.none_text")));
    } catch (error) {
      fill(list, failure(error, request));
    }
  };
  fill(box, select(minimumLabel(served), minimums(numbers), minimum, (event) => { minimum = event.target.value; request(); }), list);
  request();
}

function drawPlace(box, item) {
  if (!item.map) {
    fill(box, empty(t("items.off_map"), t("items.off_map_text", { n: count(ON_MAP) })));
    return null;
  }
  const canvas = el("canvas", { role: "img", "aria-label": t("items.map_label", { item: nameOf(item) }) });
  fill(box, canvas, el("p", {}, el("a", { href: `#/map?item=${encodeURIComponent(item.id)}` }, t("items.open_map"))));
  let map = null;
  get("map").then((positions) => {
    map = new ItemMap(canvas, positions, {});
    map.still = true;
    map.highlight([item.id]);
    map.lookAt(item.id, 6);
  }, (error) => fill(box, failure(error)));
  return () => map?.close();
}
