// Lists of API keys, users and managed tokens, and the page of one of them.

import { get, query } from "./api.js";
import { createKey, createUser } from "./create.js";
import { showCredential } from "./credential.js";
import { button, h, show, title } from "./dom.js";
import { id, scopes, state, time } from "./format.js";
import { showList } from "./list.js";

const COLLECTIONS = {
  keys: { members: "keys", one: "API key", title: "API keys", line: "Long-lived secrets of services, from which they mint tokens.", create: createKey, label: "Create a key", hint: "Create one for each service that calls you: it can then be revoked alone." },
  users: { members: "users", one: "user", title: "Users", line: "People who sign in with a password.", create: createUser, label: "Create a user", hint: "Create one for each person. Services use API keys." },
  "managed-tokens": { members: "managed_tokens", one: "managed token", title: "Managed tokens", line: "Long-lived tokens with a record each. Keys and users create them at their own endpoint.", hint: "A POST to /api/v1/api_token with a key creates one." },
};

const ID = /^[0-9a-z]{32}$/i;
const STATES = [["", "All"], ["active", "Active"], ["suspended", "Suspended"], ["revoked", "Revoked"]];

export const credentialLink = (collection, one, text) =>
  h("a", { href: `/dashboard/${collection}/${encodeURIComponent(one)}` }, text ?? one);

/** Returns what created a credential: its name if it is one of those that were loaded, and otherwise the end of its id. */
function creator(collection, item, names) {
  if (!item.created_by) return h("span", { class: "muted" }, "operator");
  const name = names.get(item.created_by);
  return name ? credentialLink(collection, item.created_by, name) : h("code", { class: "short", title: item.created_by }, `…${item.created_by.slice(-6)}`);
}

const columns = (collection, names) => [
  { label: "Name", cell: (item) => (item.name
    ? [credentialLink(collection, item.id, item.name), id(item.id)]
    : h("span", { class: "mono" }, credentialLink(collection, item.id))) },
  { label: "State", cell: (item) => state(item.status) },
  { label: "Scopes", cell: (item) => scopes(item.scopes) },
  { label: "Last used", cell: (item) => time(item.last_used_at) },
  { label: "Expires", cell: (item) => time(item.expires_at) },
  { label: "Created", cell: (item) => time(item.created_at) },
  { label: "By", cell: (item) => creator(collection, item, names) },
];

async function showAll(main, session, collection) {
  const { members, one, title: heading, line, create, label, hint } = COLLECTIONS[collection];
  const list = h("section", { "aria-label": heading });
  const actions = create
    ? [button(label, async () => {
      const created = await create(session);
      if (created) location.assign(`/dashboard/${collection}/${created.id}`);
    }, { class: "primary" })]
    : [];
  const names = new Map();
  show(main, title(heading, line, ...actions), list);
  await showList(list, {
    name: heading,
    columns: columns(collection, names),
    load: async (after) => {
      const page = await get(`/v1/${collection}${query({ limit: 200, after })}`);
      for (const item of page[members]) names.set(item.id, item.name);
      return { items: page[members], next: page.next };
    },
    words: (item) => [item.name, item.id, item.account_id, item.created_by, ...item.scopes],
    find: (text) => (ID.test(text) ? credentialLink(collection, text, `Open the ${one} ${text}`) : null),
    filters: [{ name: "state", label: "State", options: STATES, matches: (item, value) => item.status === value }],
    empty: [`There is no ${one} yet.`, hint],
  });
}

export async function start(main, session) {
  const [collection, one] = location.pathname.split("/").slice(2);
  if (one) {
    await showCredential(main, session, collection, decodeURIComponent(one), COLLECTIONS[collection]);
  } else {
    await showAll(main, session, collection);
  }
}
