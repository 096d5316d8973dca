// What is served: how it was trained, and how good it was found beside simpler models.

import { curves, histogram } from "./charts.js";
import { el } from "./dom.js";
import { count, empty, section, short } from "./parts.js";

const LOWER = /^(rmse|mae)$/;

export async function show(page, { served }) {
  page.append(
    el("header.title", {}, el("div", {}, el("h2.big", {}, served.name), el("p.facts", {}, [served.title?.split(":")[0], served.trained && `written ${date(served.trained)}`, `Palate ${served.palate}`].filter(Boolean).join(" · ")))),
    tiles(served),
    measures(served),
    el("div.two.even", {}, losses(served), distribution(served)),
    el("div.two.even", {}, section("How it was trained", facts(training(served))), section("Settings", facts(Object.entries(served.settings ?? {})))));
  if (served.notes?.length) page.append(section("What the reading took and left out", el("ul.notes", {}, served.notes.map((note) => el("li", {}, note)))));
}

function tiles(served) {
  const tile = (number, label) => el("div.tile", {}, el("dd", {}, number), el("dt", {}, label));
  return el("dl.tiles", {}, tile(count(served.users), "people"), tile(count(served.items), "items"), tile(count(served.ratings), served.scale ? "ratings" : "events"),
    tile(`${(100 * (1 - served.sparsity)).toPrecision(2)} %`, "of all pairs known"), tile(bytes(served.size_bytes), "on disk"));
}

function measures(served) {
  const rows = [[served.name, served.metrics ?? {}], ...Object.entries(served.baselines ?? {})];
  const names = [...new Set(rows.flatMap(([, values]) => Object.keys(values)))].filter((name) => name !== "people");
  if (!names.length) return section("How good it is", empty("Nothing was measured", "No part of the table was held out to test on."));
  const best = (name) => { const values = rows.map(([, row]) => row[name]).filter(Number.isFinite); return LOWER.test(name) ? Math.min(...values) : Math.max(...values); };
  const cell = (row, name) => (Number.isFinite(row[name]) ? el(`td${row[name] === best(name) ? ".best" : ""}`, {}, row[name].toFixed(4)) : el("td", {}, "–"));
  return section("How good it is",
    el("p.note", {}, `On the test part, which no model has seen${served.metrics?.people ? `; lists of ${count(served.metrics.people)} people` : ""}. The best of each column is bold; rmse and mae are errors, so that less is better.`),
    el("div.scroll", { tabindex: 0, role: "region", "aria-label": "Metrics" }, el("table.measures", {}, el("thead", {}, el("tr", {}, el("th", { scope: "col" }, "model"), names.map((name) => el("th", { scope: "col" }, name)))),
      el("tbody", {}, rows.map(([model, values], at) => el("tr", {}, el("th", { scope: "row" }, model, at ? el("span.under", {}, " baseline") : null), names.map((name) => cell(values, name))))))),
    served.half_widths && Number.isFinite(served.half_widths["0.8"]) ? el("p.note", {}, `Four ratings in five lie within ${short(served.half_widths["0.8"], 2)}${served.knows_spread ? " standard deviations, which the model knows of each," : ""} of the prediction.`) : null);
}

const KINDS = [["train_loss", "training"], ["validation_loss", "validation"], ["test_loss", "test, only watched"]];

function losses(served) {
  const history = served.history ?? [];
  if (!history.length) return section("Learning", empty("No epochs", `The model “${served.name}” learns in one step.`));
  const epochs = history.map((record, at) => record.epoch ?? at + 1);
  const lines = KINDS.filter(([key]) => history.some((record) => Number.isFinite(record[key]))).map(([key, name]) => ({ name, values: history.map((record) => record[key] ?? null) }));
  const judged = history.map((record) => record.validation_loss).filter(Number.isFinite);
  const kept = judged.length === history.length ? epochs[judged.indexOf(Math.min(...judged))] : null;
  if (!lines.length) return section("Learning", empty("No losses", "None was recorded."));
  return section("Learning", curves(epochs, lines, "Loss", kept));
}

function distribution(served) {
  if (!served.rating_counts?.length) return section("Ratings", empty("No ratings", "This table says who met what, not how they liked it."));
  return section("Ratings", histogram(served.rating_counts, "All ratings"));
}

function training(served) {
  const split = Object.entries(served.split ?? {}).map(([name, value]) => [`split: ${name}`, value]);
  return [["seed", served.seed], ...split, ["scale", served.scale ? served.scale.map((one) => short(one)).join(" to ") : "no ratings"], ["fingerprint of the data", served.fingerprint]];
}

const facts = (pairs) => el("dl.facts-list", {}, pairs.filter(([, value]) => value !== null && value !== undefined && value !== "").map(([name, value]) => el("div", {}, el("dt", {}, name.replaceAll("_", " ")), el("dd", {}, typeof value === "object" ? JSON.stringify(value) : brief(String(value))))));

/** A long hash by its beginning. */
const brief = (text) => (/^[0-9a-f]{24,}$/.test(text) ? `${text.slice(0, 12)}…` : text);

const date = (text) => new Date(text).toLocaleDateString("en-GB", { day: "numeric", month: "long", year: "numeric" });

function bytes(size) {
  const units = ["bytes", "kB", "MB", "GB"];
  const at = Math.min(3, Math.floor(Math.log10(Math.max(1, size)) / 3));
  return `${short(size / 1000 ** at)} ${units[at]}`;
}
