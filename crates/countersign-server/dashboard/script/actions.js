// What can be done with a credential: the buttons of its page and their dialogs.

import { send } from "./api.js";
import { formDialog } from "./dialog.js";
import { announce, button } from "./dom.js";
import { receiptText } from "./receipt.js";
import { showKey } from "./secret.js";

const GRACE = [["86400", "A day"], ["3600", "An hour"], ["604800", "A week"], ["2592000", "30 days"], ["0", "Not at all"]];

/** Performs a change, and says what has happened and how far it has arrived. */
async function change(done, request) {
  const response = await request;
  announce([done, receiptText(response)].filter(Boolean).join(" "));
  return response;
}

function rotate(session, path) {
  return formDialog({
    heading: "Rotate the key",
    text: "The key gets a new secret, which is shown once. Its id, scopes and tokens stay.",
    fields: [{ name: "grace", type: "select", label: "The present secret works for another", options: GRACE }],
    label: "Rotate",
    confirmWith: session,
    action: ({ grace }, headers) => send("POST", `${path}/rotate`, { grace_seconds: Number(grace) }, headers),
  });
}

function replace(session, path) {
  return formDialog({
    heading: "Replace a compromised key",
    text: "The present secret stops working at once, and with it every token that was minted from it.",
    fields: [{ name: "keep", type: "checkbox", label: "Keep the managed tokens that the key created" }],
    label: "Replace",
    danger: true,
    confirmWith: session,
    action: ({ keep }, headers) => send("POST", `${path}/rotate`, { compromised: true, keep_tokens: keep }, headers),
  });
}

const revoke = (path, kind) => formDialog({
  heading: `Revoke the ${kind}`,
  text: "It is rejected permanently, and with it every token that was minted from it. This cannot be undone.",
  fields: [{ name: "reason", label: "Reason, for the record", maxlength: 256 }],
  label: "Revoke",
  danger: true,
  action: ({ reason }) => change(`The ${kind} was revoked.`, send("POST", `${path}/revoke`, reason ? { reason } : {})),
});

const suspend = (path, kind) => formDialog({
  heading: `Suspend the ${kind}`,
  text: "It is rejected until it is activated again. Tokens that were minted from it stay invalid.",
  label: "Suspend",
  action: () => change(`The ${kind} was suspended.`, send("POST", `${path}/suspend`)),
});

const activate = (session, path, kind) => formDialog({
  heading: `Activate the ${kind}`,
  text: "It is accepted again.",
  label: "Activate",
  confirmWith: session,
  action: (_, headers) => change(`The ${kind} was activated.`, send("POST", `${path}/activate`, undefined, headers)),
});

const setScopes = (session, path, one) => formDialog({
  heading: "Change the scopes",
  text: "Taking a scope away also invalidates the tokens that were minted.",
  fields: [{ name: "scopes", label: "Scopes", required: true, value: one.scopes.join(" "), hint: "Separated by spaces. At most what you hold yourself." }],
  label: "Change",
  confirmWith: session,
  action: ({ scopes }, headers) => change("The scopes were changed.", send("PUT", `${path}/scopes`, { scopes: scopes.split(/[\s,]+/).filter(Boolean) }, headers)),
});

const setPassword = (session, path) => formDialog({
  heading: "Set the password",
  text: "All tokens of the user become invalid, and its sessions of the dashboard end.",
  fields: [{ name: "password", type: "password", label: "New password", required: true, autocomplete: "new-password" }],
  label: "Set",
  confirmWith: session,
  action: ({ password }, headers) => change("The password was set.", send("POST", `${path}/password`, { password }, headers)),
});

const remove = (path, kind) => formDialog({
  heading: `Delete the ${kind}`,
  text: "Its record is removed. Its tokens stay invalid.",
  label: "Delete",
  danger: true,
  action: () => change(`The ${kind} was deleted.`, send("DELETE", path)),
});

/** Ends a session of a credential. Returns whether it was ended. */
export const endSession = (collection, one, item) => formDialog({
  heading: "End the session",
  text: "Its token is rejected, and the next login mints another one.",
  label: "End",
  danger: true,
  action: () => change("The session was ended.", send("DELETE", `/v1/${collection}/${one.id}/sessions/${encodeURIComponent(item.id)}`)),
});

/** Returns the buttons for a credential in its present state. `refresh` shows the page again. */
export function actions(session, collection, kind, one, refresh) {
  const path = `/v1/${collection}/${one.id}`;
  const then = (dialog) => async () => {
    if (await dialog() !== undefined) await refresh();
  };
  const withKey = (dialog, heading) => async () => {
    const created = await dialog();
    if (created === undefined) return;
    announce(["The key has a new secret.", receiptText(created)].filter(Boolean).join(" "));
    await showKey(session, heading, created);
    await refresh();
  };
  if (one.status === "revoked") {
    return [button("Delete", async () => {
      if (await remove(path, kind) !== undefined) location.assign(`/dashboard/${collection}`);
    }, { class: "danger" })];
  }
  const isKey = collection === "keys";
  return [
    isKey && one.status === "active" ? button("Rotate", withKey(() => rotate(session, path), "The key was rotated"), { class: "primary" }) : null,
    collection === "users" ? button("Set password", then(() => setPassword(session, path))) : null,
    collection !== "managed-tokens" ? button("Scopes", then(() => setScopes(session, path, one))) : null,
    one.status === "active"
      ? button("Suspend", then(() => suspend(path, kind)))
      : button("Activate", then(() => activate(session, path, kind))),
    isKey && one.status === "active" ? button("Compromised", withKey(() => replace(session, path), "The key was replaced"), { class: "danger" }) : null,
    button("Revoke", then(() => revoke(path, kind)), { class: "danger" }),
  ];
}
