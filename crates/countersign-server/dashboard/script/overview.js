// Whether all is well, at a glance. It is read again every few seconds.

import { chart, greatest, ranking, sum } from "./chart.js";
import { h, operatorsOnly, repeat, show } from "./dom.js";
import { get } from "./api.js";
import { duration, millis, number, percent } from "./format.js";
import { wellness } from "./wellness.js";

function figure(value, term) {
  return h("div", {}, h("dt", {}, term), h("dd", {}, value));
}

function figures({ hour, uptime_seconds: uptime }) {
  const [accepted, rejected] = [sum(hour.accepted), sum(hour.rejected)];
  const share = rejected > 0 ? `, ${percent(rejected / (accepted + rejected))} of all` : "";
  return h("dl", { class: "figures" },
    figure(number(accepted), "accepted in the last hour"),
    figure(number(rejected), `rejected${share}`),
    figure(number(sum(hour.minted)), "tokens minted"),
    figure(duration(uptime), "since the start"));
}

/** Creates the chart of the time until every node had applied a change, the mean of each minute. */
export const propagationChart = (hour) => chart("Propagation", [{ kind: "propagation", label: "to all nodes", values: hour.propagation_ms }], {
  combine: greatest,
  format: millis,
  empty: sum(hour.receipts) > 0
    ? "Less than a millisecond each."
    : "No change was waited for in the last hour.",
});

function content(overview) {
  const { hour } = overview;
  return [
    wellness(overview),
    figures(overview),
    h("section", { class: "charts", "aria-label": "The last hour, by minute" },
      chart("Authentications", [
        { kind: "accepted", label: "Accepted", values: hour.accepted },
        { kind: "rejected", label: "Rejected", values: hour.rejected },
        { kind: "unavailable", label: "Undecided", values: hour.unavailable },
      ], { empty: "None in the last hour." }),
      ranking("Reasons for rejections", hour.rejected_by_reason, "rejections", "None was rejected in the last hour."),
      chart("Tokens minted", [{ kind: "minted", label: "Tokens minted", values: hour.minted }], { empty: "None in the last hour." }),
      propagationChart(hour),
      ranking("How callers authenticate", hour.accepted_by_scheme, "schemes", "None was accepted in the last hour.")),
  ];
}

export async function start(main, session) {
  if (!session.is_operator) {
    operatorsOnly(main, "Overview");
    return;
  }
  await repeat(main, async () => show(main, content(await get("/overview"))));
}
