// The sessions of all keys and users.

import { endSession } from "./actions.js";
import { get, query } from "./api.js";
import { credentialLink } from "./credentials.js";
import { button, h, show, title } from "./dom.js";
import { id, scopes, time } from "./format.js";
import { showList } from "./list.js";

const collectionOf = (item) => (item.credential_kind === "user" ? "users" : "keys");

const columns = (session, refresh) => [
  { label: "Session", cell: (item) => [item.session_id ?? h("span", { class: "muted" }, "unnamed"), id(item.id)] },
  { label: "Of", cell: (item) => [credentialLink(collectionOf(item), item.credential_id, item.credential_name), h("span", { class: "id" }, item.credential_kind)] },
  ...(session.issuers.length > 1 ? [{ label: "Issuer", cell: (item) => item.issuer }] : []),
  { label: "Scopes", cell: (item) => scopes(item.scopes) },
  { label: "Began", cell: (item) => time(item.issued_at) },
  { label: "Token expires", cell: (item) => time(item.expires_at) },
  { label: "Action", cell: (item) => button("End", async () => {
    if (await endSession(collectionOf(item), { id: item.credential_id }, item)) await refresh();
  }, { class: "small danger", "aria-label": `End session ${item.session_id ?? item.id}` }) },
];

export async function start(main, session) {
  const list = h("section", { "aria-label": "Sessions" });
  show(main, title("Sessions", "While a session lasts, each login of its key or user gets the same token."), list);
  await showList(list, {
    name: "Sessions",
    columns: columns(session, () => start(main, session)),
    load: async (after) => {
      const page = await get(`/v1/sessions${query({ limit: 200, after })}`);
      return { items: page.sessions, next: page.next };
    },
    words: (item) => [item.session_id, item.id, item.credential_name, item.credential_id, ...item.scopes],
    empty: ["There is no session with a valid token.", "Keys and users begin sessions at /auth/login. Tokens of the other endpoints belong to none."],
  });
}
