// The panel of a user of the table: a search by id, and the user's history.

import { get, path } from "./api.js";
import { combobox } from "./combobox.js";
import { el, fill } from "./dom.js";
import { empty, failure, itemLink, waiting } from "./parts.js";
import { count, short, t } from "./texts.js";

const HISTORY = 50;
const MOST_ACTIVE = 8;

export class UserPanel {
  /** onpick(id) is called when a user is chosen. */
  constructor(box, served, onpick) {
    this.box = box;
    this.onpick = (user) => onpick(String(user.id));
    this.detail = (user) => t(served.scale ? "count.ratings" : "count.events", { n: count(user.ratings) });
    this.user = null;
  }

  /** user: an id as text, "" while none is chosen. */
  async draw(user) {
    this.user = user;
    const search = combobox({
      label: t("try.find_user"), keep: true, name: (option) => String(option.id), detail: this.detail,
      search: async (text, signal) => (await get("users", { query: text, k: 8 }, signal)).users, onpick: this.onpick,
    });
    const box = el("div", {}, waiting(6));
    fill(this.box, el("div.head", {}, el("h2", {}, user ? t("try.user_title", { id: user }) : t("try.user"))), search, box);
    search.input.value = user;
    try {
      const content = user ? await this.history(user) : await this.mostActive();
      if (user === this.user) fill(box, content);
    } catch (error) {
      fill(box, failure(error, () => this.draw(user)));
    }
  }

  async mostActive() {
    const { users } = await get("users", { query: "", k: MOST_ACTIVE });
    const button = (user) => el("button.plain", { type: "button", title: this.detail(user), onclick: () => this.onpick(user) }, String(user.id), el("span.under", {}, ` ${count(user.ratings)}`));
    return [el("p.note.start", {}, t("try.most_active")), el("div.chips", {}, users.map(button))];
  }

  async history(user) {
    const { items } = await get(path("users", user, "history"), { k: HISTORY });
    if (!items.length) return empty(t("try.no_history"), t("try.no_history_text"));
    const rating = (item) => (item.rating === null || item.rating === undefined ? null : el("span.number", {}, `${short(item.rating)} ★`));
    return el("ul.rows.compact.tall", { tabindex: 0, "aria-label": t("try.history") }, items.map((item) => el("li.row", {}, el("div.what", {}, itemLink(item)), rating(item))));
  }
}
