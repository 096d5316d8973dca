// The served model: its table, its metrics beside those of simpler models, its training and settings.

import { curves, histogram } from "./charts.js";
import { el } from "./dom.js";
import { empty, section } from "./parts.js";
import { bytes, count, date, fixed, percent, short, t } from "./texts.js";

const ERRORS = /^(rmse|mae)$/;
const LEVEL = 0.8;

export async function show(page, { served }) {
  const facts = [served.title?.split(":")[0], served.trained && t("model.saved", { date: date(served.trained) }), t("model.version", { version: served.palate })];
  page.append(
    el("header.title", {}, el("div", {}, el("h2.big", {}, served.name), el("p.facts", {}, facts.filter(Boolean).join(" · ")))),
    tiles(served),
    metrics(served),
    el("div.two.even", {}, losses(served), distribution(served)),
    el("div.two.even", {}, section(t("model.training"), definitions(training(served))), section(t("model.settings"), definitions(Object.entries(served.settings ?? {}), true))));
  if (served.notes?.length) page.append(section(t("model.notes"), el("ul.notes", { lang: "en" }, served.notes.map((note) => el("li", {}, note)))));
}

function tiles(served) {
  const tile = (number, label) => el("div.tile", {}, el("dd", {}, number), el("dt", {}, label));
  return el("dl.tiles", {}, tile(count(served.users), t("model.users")), tile(count(served.items), t("model.items")),
    tile(count(served.ratings), t(served.scale ? "model.ratings" : "model.events")),
    tile(percent(1 - served.sparsity), t("model.density")), tile(bytes(served.size_bytes), t("model.size")));
}

function metrics(served) {
  const rows = [[served.name, served.metrics ?? {}], ...Object.entries(served.baselines ?? {})];
  const names = [...new Set(rows.flatMap(([, values]) => Object.keys(values)))].filter((name) => name !== "people");
  if (!names.length) return section(t("model.metrics"), empty(t("model.no_metrics"), t("model.no_metrics_text")));
  const best = (name) => {
    const values = rows.map(([, row]) => row[name]).filter(Number.isFinite);
    return ERRORS.test(name) ? Math.min(...values) : Math.max(...values);
  };
  const cell = (row, name) => (Number.isFinite(row[name]) ? el(`td${row[name] === best(name) ? ".best" : ""}`, {}, fixed(row[name], 4)) : el("td", {}, "–"));
  const header = (name, scope) => el("th", { scope }, name);
  const head = el("tr", {}, header(t("model.column"), "col"), names.map((name) => header(name, "col")));
  const body = rows.map(([model, values], index) => el("tr", {}, el("th", { scope: "row" }, model, index ? el("span.under", {}, ` ${t("model.baseline")}`) : null), names.map((name) => cell(values, name))));
  const users = served.metrics?.people;
  return section(t("model.metrics"),
    el("p.note", {}, t("model.metrics_text"), users ? ` ${t("model.metrics_users", { n: count(users) })}` : ""),
    el("div.scroll", { tabindex: 0, role: "region", "aria-label": t("model.metrics") }, el("table.measures", {}, el("thead", {}, head), el("tbody", {}, body))),
    interval(served));
}

function interval(served) {
  const width = served.half_widths?.[LEVEL];
  if (!Number.isFinite(width)) return null;
  return el("p.note", {}, t(served.knows_spread ? "model.interval_spread" : "model.interval", { share: percent(LEVEL), width: short(width, 2) }));
}

const LOSSES = [["train_loss", "model.train_loss"], ["validation_loss", "model.validation_loss"], ["test_loss", "model.test_loss"]];

function losses(served) {
  const title = t("model.curves");
  const history = served.history ?? [];
  if (!history.length) return section(title, empty(t("model.no_epochs"), t("model.no_epochs_text", { name: served.name })));
  const epochs = history.map((record, index) => record.epoch ?? index + 1);
  const lines = LOSSES.filter(([name]) => history.some((record) => Number.isFinite(record[name])))
    .map(([name, key]) => ({ name: t(key), values: history.map((record) => record[name] ?? null) }));
  if (!lines.length) return section(title, empty(t("model.no_losses"), t("model.no_losses_text")));
  const validation = history.map((record) => record.validation_loss).filter(Number.isFinite);
  const best = validation.length === history.length ? epochs[validation.indexOf(Math.min(...validation))] : null;
  return section(title, curves(epochs, lines, t("model.loss"), best));
}

function distribution(served) {
  const title = t("model.distribution");
  if (!served.rating_counts?.length) return section(title, empty(t("model.no_ratings"), t("model.no_ratings_text")));
  return section(title, histogram(served.rating_counts, t("model.all_ratings")));
}

function training(served) {
  const split = Object.entries(served.split ?? {}).map(([name, value]) => [t("model.split", { name }), value]);
  const scale = served.scale ? t("model.scale_value", { low: short(served.scale[0]), high: short(served.scale[1]) }) : t("model.scale_none");
  return [[t("model.seed"), served.seed], ...split, [t("model.scale"), scale], [t("model.fingerprint"), served.fingerprint]];
}

/** Pairs as a list; code: whether the names are those of settings. */
function definitions(pairs, code = false) {
  const term = (name) => (code ? el("code", {}, name) : name);
  const text = (value) => (typeof value === "object" ? JSON.stringify(value) : shortHash(String(value)));
  const known = pairs.filter(([, value]) => value !== null && value !== undefined && value !== "");
  return el("dl.facts-list", {}, known.map(([name, value]) => el("div", {}, el("dt", {}, term(name)), el("dd", {}, text(value)))));
}

/** A long hash by its beginning. */
const shortHash = (text) => (/^[0-9a-f]{24,}$/.test(text) ? `${text.slice(0, 12)}…` : text);
