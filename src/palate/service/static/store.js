// Your ratings: kept while the page is open, undone one by one, and carried by a link.

import { get, path } from "./api.js";

const KEY = "palate-ratings";
let rated = [];
try {
  rated = JSON.parse(sessionStorage.getItem(KEY) ?? "[]");
} catch {
  rated = [];
}
let earlier = [];

export const ratings = () => rated;
export const canUndo = () => earlier.length > 0;
export const ratingOf = (id) => rated.find((item) => item.id === id)?.rating ?? null;
export const isRated = (id) => rated.some((item) => item.id === id);

/** rating: null in a table without ratings, where an item is liked or not. */
export const rate = ({ id, title }, rating) =>
  change(isRated(id) ? rated.map((item) => (item.id === id ? { ...item, rating } : item)) : [{ id, title, rating }, ...rated]);
export const remove = (id) => change(rated.filter((item) => item.id !== id));
export const clear = () => change([]);

export function undo() {
  if (earlier.length) save(earlier.pop());
}

function change(items) {
  earlier = [...earlier.slice(-99), rated];
  save(items);
}

function save(items) {
  rated = items;
  try {
    sessionStorage.setItem(KEY, JSON.stringify(rated));
  } catch {
    // Without storage the ratings last until the page is loaded again.
  }
}

/** The body of a request: ratings, or items oldest first in a table without ratings. */
export const asBody = (scale) =>
  scale ? { ratings: rated.map(({ id, rating }) => ({ item: id, rating })) } : { history: rated.map(({ id }) => id).reverse() };

export const asText = () => rated.map(({ id, rating }) => encodeURIComponent(id) + (rating === null ? "" : `:${rating}`)).join(",");

/** Take the ratings of a link, and return the ids that the model does not know. */
export async function fromText(text, scale) {
  if (text === asText()) return [];
  const pairs = text.split(",").filter(Boolean).map((part) => {
    const [, id, rating] = /^([^:]*):?(.*)$/.exec(part);
    return { id: decodeURIComponent(id), rating: Number(rating) };
  });
  const unknown = [];
  const items = await Promise.all(pairs.map(async ({ id, rating }) => {
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
  earlier = rated.length ? [rated] : [];  // undo brings your own ratings back
  save(items.filter(Boolean));
  return unknown;
}
