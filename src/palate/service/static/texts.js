// Texts of the page in its language, and numbers and dates as that language writes them.

const TABLES = { en: () => import("./texts-en.js"), ko: () => import("./texts-ko.js") };
const KEY = "palate-language";

let language;
let texts;

const isKnown = (code) => Object.hasOwn(TABLES, code);
const languageOf = (tag) => tag.split("-")[0].toLowerCase();

/** The language chosen before, else the first known one of the browser's languages. */
function preferred() {
  let code = null;
  try { code = localStorage.getItem(KEY); } catch { /* the language follows the browser */ }
  return isKnown(code) ? code : navigator.languages.map(languageOf).find(isKnown) ?? "en";
}

async function use(code) {
  texts = (await TABLES[code]()).default;
  language = code;
  document.documentElement.lang = code;
}

await use(preferred());

export const languages = Object.keys(TABLES);
export const currentLanguage = () => language;

/** Load the texts of a language, and remember the choice. */
export async function setLanguage(code) {
  await use(code);
  try { localStorage.setItem(KEY, code); } catch { /* the choice lasts until the page is loaded again */ }
}

/** The text of a key, with {name} replaced by values.name. */
export function t(key, values = {}) {
  return texts[key].replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

/** The text of a key as a list of strings and elements: values may be elements. */
export function parts(key, values) {
  return texts[key].split(/\{(\w+)\}/).map((part, index) => (index % 2 ? values[part] : part));
}

/** The first of the browser's locales with the page's language, such as en-GB. */
const locale = () => navigator.languages.find((tag) => languageOf(tag) === language) ?? language;

const number = (value, options) => new Intl.NumberFormat(locale(), options).format(value);

export const count = (value) => number(value);
/** At most so many decimals. */
export const short = (value, digits = 1) => number(value, { maximumFractionDigits: digits });
/** Exactly so many decimals. */
export const fixed = (value, digits) => number(value, { minimumFractionDigits: digits, maximumFractionDigits: digits });
/** A share of 1 as per cent, with so many significant digits. */
export const percent = (share, digits = 2) => number(share, { style: "percent", maximumSignificantDigits: digits });
export const date = (text) => new Intl.DateTimeFormat(locale(), { dateStyle: "long" }).format(new Date(text));

const UNITS = ["byte", "kilobyte", "megabyte", "gigabyte"];

export function bytes(size) {
  const power = Math.min(UNITS.length - 1, Math.floor(Math.log10(Math.max(1, size)) / 3));
  return number(size / 1000 ** power, { style: "unit", unit: UNITS[power], maximumFractionDigits: 1 });
}
