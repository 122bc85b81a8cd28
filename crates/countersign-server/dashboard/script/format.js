// Texts and small elements for values.

import { h } from "./dom.js";

const NUMBER = new Intl.NumberFormat("en");
const RELATIVE = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
const ABSOLUTE = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "medium" });
const UNITS = [["year", 31536000], ["month", 2592000], ["day", 86400], ["hour", 3600], ["minute", 60], ["second", 1]];

export const number = (value) => NUMBER.format(value);

/** Formats a share of a whole, such as "4.3 %". */
export const percent = (share) => `${(share * 100).toFixed(1)} %`;

/** Formats a duration with its two largest units, such as "23 h 59 min". */
export function duration(seconds) {
  const parts = [["d", 86400], ["h", 3600], ["min", 60], ["s", 1]];
  let left = Math.max(0, Math.floor(seconds));
  const texts = [];
  for (const [unit, size] of parts) {
    const count = Math.floor(left / size);
    left -= count * size;
    if (count > 0) texts.push(`${count} ${unit}`);
  }
  return texts.slice(0, 2).join(" ") || "0 s";
}

/** Formats milliseconds, such as "35 ms" or "2.4 s". */
export const millis = (value) => (value < 1000 ? `${value}\u00a0ms` : `${Number((value / 1000).toFixed(1))}\u00a0s`);

/** Creates a time, relative to now. The exact one is its title. */
export function time(text, otherwise = "never") {
  if (!text) return h("span", { class: "muted" }, otherwise);
  const date = new Date(text);
  const seconds = (date.getTime() - Date.now()) / 1000;
  const [unit, size] = UNITS.find(([, size]) => Math.abs(seconds) >= size) ?? UNITS.at(-1);
  return h("time", { datetime: text, title: ABSOLUTE.format(date) }, RELATIVE.format(Math.round(seconds / size), unit));
}

/** Creates an exact time. */
export const exactTime = (text, otherwise = "never") =>
  text ? h("time", { datetime: text }, ABSOLUTE.format(new Date(text))) : h("span", { class: "muted" }, otherwise);

const KINDS = {
  active: "good", suspended: "warn", revoked: "bad",
  pending: "warn", retiring: "none", removed: "none",
  late: "warn", leaving: "none",
};

/** Creates the state of something, which differs by its form as well as by its colour. */
export const state = (name) => h("span", { class: `state ${KINDS[name] ?? "none"}` }, name);

export const scopes = (list) =>
  list.length ? h("ul", { class: "scopes", role: "list" }, list.map((scope) => h("li", {}, scope))) : h("span", { class: "muted" }, "none");

export const id = (text) => h("span", { class: "id mono" }, text);

/** Creates a list of terms and values. Values that are null are left out. */
export const facts = (pairs) =>
  h("dl", { class: "facts panel" }, pairs.filter(([, value]) => value !== null && value !== undefined)
    .map(([term, value]) => [h("dt", {}, term), h("dd", {}, value)]));
