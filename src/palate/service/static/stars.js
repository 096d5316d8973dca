// A rating scale, and five stars to rate with.

import { el, svg } from "./dom.js";
import { short, t } from "./texts.js";

/** The levels of a rating scale: from the ratings that occur, at most twenty steps. */
export function scaleOf(model) {
  if (!model.scale) return null;
  const [low, high] = model.scale;
  const levels = (model.rating_counts ?? []).map((bar) => bar.rating).sort((a, b) => a - b);
  const gaps = levels.slice(1).map((rating, index) => rating - levels[index]).filter((gap) => gap > 0);
  const step = gaps.length && gaps.length < 20 ? Math.min(...gaps) : (high - low) / 10;
  return { low, high, step, share: (rating) => (low >= 0 ? rating / high : (rating - low) / (high - low)) };
}

const STAR = "M12 2.6l2.9 5.9 6.5.9-4.7 4.6 1.1 6.5-5.8-3.1-5.8 3.1 1.1-6.5L2.6 9.4l6.5-.9z";
const row = (name) => el(`span.${name}`, { "aria-hidden": "true" }, Array.from({ length: 5 }, () => svg("svg", { viewBox: "0 0 24 24" }, svg("path", { d: STAR }))));

/** Five stars as a slider: click, or arrow keys and Enter. `guess` is drawn pale while there is no rating. */
export function stars({ scale, value = null, guess = null, label, onrate }) {
  const clamp = (share) => Math.max(0, Math.min(1, share));
  const snap = (rating) => Math.max(scale.low, Math.min(scale.high, Math.round(rating / scale.step) * scale.step));
  const box = el("span.stars", { role: "slider", tabindex: 0, "aria-label": label, "aria-valuemin": scale.low, "aria-valuemax": scale.high },
    row("stars-back"), el("span.stars-front", { "aria-hidden": "true" }, row("stars-row")));
  let preview = null;
  const draw = () => {
    const shown = preview ?? value ?? guess;
    box.classList.toggle("guessed", preview === null && value === null);
    box.style.setProperty("--share", shown === null ? "0%" : `${clamp(scale.share(shown)) * 100}%`);
    box.setAttribute("aria-valuenow", shown === null ? scale.low : +shown.toFixed(2));
    box.setAttribute("aria-valuetext", spoken(preview ?? value, guess, scale));
  };
  const ratingAt = (event) => {
    const { left, width } = box.getBoundingClientRect();
    const share = Math.max(0.001, Math.min(1, (event.clientX - left) / width));
    const rating = scale.low >= 0 ? share * scale.high : scale.low + share * (scale.high - scale.low);
    return snap(Math.ceil(rating / scale.step - 1e-9) * scale.step);
  };
  const rate = (rating) => { value = rating; preview = null; draw(); onrate(rating); };
  box.addEventListener("pointermove", (event) => { if (event.pointerType === "mouse") { preview = ratingAt(event); draw(); } });
  box.addEventListener("pointerleave", () => { preview = null; draw(); });
  box.addEventListener("click", (event) => rate(ratingAt(event)));
  box.addEventListener("blur", () => { if (preview !== null) rate(preview); });
  box.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 }[event.key];
    const from = preview ?? value ?? guess ?? scale.low;
    if (step) preview = snap(from + step * scale.step);
    else if (event.key === "Home") preview = scale.low;
    else if (event.key === "End") preview = scale.high;
    else if (event.key === "Enter" || event.key === " ") { event.preventDefault(); rate(snap(from)); return; }
    else if (event.key === "Escape") preview = null;
    else return;
    event.preventDefault();
    draw();
  });
  draw();
  return box;
}

function spoken(rating, guess, scale) {
  if (rating !== null) return t("stars.value", { value: short(rating), max: short(scale.high) });
  return guess === null ? t("stars.none") : t("stars.predicted", { value: short(guess) });
}
