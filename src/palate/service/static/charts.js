// Charts as SVG. Each is a figure with a sentence for who can't see it, and its numbers as a table to open.

import { el, svg, unique } from "./dom.js";
import { count, short } from "./parts.js";

const W = 520;
const H = 220;
const PAD = { left: 44, right: 12, top: 12, bottom: 28 };

function figure(title, drawing, columns, rows) {
  return el("figure.chart", {}, drawing,
    el("details", {}, el("summary", {}, "Numbers"), el("div.scroll", { tabindex: 0, role: "region", "aria-label": title },
      el("table", {}, el("thead", {}, el("tr", {}, columns.map((name) => el("th", { scope: "col" }, name)))),
        el("tbody", {}, rows.map((row) => el("tr", {}, row.map((cell) => el("td", {}, cell)))))))));
}

const canvas = (title, ...children) => svg("svg", { viewBox: `0 0 ${W} ${H}`, role: "img", "aria-label": title }, ...children);

function ticks(low, high, wanted = 4) {
  const raw = (high - low) / wanted || 1;
  const unit = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 2.5, 5, 10].map((one) => one * unit).find((one) => one >= raw);
  const found = [];
  for (let at = Math.ceil(low / step) * step; at <= high + step * 1e-6; at += step) found.push(+at.toPrecision(10));
  return found;
}

function gridlines(values, y, text) {
  return values.map((value) => svg("g", {},
    svg("line.grid", { x1: PAD.left, x2: W - PAD.right, y1: y(value), y2: y(value) }),
    svg("text.tick", { x: PAD.left - 8, y: y(value) + 4, "text-anchor": "end" }, text(value))));
}

/** counts: [{rating, count}]; mark: a rating to point out, such as one's own. */
export function histogram(counts, title, mark = null) {
  const most = Math.max(1, ...counts.map((one) => one.count));
  const slot = (W - PAD.left - PAD.right) / counts.length;
  const y = (value) => H - PAD.bottom - (value / most) * (H - PAD.top - PAD.bottom);
  const whole = ticks(0, most).filter((value) => Number.isInteger(value));
  const every = Math.ceil(counts.length / 12);
  const bars = counts.map((one, at) => svg("g", {},
    svg(`rect.bar${one.rating === mark ? ".marked" : ""}`, { x: PAD.left + at * slot + slot * 0.14, width: slot * 0.72, y: y(one.count), height: Math.max(0, H - PAD.bottom - y(one.count)), rx: 3 }, svg("title", {}, `${short(one.rating)}: ${count(one.count)}`)),
    at % every ? null : svg("text.tick", { x: PAD.left + (at + 0.5) * slot, y: H - 8, "text-anchor": "middle" }, short(one.rating))));
  const top = counts.reduce((best, one) => (one.count > best.count ? one : best), counts[0]);
  return figure(title, canvas(`${title}: the most common is ${short(top.rating)}, given ${count(top.count)} times`, gridlines(whole, y, (value) => count(value)), bars),
    ["Rating", "People"], counts.map((one) => [short(one.rating), count(one.count)]));
}

/** lines: [{name, values: [number or null, ...]}], one value for each epoch; best: the epoch kept. */
export function curves(epochs, lines, title, best = null) {
  const all = lines.flatMap((line) => line.values).filter(Number.isFinite);
  const [low, high] = [Math.min(...all), Math.max(...all)];
  const room = (high - low) * 0.06 || 0.1;
  const x = (epoch) => PAD.left + ((epoch - epochs[0]) / Math.max(1, epochs.at(-1) - epochs[0])) * (W - PAD.left - PAD.right);
  const y = (value) => H - PAD.bottom - ((value - low + room) / (high - low + 2 * room)) * (H - PAD.top - PAD.bottom);
  const marks = ticks(epochs[0], epochs.at(-1), 6).filter((one) => Number.isInteger(one));
  const levels = ticks(low, high);
  const digits = Math.max(...levels.map((level) => (String(level).split(".")[1] ?? "").length));
  const drawn = lines.map((line, number) => {
    const points = epochs.map((epoch, at) => [epoch, line.values[at]]).filter(([, value]) => Number.isFinite(value));
    const way = points.map(([epoch, value], at) => `${at ? "L" : "M"}${x(epoch).toFixed(1)} ${y(value).toFixed(1)}`).join("");
    return svg(`g.line.line-${number}`, {}, svg("path", { d: way }), points.map(([epoch, value]) => svg("circle", { cx: x(epoch), cy: y(value), r: points.length > 40 ? 1.5 : 3 }, svg("title", {}, `${line.name}, epoch ${epoch}: ${value.toFixed(4)}`))));
  });
  const kept = best === null ? null : svg("g", {}, svg("line.kept", { x1: x(best), x2: x(best), y1: PAD.top, y2: H - PAD.bottom }), svg("text.tick", { x: x(best) + (best > (epochs[0] + epochs.at(-1)) / 2 ? -6 : 6), y: PAD.top + 10, "text-anchor": best > (epochs[0] + epochs.at(-1)) / 2 ? "end" : "start" }, "kept"));
  const said = lines.map((line) => { const known = line.values.filter(Number.isFinite); return `${line.name} from ${known[0]?.toFixed(3)} to ${known.at(-1)?.toFixed(3)}`; }).join("; ");
  const drawing = canvas(`${title} over ${epochs.length} epochs: ${said}`, gridlines(levels, y, (value) => value.toFixed(digits)), marks.map((epoch) => svg("text.tick", { x: x(epoch), y: H - 8, "text-anchor": "middle" }, epoch)), kept, drawn);
  const key = el("p.key", {}, lines.map((line, number) => el(`span.key-${number}`, {}, el("i", { "aria-hidden": "true" }), line.name)));
  const found = figure(title, drawing, ["Epoch", ...lines.map((line) => line.name)], epochs.map((epoch, at) => [epoch, ...lines.map((line) => line.values[at]?.toFixed?.(4) ?? "–")]));
  found.prepend(key);
  found.id = unique("curves");
  return found;
}
