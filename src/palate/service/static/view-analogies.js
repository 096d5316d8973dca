// Analogies: a - b + c, beside the controls that need no analogy.

import { newest, path, post, get } from "./api.js";
import { el, fill, say } from "./dom.js";
import { combobox, empty, failure, listed, meter, nameOf, section, waiting } from "./parts.js";

const PLACES = [
  ["c", "Start with"],
  ["a", "add what is special of"],
  ["b", "and take away what it shares with"],
];

export async function show(page, { served, query, current }) {
  if (!served.has_vectors) return void page.append(empty("No vectors here", `An analogy adds and takes away vectors, and the model “${served.name}” has none. Train mf or neural for that.`));
  const chosen = { a: null, b: null, c: null };
  const least = served.users >= 200 ? 20 : 0;
  const out = el("div");
  const boxes = {};
  for (const [name, label] of PLACES) boxes[name] = combobox({ label, placeholder: "Find an item", keep: true, onpick: (item) => { chosen[name] = item; ask(); }, onempty: () => { chosen[name] = null; ask(); } });
  const sum = el("p.sum", { "aria-live": "polite" });
  page.append(
    el("div.intro", {}, el("p.lead", {}, "Add and take away taste, like words: king − man + woman.")),
    el("section.card", { "aria-label": "An analogy" }, el("div.three", {}, PLACES.map(([name, label]) => el("div.field", {}, el("span", {}, label), boxes[name]))), el("div.tools", {}, sum, el("button.plain", { type: "button", onclick: surprise }, "Pick three for me"))),
    out);
  const put = newest((error) => fill(out, failure(error, ask)));
  await Promise.all(Object.keys(chosen).filter((name) => query.get(name)).map(async (name) => {
    try { choose(name, await get(path("items", query.get(name)))); } catch { /* an unknown id leaves its place empty */ }
  }));
  if (current()) ask();

  function choose(name, item) {
    chosen[name] = item;
    boxes[name].input.value = nameOf(item);
  }

  async function surprise() {
    const { items } = await get("items", { query: "", k: 60 });
    for (const name of ["a", "b", "c"]) choose(name, items.splice(Math.floor(Math.random() * items.length), 1)[0]);
    ask();
  }

  function ask() {
    const { a, b, c } = chosen;
    const parameters = new URLSearchParams(Object.entries(chosen).filter(([, item]) => item).map(([name, item]) => [name, item.id]));
    history.replaceState(null, "", `#/analogies${parameters.size ? `?${parameters}` : ""}`);
    if (!a || !b || !c) {
      sum.textContent = "";
      return void fill(out, empty("Three items make an analogy", "Choose them above. Beside the answer stands what you would get without it."));
    }
    sum.textContent = `${nameOf(c)} + ${nameOf(a)} − ${nameOf(b)}`;
    fill(out, waiting(10));
    return put((signal) => post("analogies", { a: a.id, b: b.id, c: c.id, k: 10, min_ratings: least }, signal), draw);
  }

  function draw(found) {
    const answer = new Set(found.answer.map((item) => item.id));
    const column = (title, text, items, marks) => el("section.card", {}, el("h2", {}, title), el("p.note", {}, text),
      listed(items, (item) => meter(item.score, item.score.toFixed(2), "Cosine"), (item) => (marks && answer.has(item.id) ? el("p.because", {}, "also in the answer") : null)));
    const { c } = chosen;
    fill(out, verdict(found), el("div.three.lists", {},
      column("The answer", "Nearest to the sum.", found.answer, false),
      column(`${nameOf(c)} alone`, "Nearest with nothing added or taken.", found.plain, true),
      column("A random pair instead", "Nearest with the difference of two random items.", found.shuffled, true)));
    say(`The answer begins with ${found.answer.length ? nameOf(found.answer[0]) : "nothing"}`);
  }

  function verdict(found) {
    const n = found.answer.length;
    const shared = found.shared_plain;
    const said = shared >= n / 2 ? `Mostly the neighbours of ${nameOf(chosen.c)}: the analogy adds little here.`
      : found.shared_shuffled >= n / 2 ? "Mostly what a random pair finds too: the analogy adds little here."
        : "Mostly its own: neither the first item alone nor a random pair finds it.";
    return el("p.verdict", {}, el("b", {}, said), ` Of these ${n}, ${shared} are also nearest to ${nameOf(chosen.c)} alone, and ${found.shared_shuffled.toFixed(1)} are found with a random pair (mean).`);
  }
}
