// Charts as SVG. Each has a sentence for screen readers, and a table of its numbers to open.

import { el, svg, unique } from "./dom.js";
import { count, fixed, short, t } from "./texts.js";

const W = 520;
const H = 220;
const PAD = { left: 44, right: 12, top: 12, bottom: 28 };

function figure(title, drawing, columns, rows) {
  return el("figure.chart", {}, drawing,
    el("details", {}, el("summary", {}, t("chart.numbers")), el("div.scroll", { tabindex: 0, role: "region", "aria-label": title },
      el("table", {}, el("thead", {}, el("tr", {}, columns.map((name) => el("th", { scope: "col" }, name)))),
        el("tbody", {}, rows.map((row) => el("tr", {}, row.map((cell) => el("td", {}, cell)))))))));
}

const canvas = (label, ...children) => svg("svg", { viewBox: `0 0 ${W} ${H}`, role: "img", "aria-label": label }, ...children);

function ticks(low, high, wanted = 4) {
  const raw = (high - low) / wanted || 1;
  const unit = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 2.5, 5, 10].map((factor) => factor * unit).find((size) => size >= raw);
  const values = [];
  for (let value = Math.ceil(low / step) * step; value <= high + step * 1e-6; value += step) values.push(+value.toPrecision(10));
  return values;
}

function gridlines(values, y, text) {
  return values.map((value) => svg("g", {},
    svg("line.grid", { x1: PAD.left, x2: W - PAD.right, y1: y(value), y2: y(value) }),
    svg("text.tick", { x: PAD.left - 8, y: y(value) + 4, "text-anchor": "end" }, text(value))));
}

/** counts: [{rating, count}]; mark: a rating to point out, such as one's own. */
export function histogram(counts, title, mark = null) {
  const most = Math.max(1, ...counts.map((bar) => bar.count));
  const slot = (W - PAD.left - PAD.right) / counts.length;
  const y = (value) => H - PAD.bottom - (value / most) * (H - PAD.top - PAD.bottom);
  const levels = ticks(0, most).filter((value) => Number.isInteger(value));
  const every = Math.ceil(counts.length / 12);
  const bars = counts.map((bar, index) => svg("g", {},
    svg(`rect.bar${bar.rating === mark ? ".marked" : ""}`, { x: PAD.left + index * slot + slot * 0.14, width: slot * 0.72, y: y(bar.count), height: Math.max(0, H - PAD.bottom - y(bar.count)), rx: 3 }, svg("title", {}, `${short(bar.rating)}: ${count(bar.count)}`)),
    index % every ? null : svg("text.tick", { x: PAD.left + (index + 0.5) * slot, y: H - 8, "text-anchor": "middle" }, short(bar.rating))));
  const top = counts.reduce((best, bar) => (bar.count > best.count ? bar : best), counts[0]);
  const label = t("chart.histogram", { title, rating: short(top.rating), count: count(top.count) });
  return figure(title, canvas(label, gridlines(levels, y, (value) => count(value)), bars),
    [t("chart.rating"), t("chart.users")], counts.map((bar) => [short(bar.rating), count(bar.count)]));
}

/** lines: [{name, values: [number or null, ...]}], one value for each epoch; best: the epoch whose model was kept. */
export function curves(epochs, lines, title, best = null) {
  const values = lines.flatMap((line) => line.values).filter(Number.isFinite);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const room = (high - low) * 0.06 || 0.1;
  const x = (epoch) => PAD.left + ((epoch - epochs[0]) / Math.max(1, epochs.at(-1) - epochs[0])) * (W - PAD.left - PAD.right);
  const y = (value) => H - PAD.bottom - ((value - low + room) / (high - low + 2 * room)) * (H - PAD.top - PAD.bottom);
  const levels = ticks(low, high);
  const digits = Math.max(...levels.map((level) => (String(level).split(".")[1] ?? "").length));
  const numbers = ticks(epochs[0], epochs.at(-1), 6).filter((epoch) => Number.isInteger(epoch))
    .map((epoch) => svg("text.tick", { x: x(epoch), y: H - 8, "text-anchor": "middle" }, epoch));
  const label = t("chart.curves", { title, n: count(epochs.length), lines: lines.map(range).join("; ") });
  const drawing = canvas(label, gridlines(levels, y, (value) => fixed(value, digits)), numbers,
    best === null ? null : bestEpoch(x(best), best > (epochs[0] + epochs.at(-1)) / 2),
    lines.map((line, index) => curve(line, index, epochs, x, y)));
  const key = el("p.key", {}, lines.map((line, index) => el(`span.key-${index}`, {}, el("i", { "aria-hidden": "true" }), line.name)));
  const chart = figure(title, drawing, [t("chart.epoch"), ...lines.map((line) => line.name)],
    epochs.map((epoch, index) => [epoch, ...lines.map((line) => (Number.isFinite(line.values[index]) ? fixed(line.values[index], 4) : "–"))]));
  chart.prepend(key);
  chart.id = unique("curves");
  return chart;
}

function range({ name, values }) {
  const known = values.filter(Number.isFinite);
  return t("chart.line", { name, first: fixed(known[0], 3), last: fixed(known.at(-1), 3) });
}

function bestEpoch(x, isLate) {
  return svg("g", {}, svg("line.best-epoch", { x1: x, x2: x, y1: PAD.top, y2: H - PAD.bottom }),
    svg("text.tick", { x: x + (isLate ? -6 : 6), y: PAD.top + 10, "text-anchor": isLate ? "end" : "start" }, t("chart.best")));
}

function curve(line, index, epochs, x, y) {
  const points = epochs.map((epoch, place) => [epoch, line.values[place]]).filter(([, value]) => Number.isFinite(value));
  const path = points.map(([epoch, value], place) => `${place ? "L" : "M"}${x(epoch).toFixed(1)} ${y(value).toFixed(1)}`).join("");
  const dots = points.map(([epoch, value]) => svg("circle", { cx: x(epoch), cy: y(value), r: points.length > 40 ? 1.5 : 3 },
    svg("title", {}, t("chart.point", { name: line.name, epoch, value: fixed(value, 4) }))));
  return svg(`g.line.line-${index}`, {}, svg("path", { d: path }), dots);
}
