// The map of items on a canvas: zoom, pan, marked items, and names where there is room.

import { reducedMotion } from "./dom.js";
import { listen } from "./gestures.js";
import { nameOf } from "./parts.js";
import { t } from "./texts.js";

export const COLOURS = 8;
const CLOSEST = 400;
const LABELS = 36;
const REACH = 14;

export class ItemMap {
  /** positions: the response of /v1/map; callbacks: {moved(), picked(item)}; over: elements that lie on the canvas. */
  constructor(canvas, positions, callbacks, over = []) {
    this.over = over;
    this.canvas = canvas;
    this.pen = canvas.getContext("2d");
    this.callbacks = callbacks;
    this.items = [...positions.items].sort((a, b) => b.ratings - a.ratings);  // the most popular items are named first
    const most = Math.max(1, this.items[0]?.ratings ?? 1);
    this.radii = Float32Array.from(this.items, (item) => 1.1 + 3.6 * Math.sqrt(item.ratings / most));
    this.at = new Map(this.items.map((item, index) => [item.id, index]));
    this.legend = legend(positions);
    this.colour = Uint8Array.from(this.items, (item) => this.legend.findIndex((entry) => entry.holds(item.category)));
    const [left, right, top, bottom] = ["x", "y"].flatMap((axis) => { const all = this.items.map((item) => item[axis]); return [Math.min(...all), Math.max(...all)]; });
    this.middle = { x: (left + right) / 2, y: (top + bottom) / 2 };
    this.spread = { x: Math.max(0.01, right - left), y: Math.max(0.01, bottom - top) };
    this.hidden = new Set();
    this.marked = new Set();
    this.pointed = null;
    this.still = false;
    this.widths = new Map();
    this.frames = [];
    this.resized = new ResizeObserver(() => this.resize());
    this.resized.observe(canvas);
    this.restyle = () => { this.paint(); this.ask(); };
    addEventListener("theme", this.restyle);
    this.dark = matchMedia("(prefers-color-scheme: dark)");
    this.dark.addEventListener("change", this.restyle);
    listen(this);
    this.paint();
    this.resize();
    this.reset(false);
  }

  close() {
    this.resized.disconnect();
    removeEventListener("theme", this.restyle);
    this.dark.removeEventListener("change", this.restyle);
    cancelAnimationFrame(this.frame);
    cancelAnimationFrame(this.flying);
  }

  /** Read colours and font from the style sheet. */
  paint() {
    const style = getComputedStyle(this.canvas);
    const read = (name) => style.getPropertyValue(name).trim();
    this.fills = this.legend.map((entry) => read(entry.colour));
    [this.ink, this.ground, this.accent] = ["--ink", "--ground", "--accent"].map(read);
    this.font = `12px ${style.fontFamily}`;
    this.widths.clear();
  }

  resize() {
    const { canvas } = this;
    const { clientWidth, clientHeight } = canvas;
    const dense = Math.min(2, devicePixelRatio || 1);
    const whole = this.fit;
    [this.width, this.height, this.dense] = [clientWidth, clientHeight, dense];
    canvas.width = Math.round(clientWidth * dense);
    canvas.height = Math.round(clientHeight * dense);
    this.fit = Math.max(1, 0.92 * Math.min(clientWidth / this.spread.x, clientHeight / this.spread.y));
    if (whole && this.scale) this.scale *= this.fit / whole;
    this.ask();
  }

  get zoom() { return this.scale / this.fit; }
  screenX(item) { return (item.x - this.x) * this.scale + this.width / 2; }
  screenY(item) { return (item.y - this.y) * this.scale + this.height / 2; }

  reset(glide = true) { this.fly({ ...this.middle, scale: this.fit }, glide); }

  /** Move an item to the middle, with at least this zoom. */
  lookAt(id, zoom, glide = false) {
    const item = this.items[this.at.get(id)];
    if (item) this.fly({ x: item.x, y: item.y, scale: Math.max(this.scale, this.fit * zoom) }, glide);
    return item;
  }

  /** Zoom so that half of the marked items are within a fifth of the window around the first. */
  frameMarked() {
    const [first, ...rest] = [...this.marked].map((index) => this.items[index]);
    const away = rest.map((item) => Math.hypot(item.x - first.x, item.y - first.y)).sort((a, b) => a - b);
    const middle = away[Math.floor(away.length / 2)] ?? 0.2;
    this.fly({ x: first.x, y: first.y, scale: clamp((0.2 * Math.min(this.width, this.height)) / Math.max(middle, 1e-4), this.fit * 2, this.fit * CLOSEST) }, true);
  }

  /** Draw rings around items, a bold one around the first. */
  highlight(ids) {
    this.marked = new Set(ids.map((id) => this.at.get(id)).filter((index) => index !== undefined));
    this.ask();
  }

  hide(entries) {
    this.hidden = entries;
    this.ask();
    this.callbacks.moved?.();
  }

  pan(dx, dy) {
    this.x = clamp(this.x - dx / this.scale, -1.2, 1.2);
    this.y = clamp(this.y - dy / this.scale, -1.2, 1.2);
    this.changed();
  }

  zoomBy(factor, atX = this.width / 2, atY = this.height / 2) {
    const to = clamp(this.scale * factor, this.fit * 0.7, this.fit * CLOSEST);
    const keep = 1 / this.scale - 1 / to;
    this.x = clamp(this.x + (atX - this.width / 2) * keep, -1.2, 1.2);
    this.y = clamp(this.y + (atY - this.height / 2) * keep, -1.2, 1.2);
    this.scale = to;
    this.changed();
  }

  fly(to, glide) {
    cancelAnimationFrame(this.flying);
    const from = { x: this.x ?? 0, y: this.y ?? 0, scale: this.scale ?? this.fit };
    if (!glide || reducedMotion()) {
      Object.assign(this, to);
      return this.changed();
    }
    const start = performance.now();
    const step = (now) => {
      const part = Math.min(1, Math.max(0, now - start) / 450);
      const eased = 1 - (1 - part) ** 3;
      this.scale = from.scale * (to.scale / from.scale) ** eased;
      this.x = from.x + (to.x - from.x) * eased;
      this.y = from.y + (to.y - from.y) * eased;
      this.changed();
      if (part < 1) this.flying = requestAnimationFrame(step);
    };
    this.flying = requestAnimationFrame(step);
  }

  changed() {
    this.ask();
    clearTimeout(this.settled);
    this.settled = setTimeout(() => this.callbacks.moved?.(), 120);
  }

  ask() {
    this.frame ??= requestAnimationFrame(() => { this.frame = undefined; this.draw(); });
  }

  /** The items inside the window, the most popular first. */
  inView() {
    return this.items.filter((_, index) => this.shows(index));
  }

  shows(index, room = 0) {
    if (this.hidden.has(this.colour[index])) return false;
    const x = this.screenX(this.items[index]);
    const y = this.screenY(this.items[index]);
    return x >= -room && y >= -room && x <= this.width + room && y <= this.height + room;
  }

  draw() {
    const { pen, dense } = this;
    if (!this.width) return;
    const began = performance.now();
    pen.setTransform(dense, 0, 0, dense, 0, 0);
    pen.clearRect(0, 0, this.width, this.height);
    const seen = [];
    for (let index = this.items.length - 1; index >= 0; index--) if (this.shows(index, 12)) seen.push(index);
    const grow = clamp(this.zoom ** 0.4, 0.9, 4) * (this.width < 500 ? 0.75 : 1);
    pen.globalAlpha = this.marked.size ? 0.35 : 0.85;
    this.fills.forEach((fill, colour) => {
      pen.fillStyle = fill;
      pen.beginPath();
      for (const index of seen) if (this.colour[index] === colour) dot(pen, this.screenX(this.items[index]), this.screenY(this.items[index]), this.radii[index] * grow);
      pen.fill();
    });
    pen.globalAlpha = 1;
    [...this.marked].forEach((index, at) => this.ring(index, grow, at ? 1.25 : 2.5));
    if (this.pointed !== null) this.ring(this.pointed, grow, 2.5);
    this.names(seen, grow);
    this.frames = [...this.frames.slice(-240), performance.now() - began];
  }

  ring(index, grow, width) {
    const { pen } = this;
    const item = this.items[index];
    pen.fillStyle = this.fills[this.colour[index]];
    pen.beginPath();
    dot(pen, this.screenX(item), this.screenY(item), this.radii[index] * grow + 1, true);
    pen.fill();
    pen.strokeStyle = this.accent;
    pen.lineWidth = width;
    pen.beginPath();
    pen.arc(this.screenX(item), this.screenY(item), this.radii[index] * grow + 5, 0, 7);
    pen.stroke();
  }

  names(seen, grow) {
    const { pen } = this;
    pen.font = this.font;
    pen.textBaseline = "middle";
    pen.lineJoin = "round";
    pen.lineWidth = 4;
    pen.strokeStyle = this.ground;
    pen.fillStyle = this.ink;
    const frame = this.canvas.getBoundingClientRect();
    const taken = this.over.filter((element) => !element.hidden).map((element) => element.getBoundingClientRect()).map((box) => ({ x: box.left - frame.left, y: (box.top + box.bottom) / 2 - frame.top, wide: box.width, tall: box.height / 2 }));
    const most = Math.min(LABELS, Math.round((this.width * this.height) / 9000));
    const name = (index, must) => {
      const item = this.items[index];
      const text = cut(nameOf(item));
      if (!this.widths.has(index)) this.widths.set(index, pen.measureText(text).width);
      const wide = this.widths.get(index);
      let x = this.screenX(item) + this.radii[index] * grow + 5;
      if (x + wide > this.width - 4) x = this.screenX(item) - this.radii[index] * grow - 5 - wide;
      if (must) x = Math.max(4, x);
      const y = this.screenY(item);
      if (!must && (x < 4 || y < 8 || y > this.height - 8 || taken.some((box) => x < box.x + box.wide + 10 && x + wide + 10 > box.x && Math.abs(y - box.y) < 9 + box.tall))) return;
      taken.push({ x, y, wide, tall: 8 });
      pen.strokeText(text, x, y);
      pen.fillText(text, x, y);
    };
    if (this.pointed !== null) name(this.pointed, true);
    [...this.marked].forEach((index, at) => { if (index !== this.pointed) name(index, at === 0); });
    for (let at = seen.length - 1; at >= 0 && taken.length < most; at--) if (seen[at] !== this.pointed && !this.marked.has(seen[at])) name(seen[at], false);
  }

  nearest(x, y) {
    let best = null;
    let least = REACH ** 2;
    for (let index = 0; index < this.items.length; index++) {
      const item = this.items[index];
      const away = (this.screenX(item) - x) ** 2 + (this.screenY(item) - y) ** 2;
      if (away < least && this.shows(index)) [best, least] = [index, away];
    }
    return best;
  }

  point(index) {
    if (index === this.pointed) return;
    this.pointed = index;
    this.canvas.classList.toggle("pointing", index !== null);
    this.ask();
  }
}

/** The most common categories have a colour each, all others share one: [{name, colour, count, holds}]. */
function legend(positions) {
  const counts = new Map();
  for (const { category } of positions.items) counts.set(category, (counts.get(category) ?? 0) + 1);
  const common = [...counts.keys()].filter((category) => category >= 0).sort((a, b) => counts.get(b) - counts.get(a) || a - b).slice(0, COLOURS);
  const entries = common.map((category, at) => ({ name: positions.categories[category], colour: `--cat-${at}`, count: counts.get(category), holds: (other) => other === category }));
  const rest = positions.items.length - entries.reduce((sum, entry) => sum + entry.count, 0);
  return [...entries, { name: t(entries.length ? "map.other" : "map.items"), colour: entries.length ? "--cat-rest" : "--cat-0", count: rest, holds: () => true }];
}

const clamp = (value, low, high) => Math.max(low, Math.min(high, value));
const cut = (text) => (text.length > 34 ? `${text.slice(0, 32).trimEnd()}…` : text);

/** Draw a dot; a small one is a square, which is drawn faster. */
function dot(pen, x, y, radius, round = radius > 1.8) {
  if (round) {
    pen.moveTo(x + radius, y);
    pen.arc(x, y, radius, 0, 7);
  } else {
    pen.rect(x - radius * 0.9, y - radius * 0.9, radius * 1.8, radius * 1.8);
  }
}
