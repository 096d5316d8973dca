// Which view stands on the page, by the part of the address behind "#", and the page's light or dark look.

import { model } from "./api.js";
import { el, fill, svg } from "./dom.js";
import { failure, waiting } from "./parts.js";

const VIEWS = { try: "Try it", items: "Items", analogies: "Analogies", map: "Map", model: "Model" };
const MODULES = {
  try: () => import("./view-try.js"),
  items: () => import("./view-item.js"),
  analogies: () => import("./view-analogies.js"),
  map: () => import("./view-map.js"),
  model: () => import("./view-model.js"),
};

const main = document.getElementById("main");
let shown = 0;
let leave = null;

/** "#/items/12?k=3" -> { view: "items", id: "12", query } */
function address() {
  const [place, query] = location.hash.replace(/^#\/?/, "").split("?");
  const [view, id] = place.split("/");
  return { view: view in VIEWS ? view : "try", id: id ? decodeURIComponent(id) : null, query: new URLSearchParams(query ?? "") };
}

async function show(focus) {
  const mine = ++shown;
  const { view, id, query } = address();
  leave?.();
  leave = null;
  document.title = `${VIEWS[view]} · Palate studio`;
  for (const link of document.querySelectorAll("nav a")) {
    if (link.getAttribute("href") === `#/${view}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  const page = el("div.view", { "data-view": view }, el("h1.unseen", {}, VIEWS[view]), waiting(6));
  fill(main, page);
  main.setAttribute("aria-busy", "true");
  if (focus) { main.focus({ preventScroll: true }); scrollTo(0, 0); }
  try {
    const [module, served] = await Promise.all([MODULES[view](), model()]);
    if (mine !== shown) return;
    document.getElementById("served").textContent = served.title ? `${served.name} on ${served.title.split(":")[0]}` : `Model ${served.name}`;
    fill(page, el("h1.unseen", {}, VIEWS[view]));
    leave = (await module.show(page, { served, id, query, current: () => mine === shown })) ?? null;
  } catch (error) {
    if (mine === shown) fill(page, el("h1.unseen", {}, VIEWS[view]), failure(error, () => show(false)));
  } finally {
    if (mine === shown) main.removeAttribute("aria-busy");
  }
}

const LOOKS = ["auto", "light", "dark"];
function look(chosen) {
  if (chosen === "auto") delete document.documentElement.dataset.look;
  else document.documentElement.dataset.look = chosen;
  const button = document.getElementById("theme");
  fill(button, svg("svg", { viewBox: "0 0 20 20", width: 16, height: 16, "aria-hidden": "true" }, svg("circle", { cx: 10, cy: 10, r: 7.25 }), svg("path", { d: { auto: "M10 2.75a7.25 7.25 0 0 1 0 14.5z", light: "M0 0", dark: "M10 2.75a7.25 7.25 0 1 1 0 14.5a7.25 7.25 0 1 1 0 -14.5z" }[chosen] })), { auto: "Auto", light: "Light", dark: "Dark" }[chosen]);
  button.setAttribute("aria-label", `Look: ${chosen}. Change it`);
  button.onclick = () => {
    const next = LOOKS[(LOOKS.indexOf(chosen) + 1) % LOOKS.length];
    try { localStorage.setItem("palate-look", next); } catch { /* it holds until reload */ }
    look(next);
    dispatchEvent(new Event("look"));
  };
}
let kept = null;
try { kept = localStorage.getItem("palate-look"); } catch { /* none is kept */ }
look(LOOKS.includes(kept) ? kept : "auto");

document.querySelector(".skip").addEventListener("click", (event) => { event.preventDefault(); main.focus(); });
addEventListener("hashchange", () => show(true));
addEventListener("keydown", (event) => {
  const typing = event.target.closest?.("input, select, textarea");
  if (event.key === "/" && !typing) { const box = main.querySelector("[role=combobox]"); if (box) { event.preventDefault(); box.focus(); } }
});
show(false);
