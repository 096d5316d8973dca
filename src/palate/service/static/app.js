// The frame of the page: the view named by the address behind "#", the theme and the language.

import { model } from "./api.js";
import { el, fill, svg } from "./dom.js";
import { failure, waiting } from "./parts.js";
import { currentLanguage, languages, setLanguage, t } from "./texts.js";

const MODULES = {
  try: () => import("./view-try.js"),
  items: () => import("./view-item.js"),
  analogies: () => import("./view-analogies.js"),
  map: () => import("./view-map.js"),
  model: () => import("./view-model.js"),
};

const main = document.getElementById("main");
let latest = 0;
let leave = null;

/** "#/items/12?k=3" -> { view: "items", id: "12", query } */
function address() {
  const [place, query] = location.hash.replace(/^#\/?/, "").split("?");
  const [view, id] = place.split("/");
  return { view: Object.hasOwn(MODULES, view) ? view : "try", id: id ? decodeURIComponent(id) : null, query: new URLSearchParams(query ?? "") };
}

async function show(focus) {
  const number = ++latest;
  const current = () => number === latest;
  const { view, id, query } = address();
  const name = t(`nav.${view}`);
  leave?.();
  leave = null;
  document.title = `${name} · ${t("page.title")}`;
  for (const link of document.querySelectorAll("nav a")) {
    if (link.getAttribute("href") === `#/${view}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  const heading = () => el("h1.hidden-text", {}, name);
  const page = el("div.view", { "data-view": view }, heading(), waiting(6));
  fill(main, page);
  main.setAttribute("aria-busy", "true");
  if (focus) { main.focus({ preventScroll: true }); scrollTo(0, 0); }
  try {
    const [module, served] = await Promise.all([MODULES[view](), model()]);
    if (!current()) return;
    describe(served);
    fill(page, heading());
    leave = (await module.show(page, { served, id, query, current })) ?? null;
  } catch (error) {
    if (current()) fill(page, heading(), failure(error, () => show(false)));
  } finally {
    if (current()) main.removeAttribute("aria-busy");
  }
}

function describe(served) {
  const title = served.title?.split(":")[0];
  document.getElementById("served").textContent = t(title ? "page.model_and_data" : "page.model", { name: served.name, title });
}

const THEMES = ["auto", "light", "dark"];
const THEME_SHAPES = { auto: "M10 2.75a7.25 7.25 0 0 1 0 14.5z", light: "M0 0", dark: "M10 2.75a7.25 7.25 0 1 1 0 14.5a7.25 7.25 0 1 1 0 -14.5z" };
const THEME_KEY = "palate-look";
let theme = null;
try { theme = localStorage.getItem(THEME_KEY); } catch { /* the theme follows the system */ }
if (!THEMES.includes(theme)) theme = "auto";

function drawTheme() {
  if (theme === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  const button = document.getElementById("theme");
  const name = t(`theme.${theme}`);
  const icon = svg("svg", { viewBox: "0 0 20 20", width: 16, height: 16, "aria-hidden": "true" }, svg("circle", { cx: 10, cy: 10, r: 7.25 }), svg("path", { d: THEME_SHAPES[theme] }));
  fill(button, icon, el("span", {}, name));
  button.setAttribute("aria-label", t("theme.change", { name }));
}

document.getElementById("theme").addEventListener("click", () => {
  theme = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length];
  try { localStorage.setItem(THEME_KEY, theme); } catch { /* the theme lasts until the page is loaded again */ }
  drawTheme();
  dispatchEvent(new Event("theme"));
});

function drawFrame() {
  for (const element of document.querySelectorAll("[data-text]")) element.textContent = t(element.dataset.text);
  for (const element of document.querySelectorAll("[data-label]")) element.setAttribute("aria-label", t(element.dataset.label));
  for (const button of document.querySelectorAll("#language button")) button.setAttribute("aria-pressed", String(button.lang === currentLanguage()));
  drawTheme();
}

async function changeLanguage(code) {
  if (code === currentLanguage()) return;
  await setLanguage(code);
  drawFrame();
  show(false);
}

fill(document.getElementById("language"), languages.map((code) => el("button.quiet", { type: "button", lang: code, onclick: () => changeLanguage(code) }, t(`language.${code}`))));
document.querySelector(".skip").addEventListener("click", (event) => { event.preventDefault(); main.focus(); });
addEventListener("hashchange", () => show(true));
addEventListener("keydown", (event) => {
  const box = main.querySelector("[role=combobox]");
  if (event.key !== "/" || !box || event.target.closest?.("input, select, textarea")) return;
  event.preventDefault();
  box.focus();
});
drawFrame();
show(false);
