// Bar charts of the last hour, one bar a minute.

import { h, svg } from "./dom.js";
import { number } from "./format.js";

const WIDTH = 600;
const HEIGHT = 168;
const BASE = HEIGHT - 18;
const STEP = WIDTH / 60;

/** Returns the least round number that is not below the value. */
function ceiling(value) {
  const power = 10 ** Math.floor(Math.log10(Math.max(1, value)));
  return [1, 1.5, 2, 3, 5, 7.5, 10].map((factor) => factor * power).find((limit) => limit >= value);
}

const sum = (values) => values.reduce((total, value) => total + value, 0);

/** Creates a table of the same numbers, in steps of ten minutes. */
function numbers(series) {
  const steps = [0, 10, 20, 30, 40, 50];
  return h("details", {}, h("summary", {}, "Numbers"),
    h("table", {},
      h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "Minutes ago"), series.map(({ label }) => h("th", { scope: "col", class: "number" }, label)))),
      h("tbody", {}, steps.map((step) => h("tr", {},
        h("th", { scope: "row" }, `${60 - step} to ${50 - step}`),
        series.map(({ values }) => h("td", { class: "number" }, number(sum(values.slice(step, step + 10))))))))));
}

function bars(series, limit) {
  const rects = [];
  for (let minute = 0; minute < 60; minute += 1) {
    let below = 0;
    for (const { kind, values } of series) {
      const height = (values[minute] / limit) * (BASE - 14);
      if (height > 0) {
        below += height;
        rects.push(svg("rect", { class: kind, x: minute * STEP + 1, y: BASE - below, width: STEP - 2, height, rx: Math.min(2, height / 2) }));
      }
    }
  }
  return rects;
}

/** Creates a chart of stacked series: each has a `kind` (its colour), a `label` and 60 `values`. */
export function chart(heading, series) {
  const peak = Math.max(...Array.from({ length: 60 }, (_, minute) => sum(series.map(({ values }) => values[minute]))));
  const limit = ceiling(peak);
  const totals = series.map(({ label, values }) => `${label}: ${number(sum(values))}`).join(", ");
  const grid = [0, 0.5, 1].map((part) => BASE - part * (BASE - 14));
  return h("div", { class: "chart panel" },
    h("header", {}, h("h2", {}, heading), h("ul", { class: "legend", role: "list" }, series.map(({ kind, label }) => h("li", { class: kind }, label)))),
    svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", role: "img", "aria-label": `${heading} in the last hour. ${totals}.` },
      grid.map((y) => svg("line", { x1: 0, x2: WIDTH, y1: y, y2: y, "vector-effect": "non-scaling-stroke" })),
      bars(series, limit)),
    h("p", { class: "axis muted small" }, h("span", {}, "60 min ago"), h("span", {}, `peak ${number(peak)} a minute`), h("span", {}, "now")),
    numbers(series));
}

/** Creates a list of labels with their counts, the largest first. */
export function ranking(heading, counts, kind, empty) {
  const entries = Object.entries(counts).sort(([, a], [, b]) => b - a).slice(0, 6);
  const most = entries[0]?.[1] ?? 1;
  return h("div", { class: "chart panel" }, h("header", {}, h("h2", {}, heading)),
    entries.length
      ? h("ul", { class: `ranking ${kind}`, role: "list" }, entries.map(([label, count]) => h("li", {},
        h("span", {}, label.replaceAll("_", " ")), h("span", {}, number(count)),
        h("meter", { value: count, max: most, "aria-label": `${label}: ${count}` }))))
      : h("p", { class: "muted" }, empty));
}
