// What the page says: by key, from the one file of its language.
import strings from './strings.js';

export const lang = strings.lang;

/** The text of a key, with `{name}` filled in. */
export function t(key, values = {}) {
  const text = strings[key] ?? key;
  return text.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole));
}

/** Whether the language has a text for a key. */
export const has = (key) => key in strings;

const rules = new Intl.PluralRules(lang);

/** The text of `key_one`, `key_other` and the like, whichever the language wants for this number. */
export function count(key, n, values = {}) {
  const form = `${key}_${rules.select(n)}`;
  return t(has(form) ? form : `${key}_other`, { n: number(n), ...values });
}

const numbers = new Intl.NumberFormat(lang);
export const number = (n) => numbers.format(n);

const moments = new Intl.DateTimeFormat(lang, { dateStyle: 'medium', timeStyle: 'medium' });
const hours = new Intl.DateTimeFormat(lang, { hour: '2-digit', minute: '2-digit' });
const days = new Intl.DateTimeFormat(lang, { month: 'short', day: 'numeric', hour: '2-digit', minute: '2-digit' });
export const moment = (ms) => moments.format(ms);
export const hour = (ms) => hours.format(ms);
export const day = (ms) => days.format(ms);

const relative = new Intl.RelativeTimeFormat(lang, { numeric: 'auto' });
const UNITS = [['day', 86_400_000], ['hour', 3_600_000], ['minute', 60_000], ['second', 1000]];

/** How long ago, in the largest unit that fits. */
export function ago(ms) {
  const past = Math.max(0, Date.now() - ms);
  const [unit, size] = UNITS.find(([, size]) => past >= size) ?? UNITS.at(-1);
  return relative.format(-Math.floor(past / size), unit);
}

/** A stretch of time as a clock shows it: 14:05, 1:02:33. */
export function clock(ms) {
  const all = Math.max(0, Math.ceil(ms / 1000));
  const [h, m, s] = [Math.floor(all / 3600), Math.floor((all % 3600) / 60), all % 60];
  const two = (n) => String(n).padStart(2, '0');
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}
