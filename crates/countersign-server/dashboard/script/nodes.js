// The nodes of the server, and how old their views are.

import { get } from "./api.js";
import { h, show, table, title } from "./dom.js";
import { exactTime, facts, millis, number, state, time } from "./format.js";

const COLUMNS = [
  { label: "Node", cell: (node) => [node.name, h("span", { class: "id mono" }, node.id)] },
  { label: "State", cell: (node) => state(node.state) },
  { label: "View age", cell: (node) => `${millis(node.view_age_ms)}, of at most ${millis(node.max_staleness_ms)}` },
  { label: "Applied", cell: (node) => [`change ${number(node.applied)}`, node.behind > 0 ? h("span", { class: "muted small" }, `, ${number(node.behind)} behind`) : null] },
  { label: "Started", cell: (node) => exactTime(node.started_at) },
  { label: "Seen", cell: (node) => time(node.seen_at) },
];

/** Returns the nodes that the server lists; null if it does not list any. */
async function listed() {
  try {
    return (await get("/v1/nodes")).nodes;
  } catch (problem) {
    if (problem.status === 404) return null;
    throw problem;
  }
}

export async function start(main) {
  const overview = await get("/overview");
  const nodes = await listed();
  show(main,
    title("Nodes", "Each node decides with a view of its own, and rejects requests when the view is too old."),
    h("section", { "aria-label": "This node" }, h("h2", {}, "The node that answered"),
      facts([
        ["State", overview.ready ? state("ready") : state("stale")],
        ["View age", overview.view_age_ms === null ? "not compared yet" : `${millis(overview.view_age_ms)}, of at most ${millis(overview.max_staleness_ms)}`],
      ])),
    h("section", { "aria-label": "All nodes" }, h("h2", {}, "All nodes"),
      h("div", { class: "panel" }, nodes === null
        ? h("p", { class: "empty" }, "This server does not list its nodes.")
        : nodes.length ? table("All nodes", COLUMNS, nodes) : h("p", { class: "empty" }, "No node is registered."))));
}
