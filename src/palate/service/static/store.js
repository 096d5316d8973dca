// Your ratings: kept while the page is open, undone one by one, and carried by a link.

import { get, path } from "./api.js";

const KEY = "palate-ratings";
let rated = [];
try {
  rated = JSON.parse(sessionStorage.getItem(KEY) ?? "[]");
} catch {
  rated = [];
}
let before = [];

export const ratings = () => rated;
export const canUndo = () => before.length > 0;
export const ratingOf = (id) => rated.find((one) => one.id === id)?.rating ?? null;
export const isRated = (id) => rated.some((one) => one.id === id);

/** rating: null where the table has none, and to have met an item is all there is to say. */
export const rate = ({ id, title }, rating) =>
  change(isRated(id) ? rated.map((one) => (one.id === id ? { ...one, rating } : one)) : [{ id, title, rating }, ...rated]);
export const remove = (id) => change(rated.filter((one) => one.id !== id));
export const clear = () => change([]);

export function undo() {
  if (before.length) keep(before.pop());
}

function change(to) {
  before = [...before.slice(-99), rated];
  keep(to);
}

function keep(to) {
  rated = to;
  try {
    sessionStorage.setItem(KEY, JSON.stringify(rated));
  } catch {
    // A page without storage only forgets at reload.
  }
}

/** What the person is, as the API asks for it: ratings, or items oldest first where the table has no ratings. */
export const asBody = (scale) =>
  scale ? { ratings: rated.map(({ id, rating }) => ({ item: id, rating })) } : { history: rated.map(({ id }) => id).reverse() };

export const asText = () => rated.map(({ id, rating }) => encodeURIComponent(id) + (rating === null ? "" : `:${rating}`)).join(",");

/** Ratings from a link -> the ids that the model does not know. */
export async function fromText(text, scale) {
  if (text === asText()) return [];
  const parts = text.split(",").filter(Boolean).map((part) => {
    const [, id, rating] = /^([^:]*):?(.*)$/.exec(part);
    return { id: decodeURIComponent(id), rating: Number(rating) };
  });
  const unknown = [];
  const found = await Promise.all(parts.map(async ({ id, rating }) => {
    try {
      const item = await get(path("items", id));
      const inside = scale && Number.isFinite(rating) ? Math.max(scale.low, Math.min(scale.high, rating || scale.high)) : null;
      return { id: item.id, title: item.title, rating: inside };
    } catch (error) {
      if (error.status !== 404 && error.status !== 400) throw error;
      unknown.push(id);
      return null;
    }
  }));
  before = rated.length ? [rated] : [];  // your own come back by undo
  keep(found.filter(Boolean));
  return unknown;
}
