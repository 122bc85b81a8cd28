// Dialogs that create keys and users.

import { get, send } from "./api.js";
import { formDialog } from "./dialog.js";
import { announce } from "./dom.js";
import { showKey } from "./secret.js";

const EXPIRES = [["", "Never"], ["30", "In 30 days"], ["90", "In 90 days"], ["365", "In a year"]];
const words = (text) => text.split(/[\s,]+/).filter(Boolean);
const orNull = (text) => text || null;

/** Returns the fields of what keys and users have in common. */
async function ownerFields(session) {
  const [environments, accounts] = await Promise.all([
    get("/v1/environments?limit=1000"),
    session.is_operator ? get("/v1/accounts?limit=1000") : { accounts: [] },
  ]);
  const fields = [];
  const others = accounts.accounts.filter((account) => account.status === "active");
  if (others.length > 1) {
    fields.push({ name: "account_id", type: "select", label: "Account", options: [["", "Yours"], ...others.map((one) => [one.id, one.name])] });
  }
  if (environments.environments.length) {
    fields.push({ name: "environment_id", type: "select", label: "Environment", options: [["", "The whole account"], ...environments.environments.map((one) => [one.id, `${one.name} (${one.kind})`])] });
  }
  return fields;
}

const scopesField = {
  name: "scopes", label: "Scopes", required: true, placeholder: "calls:read wallet:*",
  hint: "Separated by spaces. At most what you hold yourself.",
};

/** Creates a key, and shows it. Returns what was created, or undefined. */
export async function createKey(session) {
  const created = await formDialog({
    heading: "Create an API key",
    fields: [
      { name: "name", label: "Name", required: true, maxlength: 128, hint: "What uses it, such as “billing worker”." },
      scopesField,
      { name: "expires", type: "select", label: "Expires", options: EXPIRES },
      { name: "networks", label: "Accepted from", placeholder: "192.0.2.0/24", hint: "Networks, separated by spaces; from everywhere if empty." },
      ...await ownerFields(session),
    ],
    label: "Create",
    confirmWith: session,
    action: ({ name, scopes, expires, networks, account_id, environment_id }, headers) => {
      const expiry = expires ? new Date(Date.now() + Number(expires) * 86400000).toISOString() : null;
      return send("POST", "/v1/keys", {
        name, scopes: words(scopes), expires_at: expiry, allow_from: words(networks),
        account_id: orNull(account_id), environment_id: orNull(environment_id),
      }, headers);
    },
  });
  if (created) await showKey(session, "The key was created", created);
  return created;
}

/** Creates a user. Returns it, or undefined. */
export async function createUser(session) {
  const created = await formDialog({
    heading: "Create a user",
    fields: [
      { name: "name", label: "User name", required: true, maxlength: 64 },
      { name: "password", type: "password", label: "Password of the new user", required: true, autocomplete: "new-password" },
      scopesField,
      ...await ownerFields(session),
    ],
    label: "Create",
    confirmWith: session,
    action: ({ name, password, scopes, account_id, environment_id }, headers) =>
      send("POST", "/v1/users", {
        name, password, scopes: words(scopes), account_id: orNull(account_id), environment_id: orNull(environment_id),
      }, headers),
  });
  if (created) announce(`The user ${created.name} was created.`);
  return created;
}
