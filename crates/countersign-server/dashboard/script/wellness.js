// Whether all is well: one statement, and the checks behind it.

import { greatest, sum } from "./chart.js";
import { h } from "./dom.js";
import { duration, millis, number } from "./format.js";

/** How much older than the newest report that of a node may be: each reports after every change, and every 10 s. */
const SILENCE = 30000;
const MEANINGS = { good: "as it should be", warn: "look at this", bad: "broken" };

/** Returns whether a node is leaving, has a view that is too old, or has not reported for long. */
export function isLate(node, nodes) {
  const newest = greatest(nodes.map(({ seen_at }) => new Date(seen_at).getTime()));
  return node.state !== "active" || node.view_age_ms > node.max_staleness_ms || newest - new Date(node.seen_at).getTime() > SILENCE;
}

function viewCheck({ view_age_ms: age, max_staleness_ms: limit }) {
  if (age === null) return ["bad", "was never compared with the database"];
  return [age > limit ? "bad" : "good", `${millis(age)} old, of at most ${millis(limit)}`];
}

function nodesCheck({ nodes }) {
  if (nodes === null) return ["bad", "the database does not list them"];
  const late = nodes.filter((node) => isLate(node, nodes)).length;
  if (late > 0) return ["warn", `${number(late)} of ${number(nodes.length)} late or leaving`];
  return ["good", nodes.length === 1 ? "one, and it is current" : `${number(nodes.length)}, and all are current`];
}

function changesCheck({ hour }) {
  const [incomplete, receipts] = [sum(hour.incomplete), sum(hour.receipts)];
  if (incomplete > 0) return ["warn", `${number(incomplete)} not applied by every node in time`];
  if (receipts === 0) return ["good", "none in the last hour"];
  return ["good", `${number(receipts)}, each applied by every node`];
}

function requestsCheck({ hour }) {
  const [undecided, failed] = [sum(hour.unavailable), sum(hour.failed)];
  if (undecided + failed === 0) return ["good", "none failed in the last hour"];
  return ["warn", `${number(failed)} failed, ${number(undecided)} undecided`];
}

function checks(overview) {
  const age = overview.signing_key_age_seconds;
  return [
    ["View", ...viewCheck(overview)],
    ["Signing key", ...(age === null ? ["bad", "none signs"] : ["good", `in use for ${duration(age)}`])],
    ["Nodes", ...nodesCheck(overview)],
    ["Changes", ...changesCheck(overview)],
    ["Requests", ...requestsCheck(overview)],
  ];
}

/** Returns how serious the state is, what it is, and what to do. */
function statement(overview) {
  const { ready, draining, view_age_ms: age, max_staleness_ms: limit, hour } = overview;
  const [accepted, rejected] = [sum(hour.accepted), sum(hour.rejected)];
  if (draining) return ["warn", "Shutting down", "The server finishes the requests in flight, and takes no new ones."];
  if (age === null || age > limit) return ["bad", "The view is too old", "The database cannot be read, and requests are answered 503. The log says why: look for “reading changes failed”."];
  if (!ready) return ["bad", "Not ready", "No key of an issuer signs, and minting fails. Look at the signing keys, and at the clock."];
  if (requestsCheck(overview)[0] !== "good") return ["warn", "Ready, with failures", "Some requests were answered with an error of the server. The log has their causes."];
  if (nodesCheck(overview)[0] !== "good" || changesCheck(overview)[0] !== "good") return ["warn", "This node is ready, others are late", "A late node answers 503 once its view is too old. Look at the nodes."];
  if (rejected > 20 && rejected > accepted) return ["warn", "Ready, but most credentials are rejected", "Look at the reasons: a client may use an old key, or guesses."];
  return ["good", "All is well", "Requests are authenticated and tokens are minted with a current view of all credentials."];
}

/** Creates the statement with its checks. */
export function wellness(overview) {
  const [kind, heading, text] = statement(overview);
  return h("section", { class: `wellness panel ${kind}`, "aria-label": "State of the server" },
    h("div", {}, h("h1", {}, heading), h("p", {}, text)),
    h("ul", { class: "checks", role: "list" }, checks(overview).map(([name, kind, text]) => h("li", {},
      h("span", { class: `state ${kind}` }, name, h("span", { class: "unseen" }, ` (${MEANINGS[kind]}): `)), h("span", {}, text)))));
}
