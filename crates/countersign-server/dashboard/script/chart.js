// Bar charts of the last hour, one bar a minute.

import { h, svg } from "./dom.js";
import { number } from "./format.js";

const WIDTH = 600;
const HEIGHT = 150;
const STEP = WIDTH / 60;

/** Returns the least round number that is not below the value. */
function ceiling(value) {
  const power = 10 ** Math.floor(Math.log10(Math.max(1, value)));
  return [1, 1.5, 2, 3, 5, 7.5, 10].map((factor) => factor * power).find((limit) => limit >= value);
}

export const sum = (values) => values.reduce((total, value) => total + value, 0);
export const greatest = (values) => Math.max(0, ...values);

/** Creates a table of the same numbers, in steps of ten minutes. */
function numbers(series, combine, format) {
  const steps = [0, 10, 20, 30, 40, 50];
  return h("details", {}, h("summary", {}, "Numbers"),
    h("table", {},
      h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "Minutes ago"), series.map(({ label }) => h("th", { scope: "col", class: "number" }, label)))),
      h("tbody", {}, steps.map((step) => h("tr", {},
        h("th", { scope: "row" }, `${60 - step} to ${50 - step}`),
        series.map(({ values }) => h("td", { class: "number" }, format(combine(values.slice(step, step + 10))))))))));
}

function bars(series, limit) {
  const rects = [];
  for (let minute = 0; minute < 60; minute += 1) {
    let below = 0;
    for (const { kind, values } of series) {
      const height = (values[minute] / limit) * HEIGHT;
      if (height > 0) {
        below += height;
        rects.push(svg("rect", { class: kind, x: minute * STEP + 1, y: HEIGHT - below, width: STEP - 2, height }));
      }
    }
  }
  return rects;
}

function plot(heading, series, peak, combine, format) {
  const limit = ceiling(peak);
  const totals = series.map(({ label, values }) => `${label}: ${format(combine(values))}`).join(", ");
  return h("div", { class: "plot" },
    h("span", { class: "limit" }, format(limit)),
    svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", role: "img", "aria-label": `${heading} in the last hour. ${totals}.` },
      [0, 0.5, 1].map((part) => svg("line", { x1: 0, x2: WIDTH, y1: part * HEIGHT, y2: part * HEIGHT, "vector-effect": "non-scaling-stroke" })),
      bars(series, limit)));
}

/**
 * Creates a chart of stacked series: each has a `kind` (its colour), a `label` and 60 `values`. `combine` makes one number of
 * several minutes, and `format` a text of a number. `empty` is shown if all values are 0.
 */
export function chart(heading, series, { combine = sum, format = number, empty }) {
  const peak = greatest(Array.from({ length: 60 }, (_, minute) => sum(series.map(({ values }) => values[minute]))));
  const legend = series.length > 1 || series[0].label !== heading
    ? h("ul", { class: "legend", role: "list" }, series.map(({ kind, label }) => h("li", { class: kind }, label)))
    : null;
  return h("div", { class: "chart panel" },
    h("header", {}, h("h2", {}, heading), legend),
    peak > 0
      ? [plot(heading, series, peak, combine, format),
        h("p", { class: "axis muted small" }, h("span", {}, "60 min ago"), h("span", {}, `peak ${format(peak)}`), h("span", {}, "now")),
        numbers(series, combine, format)]
      : h("p", { class: "muted" }, empty));
}

/** Creates a list of labels with their counts, the largest first. */
export function ranking(heading, counts, kind, empty) {
  const entries = Object.entries(counts).sort(([, a], [, b]) => b - a).slice(0, 5);
  const most = entries[0]?.[1] ?? 1;
  return h("div", { class: "chart panel" }, h("header", {}, h("h2", {}, heading)),
    entries.length
      ? h("ul", { class: `ranking ${kind}`, role: "list" }, entries.map(([label, count]) => h("li", {},
        h("span", {}, label.replaceAll("_", " ")), h("span", {}, number(count)),
        h("meter", { value: count, max: most, "aria-label": `${label}: ${count}` }))))
      : h("p", { class: "muted" }, empty));
}
