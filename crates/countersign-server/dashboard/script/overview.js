// Whether all is well, at a glance. It is read again every few seconds.

import { get } from "./api.js";
import { chart, ranking } from "./chart.js";
import { h, show, title } from "./dom.js";
import { duration, millis, number } from "./format.js";

const PERIOD = 5000;
const sum = (values) => values.reduce((total, value) => total + value, 0);

/** Returns the one statement about the server: how serious it is, what it is, and what to do. */
function wellness({ ready, draining, view_age_ms: age, max_staleness_ms: limit, hour }) {
  const [undecided, failed] = [sum(hour.unavailable), sum(hour.failed)];
  const [accepted, rejected] = [sum(hour.accepted), sum(hour.rejected)];
  if (draining) return ["warn", "Shutting down", "The server finishes the requests in flight, and takes no new ones."];
  if (age === null || age > limit) return ["bad", "The view is too old", "The database cannot be read, and requests are answered 503. The log says why: look for “reading changes failed”."];
  if (!ready) return ["bad", "Not ready", "No key of an issuer signs, and minting fails. Look at the signing keys, and at the clock."];
  if (failed + undecided > 0) return ["warn", "Ready, with failures", `In the last hour, ${number(failed)} requests failed and ${number(undecided)} could not be decided. The log has their causes.`];
  if (rejected > 20 && rejected > accepted) return ["warn", "Ready, but most credentials are rejected", "Look at the reasons below: a client may use an old key, or guesses."];
  return ["good", "All is well", "Requests are authenticated and tokens are minted with a current view of all credentials."];
}

function figure(term, value, kind) {
  return h("div", { class: kind }, h("dt", {}, term), h("dd", {}, value));
}

function figures(overview) {
  const { hour } = overview;
  const failed = sum(hour.failed) + sum(hour.unavailable);
  return h("dl", { class: "figures" },
    figure("View age", overview.view_age_ms === null ? "none" : millis(overview.view_age_ms), overview.ready ? null : "bad"),
    figure("Accepted, last hour", number(sum(hour.accepted))),
    figure("Rejected, last hour", number(sum(hour.rejected))),
    figure("Tokens minted", number(sum(hour.minted))),
    figure("Failures", number(failed), failed > 0 ? "warn" : null),
    figure("Running for", duration(overview.uptime_seconds)));
}

function content(overview) {
  const { hour } = overview;
  const [kind, statement, explanation] = wellness(overview);
  return [
    h("section", { class: `wellness panel ${kind}`, "aria-label": "State of the server" }, h("h1", {}, statement), h("p", {}, explanation)),
    figures(overview),
    h("section", { class: "charts", "aria-label": "The last hour" },
      chart("Authentications", [
        { kind: "accepted", label: "Accepted", values: hour.accepted },
        { kind: "rejected", label: "Rejected", values: hour.rejected },
        { kind: "unavailable", label: "Undecided", values: hour.unavailable },
      ]),
      chart("Tokens minted", [{ kind: "minted", label: "Minted", values: hour.minted }]),
      ranking("Why requests were rejected", hour.rejected_by_reason, "rejections", "None was rejected in the last hour."),
      ranking("How callers authenticate", hour.accepted_by_scheme, "schemes", "None was accepted in the last hour.")),
  ];
}

/** Returns whether the user reads the numbers, so that they must not be replaced. */
const isBeingRead = (main) => main.querySelector("details[open]") !== null;

export async function start(main, session) {
  if (!session.is_operator) {
    show(main, title("Overview", null), h("p", { class: "notice" }, "The state of the whole server is shown to credentials of the account default. Yours reach the credentials of your account: see the pages in the navigation."));
    return;
  }
  const update = async () => {
    if (!isBeingRead(main)) show(main, content(await get("/overview")));
  };
  await update();
  setInterval(() => {
    if (!document.hidden) update().catch((problem) => show(main, h("p", { class: "notice bad", role: "alert" }, problem.message)));
  }, PERIOD);
}
