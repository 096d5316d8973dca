// The panel of your own ratings: a search, what you rated, and items to begin with.

import { get } from "./api.js";
import { combobox } from "./combobox.js";
import { el, fill } from "./dom.js";
import { facts, failure, itemLink, nameOf, waiting } from "./parts.js";
import { stars } from "./stars.js";
import * as store from "./store.js";
import { count, parts, t } from "./texts.js";

const STARTERS = 8;
let popular = null;

export class RatingsPanel {
  /** onchange() is called after each change of the ratings. */
  constructor(box, scale, onchange) {
    this.box = box;
    this.scale = scale;
    this.onchange = onchange;
  }

  draw() {
    const { scale } = this;
    const rated = store.ratings();
    const search = combobox({ label: t("try.find"), onpick: (item) => { if (scale) this.ask(item); else this.rate(item, null); } });
    this.question = el("div.question", { hidden: true });
    const tools = el("div.tools", {},
      el("button.quiet", { type: "button", disabled: !store.canUndo(), title: t("try.undo_key"), onclick: () => this.undo() }, t("try.undo")),
      el("button.quiet", { type: "button", disabled: !rated.length, onclick: () => { store.clear(); this.changed(); } }, t("try.clear")));
    const title = rated.length ? t(scale ? "try.your_ratings" : "try.your_likes", { n: count(rated.length) }) : t("try.start");
    fill(this.box, el("div.head", {}, el("h2", {}, title), tools), search, this.question);
    if (rated.length) this.box.append(el("ul.rows.compact.given", {}, rated.map((item) => this.row(item))));
    this.drawStarters();
  }

  /** Ask for the rating of an item. */
  ask(item) {
    const rating = stars({ scale: this.scale, value: store.ratingOf(item.id), label: t("rate.label", { item: nameOf(item) }), onrate: (value) => this.rate(item, value) });
    fill(this.question, el("p", {}, parts("try.how_was", { item: el("b", {}, nameOf(item)) })), rating);
    this.question.hidden = false;
    rating.focus();
  }

  row(item) {
    return el("li.row", {}, el("div.what", {}, itemLink(item)),
      this.scale && stars({ scale: this.scale, value: item.rating, label: t("rate.own", { item: nameOf(item) }), onrate: (rating) => this.rate(item, rating) }),
      el("button.quiet.cross", { type: "button", "aria-label": t("try.remove", { item: nameOf(item) }), onclick: () => { store.remove(item.id); this.changed(); this.focus(); } }, "×"));
  }

  async drawStarters() {
    const box = el("div", {}, popular ? null : waiting(STARTERS));
    const title = store.ratings().length ? "try.more" : this.scale ? "try.start_rating" : "try.start_liking";
    this.box.append(el("h3.start", {}, t(title)), box);
    try {
      popular ??= (await get("items", { query: "", k: 60 })).items;
      const items = popular.filter((item) => !store.isRated(item.id)).slice(0, Math.max(3, STARTERS - store.ratings().length));
      fill(box, el("ul.rows.compact", {}, items.map((item) => el("li.row", {}, el("div.what", {}, itemLink(item), el("p.under", {}, facts(item))), this.input(item, null)))));
    } catch (error) {
      fill(box, failure(error, () => this.draw()));
    }
  }

  /** Stars for an item, or a button in a table without ratings. */
  input(item, guess) {
    const name = nameOf(item);
    if (this.scale) return stars({ scale: this.scale, guess, label: t("rate.label", { item: name }), onrate: (rating) => this.rate(item, rating) });
    return el("button.plain", { type: "button", "aria-label": t("rate.like_label", { item: name }), onclick: () => this.rate(item, null) }, t("rate.like"));
  }

  rate(item, rating) {
    const hadFocus = this.box.contains(document.activeElement);
    store.rate(item, rating);
    this.draw();
    if (hadFocus) this.focus();
    this.onchange();
  }

  undo() {
    store.undo();
    this.changed();
  }

  changed() {
    this.draw();
    this.onchange();
  }

  focus() {
    (this.box.querySelector(".given .stars, .given button") ?? this.box.querySelector("input")).focus({ preventScroll: true });
  }
}
