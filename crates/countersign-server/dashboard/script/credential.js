// The page of one API key, user or managed token.

import { get, query } from "./api.js";
import { actions, endSession } from "./actions.js";
import { credentialLink } from "./credentials.js";
import { button, h, show, table, title } from "./dom.js";
import { duration, exactTime, facts, scopes, state, time } from "./format.js";

/** Counts down until a time, once a second. */
function countdown(until) {
  const text = h("strong", {});
  const tick = () => {
    const left = (new Date(until).getTime() - Date.now()) / 1000;
    text.textContent = left > 0 ? `for ${duration(left)}` : "not any more";
    if (left > 0 && document.contains(text)) setTimeout(tick, 1000);
  };
  queueMicrotask(tick);
  return h("span", {}, "The previous secret works ", text, ", until ", exactTime(until));
}

const list = (texts, otherwise) => (texts.length ? texts.join(", ") : h("span", { class: "muted" }, otherwise));

const properties = (one) => facts([
  ["State", [state(one.status), one.reason ? ` ${one.reason}` : null]],
  ["Rotation", one.grace_until ? countdown(one.grace_until) : null],
  ["Scopes", scopes(one.scopes)],
  ["Id", h("code", {}, one.id)],
  ["Account", h("code", {}, one.account_id)],
  ["Environment", one.environment_id ? h("code", {}, one.environment_id) : null],
  ["Accepted from", list(one.allow_from, "everywhere")],
  ["Issuers", list(one.issuers, "all")],
  ["Last used", time(one.last_used_at)],
  ["Expires", exactTime(one.expires_at)],
  ["Created", [exactTime(one.created_at), one.created_by ? [" by ", h("code", {}, one.created_by)] : " by the operator"]],
  ["Changed", exactTime(one.updated_at)],
  ["Generation", String(one.generation)],
]);

async function sessionsOf(element, collection, one) {
  const { sessions } = await get(`/v1/${collection}/${one.id}/sessions`);
  const columns = [
    { label: "Session", cell: (item) => [item.session_id ?? h("span", { class: "muted" }, "unnamed"), h("span", { class: "id mono" }, item.id)] },
    { label: "Issuer", cell: (item) => item.issuer },
    { label: "Scopes", cell: (item) => scopes(item.scopes) },
    { label: "Began", cell: (item) => time(item.issued_at) },
    { label: "Token expires", cell: (item) => time(item.expires_at) },
    { label: "Action", cell: (item) => button("End", async () => {
      if (await endSession(collection, one, item)) await sessionsOf(element, collection, one);
    }, { class: "small danger", "aria-label": `End session ${item.session_id ?? item.id}` }) },
  ];
  show(element, h("h2", {}, "Sessions"),
    h("div", { class: "panel" }, sessions.length ? table("Sessions", columns, sessions) : h("div", { class: "empty" }, "There is no session with a valid token.")));
}

async function createdBy(element, one) {
  const pages = await Promise.all(["keys", "users", "managed-tokens"].map(async (collection) => {
    const page = await get(`/v1/${collection}${query({ limit: 200, created_by: one.id })}`);
    return Object.values(page).find(Array.isArray).map((item) => ({ ...item, collection }));
  }));
  const items = pages.flat();
  const columns = [
    { label: "Name", cell: (item) => credentialLink(item.collection, item.id, item.name || item.id) },
    { label: "Kind", cell: (item) => item.kind },
    { label: "State", cell: (item) => state(item.status) },
    { label: "Created", cell: (item) => time(item.created_at) },
  ];
  show(element, h("h2", {}, "Created with it"),
    h("div", { class: "panel" }, items.length ? table("Created with it", columns, items) : h("div", { class: "empty" }, "No other credential was created with it.")));
}

export async function showCredential(main, session, collection, id, { title: heading, one: kind }) {
  const one = await get(`/v1/${collection}/${encodeURIComponent(id)}`);
  const sessions = h("section", { "aria-label": "Sessions" });
  const created = h("section", { "aria-label": "Created with it" });
  const refresh = () => showCredential(main, session, collection, id, { title: heading, one: kind });
  const isToken = collection === "managed-tokens";
  show(main,
    h("a", { href: `/dashboard/${collection}` }, `← ${heading}`),
    title(one.name || `${kind} ${one.id.slice(-6)}`, null, ...actions(session, collection, kind, one, refresh)),
    h("section", { "aria-label": "Properties" }, properties(one)),
    isToken ? null : [sessions, created]);
  if (!isToken) await Promise.all([sessionsOf(sessions, collection, one), createdBy(created, one)]);
}
