// Try it: rate a few things, or pick someone of the table, and the list beside follows.

import { get, newest, path, post } from "./api.js";
import { calm, el, fill, say } from "./dom.js";
import { about, because, combobox, count, empty, failure, itemLink, listed, nameOf, scaleOf, short, stars, waiting } from "./parts.js";
import * as store from "./store.js";

const K = 10;
const REASONS = 2;
const AT_ONCE = 20;  // ratings up to which reasons come with the list: each asks the model once more
const AFTERWARDS = 200;  // and up to which they follow it
const STARTERS = 8;
let known = null;

export async function show(page, { served, query, current }) {
  const scale = scaleOf(served);
  const wants = { user: query.get("user"), min_ratings: query.get("min") ?? usual(served), category: query.get("category") ?? "", diversity: query.get("variety") ?? "0", hidden: [] };
  const left = el("section.card.mine", { "aria-label": "Ratings" });
  const list = el("div.list");
  const note = el("p.note", { hidden: true });
  const busy = el("span.busy", { "aria-hidden": "true" });
  const right = el("section.card.theirs", { "aria-label": "Recommendations" }, el("div.head", {}, el("h2", {}, "The list"), busy, copyButton(address)), filters(), note, list);
  page.append(intro(served, scale), modes(), el("div.two", {}, left, right));

  const ask = newest((error) => { busy.classList.remove("on"); fill(list, failure(error, refresh)); });
  const askWhy = newest(() => {});

  if (query.get("rate")) {
    const unknown = await store.fromText(query.get("rate"), scale);
    if (!current()) return;
    if (unknown.length) page.prepend(el("p.note", { role: "status" }, `Left out, as this model does not know them: ${unknown.join(", ")}`));
  }
  fill(list, waiting(K));
  drawLeft();
  if (wants.user === "") nobody();
  else refresh();

  const keys = (event) => {
    if ((event.ctrlKey || event.metaKey) && event.key === "z" && !event.target.value && !wants.user) { event.preventDefault(); undo(); }
  };
  addEventListener("keydown", keys);
  return () => removeEventListener("keydown", keys);

  function address() {
    const found = new URLSearchParams();
    if (wants.user !== null) found.set("user", wants.user);
    if (Number(wants.min_ratings) !== Number(usual(served))) found.set("min", wants.min_ratings);
    if (wants.category) found.set("category", wants.category);
    if (Number(wants.diversity)) found.set("variety", wants.diversity);
    const rated = wants.user === null && store.ratings().length ? `rate=${store.asText()}` : "";
    const text = [found.toString(), rated].filter(Boolean).join("&");
    return `#/try${text && `?${text}`}`;
  }

  function refresh() {
    history.replaceState(null, "", address());
    busy.classList.add("on");
    const user = wants.user;
    const filter = { k: K, min_ratings: Number(wants.min_ratings), diversity: Number(wants.diversity), category: wants.category || undefined, exclude: [...wants.hidden] };
    const question = (explain) => (signal) => user !== null
      ? get(path("users", user, "recommendations"), { ...filter, explain }, signal)
      : post("recommendations", { ...store.asBody(scale), ...filter, explain }, signal);
    const atOnce = user === null && store.ratings().length <= AT_ONCE;
    askWhy(async () => null, () => {});
    ask(question(atOnce ? REASONS : 0), (answer) => {
      drawList(answer);
      if (!atOnce) askWhy((signal) => reasons(user, question(REASONS), signal), (whys) => whys && drawWhy(whys));
    });
  }

  /** The list again with its reasons, unless there is too much to try without. */
  async function reasons(user, question, signal) {
    const many = user === null ? store.ratings().length : await countOf(user, signal);
    if (many <= AFTERWARDS) return question(signal);
    note.hidden = false;
    note.textContent = "Without reasons: each takes a list made anew without one of the ratings, and here are too many.";
    return null;
  }

  function drawWhy(answer) {
    const rows = new Map([...list.querySelectorAll(".row")].map((row) => [row.querySelector("a").getAttribute("href"), row.querySelector(".what")]));
    for (const item of answer.items) {
      const what = rows.get(itemLink(item).getAttribute("href"));
      if (what && !what.querySelector(".because")) what.append(because(item.because) ?? "");
    }
  }

  function drawList(answer) {
    busy.classList.remove("on");
    note.hidden = !answer.note || Number(wants.min_ratings) >= 20;
    note.textContent = answer.note ?? "";
    if (!answer.items.length) return fill(list, empty("Nothing is left", "No item passes these filters. Ask for less known ones, or another category."));
    const before = places();
    const focused = list.contains(document.activeElement) ? [...list.querySelectorAll(".row")].indexOf(document.activeElement.closest(".row")) : null;
    fill(list, listed(answer.items, (item) => el("div.end", {}, end(item), hide(item)), (item) => because(item.because)));
    glide(before);
    if (focused !== null) [...list.querySelectorAll(".row")].at(Math.min(focused, answer.items.length - 1))?.querySelector(".stars, button").focus({ preventScroll: true });
    say(`The list has changed: first is ${nameOf(answer.items[0])}`);
  }

  /** Your stars over the predicted rating; for a person of the table the prediction alone. */
  function end(item) {
    const guess = item.rating;
    const number = guess === null ? null : el("span.number", { title: "Predicted rating" }, short(guess));
    if (wants.user !== null) return number;
    return [number, input(item, guess)];
  }

  function input(item, guess) {
    if (scale) return stars({ scale, guess, label: `Rate ${nameOf(item)}`, onrate: (rating) => rate(item, rating) });
    return el("button.plain", { type: "button", "aria-label": `I like ${nameOf(item)}`, onclick: () => rate(item, null) }, "I like it");
  }

  function hide(item) {
    return el("button.quiet.cross", { type: "button", "aria-label": `Not ${nameOf(item)}`, title: "Leave it out", onclick: () => { wants.hidden.push(item.id); refresh(); } }, "×");
  }

  function rate(item, rating) {
    const here = left.contains(document.activeElement);
    store.rate(item, rating);
    drawLeft();
    if (here) (left.querySelector(".given .stars, .given button") ?? left.querySelector("input")).focus({ preventScroll: true });
    refresh();
  }

  function undo() {
    store.undo();
    drawLeft();
    refresh();
  }

  function modes() {
    const mode = (label, chosen, user) => el("button", { type: "button", "aria-pressed": String(chosen), onclick: () => { wants.user = user; wants.hidden = []; page.querySelectorAll(".modes button").forEach((one, at) => one.setAttribute("aria-pressed", String((at === 1) === (user !== null)))); drawLeft(); if (user !== "") refresh(); else ask(async () => null, nobody); } }, label);
    return el("div.modes", { role: "group", "aria-label": "Whose list" }, mode("My taste", wants.user === null, null), mode("Someone in the data", wants.user !== null, ""));
  }

  function nobody() {
    busy.classList.remove("on");
    note.hidden = true;
    fill(list, empty("Whose list?", "Choose a person to see what they rated and what comes next."));
  }

  function drawLeft() {
    if (wants.user === null) drawMine();
    else drawTheirs();
  }

  function drawMine() {
    const rated = store.ratings();
    const search = combobox({ label: "Find something you know", onpick: (item) => { if (scale) suggest(item); else rate(item, null); } });
    const asked = el("div.asked", { hidden: true });
    const suggest = (item) => {
      fill(asked, el("p", {}, "How was ", el("b", {}, nameOf(item)), "?"), stars({ scale, value: store.ratingOf(item.id), label: `Rate ${nameOf(item)}`, onrate: (rating) => rate(item, rating) }));
      asked.hidden = false;
      asked.querySelector(".stars").focus();
    };
    const tools = el("div.tools", {},
      el("button.quiet", { type: "button", disabled: !store.canUndo(), title: "Ctrl+Z", onclick: undo }, "Undo"),
      el("button.quiet", { type: "button", disabled: !rated.length, onclick: () => { store.clear(); drawLeft(); refresh(); } }, "Clear"));
    fill(left, el("div.head", {}, el("h2", {}, rated.length ? `You ${scale ? "rated" : "like"} ${rated.length}` : "What do you like?"), tools), search, asked);
    if (rated.length) left.append(el("ul.rows.compact.given", {}, rated.map(mineRow)));
    drawStart();
  }

  function mineRow(item) {
    return el("li.row", {}, el("div.what", {}, itemLink(item)),
      scale && stars({ scale, value: item.rating, label: `Your rating of ${nameOf(item)}`, onrate: (rating) => rate(item, rating) }),
      el("button.quiet.cross", { type: "button", "aria-label": `Remove ${nameOf(item)}`, onclick: () => { store.remove(item.id); drawLeft(); refresh(); (left.querySelector(".given .stars, .given button") ?? left.querySelector("input")).focus({ preventScroll: true }); } }, "×"));
  }

  async function drawStart() {
    const box = el("div", {}, known ? null : waiting(STARTERS));
    const text = store.ratings().length ? "You may know these too" : scale ? "Give stars to some of these, or search" : "Say which of these you like, or search";
    left.append(el("h3.start", {}, text), box);
    try {
      known ??= (await get("items", { query: "", k: 60 })).items;
      const some = known.filter((item) => !store.isRated(item.id)).slice(0, Math.max(3, STARTERS - store.ratings().length));
      fill(box, el("ul.rows.compact", {}, some.map((item) => el("li.row", {}, el("div.what", {}, itemLink(item), el("p.under", {}, about(item))), input(item, null)))));
    } catch (error) {
      fill(box, failure(error, drawLeft));
    }
  }

  async function drawTheirs() {
    const pick = combobox({
      label: "Find a person by id", keep: true, name: (user) => String(user.id), detail: (user) => `${count(user.ratings)} ratings`,
      search: async (text, signal) => (await get("users", { query: text, k: 8 }, signal)).users,
      onpick: (user) => { wants.user = String(user.id); drawLeft(); refresh(); },
    });
    const box = el("div", {}, waiting(6));
    fill(left, el("div.head", {}, el("h2", {}, wants.user ? `Person ${wants.user}` : "Someone in the data")), pick, box);
    pick.input.value = wants.user;
    try {
      if (!wants.user) {
        const { users } = await get("users", { query: "", k: 8 });
        return void fill(box, el("p.note.start", {}, "The busiest:"), el("div.chips", {}, users.map((user) => el("button.plain", { type: "button", onclick: () => { wants.user = String(user.id); drawLeft(); refresh(); } }, `${user.id}`, el("span.under", {}, ` ${count(user.ratings)}`)))));
      }
      const asked = wants.user;
      const { items } = await get(path("users", asked, "history"), { k: 50 });
      if (asked !== wants.user) return;
      fill(box, items.length ? el("ul.rows.compact.tall", { tabindex: 0, "aria-label": "Their history" }, items.map((item) => el("li.row", {}, el("div.what", {}, itemLink(item)), item.rating !== null && item.rating !== undefined ? el("span.number", {}, `${short(item.rating)} ★`) : null))) : empty("No history", "This person has rated nothing."));
    } catch (error) {
      fill(box, failure(error, drawLeft));
    }
  }

  function filters() {
    const change = (name) => (event) => { wants[name] = event.target.value; refresh(); };
    const known = [0, 5, 20, 50, 100, 500].filter((least) => least === 0 || least < served.users / 2 || String(least) === String(wants.min_ratings));
    const choose = (label, name, options) => el("label.field", {}, el("span", {}, label), el("select", { onchange: change(name) }, options.map(([value, text]) => el("option", { value, selected: String(value) === String(wants[name]) }, text))));
    return el("div.filters", {},
      choose("Known by", "min_ratings", known.map((least) => [least, least ? `${least} or more` : "anyone"])),
      served.categories?.length ? choose("Category", "category", [["", "Any"], ...served.categories.map((one) => [one, one])]) : null,
      el("label.field", {}, el("span", {}, "Variety"), el("input", { type: "range", min: 0, max: 0.9, step: 0.1, value: wants.diversity, onchange: change("diversity") })));
  }

  function places() {
    return new Map([...list.querySelectorAll(".row")].map((row) => [row.querySelector("a").href, row.getBoundingClientRect().top]));
  }

  function glide(before) {
    if (calm() || !before.size) return;
    for (const row of list.querySelectorAll(".row")) {
      const from = before.get(row.querySelector("a").href);
      const frames = from === undefined ? [{ opacity: 0 }, { opacity: 1 }] : [{ transform: `translateY(${from - row.getBoundingClientRect().top}px)` }, { transform: "none" }];
      row.animate(frames, { duration: 220, easing: "cubic-bezier(.2,.7,.2,1)" });
    }
  }
}

async function countOf(user, signal) {
  const { users } = await get("users", { query: user, k: 100 }, signal);
  return users.find((one) => String(one.id) === user)?.ratings ?? Infinity;
}

/** A rating model puts rarely rated items first, so that a large table starts with items that some know. */
const usual = (served) => (served.predicts_ratings && served.users >= 200 ? 20 : 0);

function intro(served, scale) {
  const what = scale ? "Give a few stars and watch the list follow." : "Say what you like and watch the list follow.";
  return el("div.intro", {}, el("p.lead", {}, what), el("p.facts", {}, `${count(served.items)} items, learned from ${count(served.ratings)} ${scale ? "ratings" : "events"} of ${count(served.users)} people.`));
}

function copyButton(address) {
  const button = el("button.quiet", { type: "button" }, "Copy link");
  button.addEventListener("click", async () => {
    const link = new URL(address(), location.href).href;
    try {
      await navigator.clipboard.writeText(link);
      button.textContent = "Copied";
      say("The link is copied");
    } catch {
      const box = el("input.link", { readonly: true, value: link, "aria-label": "Link to this list" });
      button.replaceWith(box);
      box.select();
      return;
    }
    setTimeout(() => { button.textContent = "Copy link"; }, 1500);
  });
  return button;
}
