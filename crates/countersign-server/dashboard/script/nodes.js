// The nodes of the server, how old their views are, and how fast changes reach them.

import { get } from "./api.js";
import { h, operatorsOnly, repeat, show, table, title } from "./dom.js";
import { millis, number, state, time } from "./format.js";
import { propagationChart } from "./overview.js";
import { isLate } from "./wellness.js";

const columns = (nodes) => [
  { label: "Node", cell: (node) => [node.name, h("span", { class: "id mono" }, node.id)] },
  { label: "State", cell: (node) => state(node.state === "active" && isLate(node, nodes) ? "late" : node.state) },
  { label: "View age", cell: (node) => [
    millis(node.view_age_ms), h("span", { class: "id" }, `of at most ${millis(node.max_staleness_ms)}`),
    h("meter", {
      value: Math.min(node.view_age_ms, node.max_staleness_ms), max: node.max_staleness_ms,
      class: node.view_age_ms > node.max_staleness_ms ? "bad" : null, "aria-hidden": "true",
    }),
    node.when_stale === "serve" ? h("span", { class: "id" }, "decides with an older view, too") : null,
  ] },
  { label: "Applied", class: "nowrap", cell: (node) => [
    `change ${number(node.applied)}`,
    node.behind > 0 ? h("span", { class: "id" }, `${number(node.behind)} behind`) : null,
  ] },
  { label: "Seen", cell: (node) => time(node.seen_at) },
  { label: "Started", cell: (node) => time(node.started_at) },
];

const NONE = [
  "No node is registered.",
  "The node that answers registers as soon as it can write to the database.",
];

function list(nodes) {
  if (nodes === null) return h("p", { class: "notice bad", role: "alert" }, "The nodes cannot be listed: the database does not answer.");
  return h("div", { class: "panel" }, nodes.length
    ? table("All nodes", columns(nodes), nodes)
    : h("div", { class: "empty" }, NONE.map((line) => h("p", {}, line))));
}

export async function start(main, session) {
  if (!session.is_operator) {
    operatorsOnly(main, "Nodes");
    return;
  }
  await repeat(main, async () => {
    const { nodes, hour } = await get("/overview");
    show(main,
      title("Nodes", "Each server process decides with a view of its own, and answers 503 when that view is too old."),
      list(nodes),
      h("section", { "aria-label": "Propagation" }, propagationChart(hour),
        h("p", { class: "muted small" }, "A revocation is in effect everywhere once every node has applied it. The chart has the mean time of the changes, in each minute, that this node has waited for: those that the dashboard makes, and those of other requests with wait=all.")));
  });
}
