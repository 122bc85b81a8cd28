// Accounts and environments.

import { get, query, send } from "./api.js";
import { formDialog } from "./dialog.js";
import { announce, button, h, show, table, title } from "./dom.js";
import { id, state, time } from "./format.js";
import { showList } from "./list.js";
import { receiptText } from "./receipt.js";

const createAccount = (session) => formDialog({
  heading: "Create an account",
  text: "Credentials of an account reach that account only.",
  fields: [{ name: "name", label: "Name", required: true, maxlength: 128 }],
  label: "Create",
  confirmWith: session,
  action: ({ name }, headers) => send("POST", "/v1/accounts", { name }, headers),
});

const createEnvironment = (session, accounts) => formDialog({
  heading: "Create an environment",
  text: "Credentials of an environment reach that environment only.",
  fields: [
    { name: "name", label: "Name", required: true, maxlength: 128 },
    { name: "kind", type: "select", label: "Kind", options: [["sandbox", "Sandbox"], ["production", "Production"]] },
    ...(accounts.length > 1 ? [{ name: "account_id", type: "select", label: "Account", options: [["", "Yours"], ...accounts.map((one) => [one.id, one.name])] }] : []),
  ],
  label: "Create",
  confirmWith: session,
  action: ({ name, kind, account_id }, headers) => send("POST", "/v1/environments", { name, kind, account_id: account_id || null }, headers),
});

const revokeAccount = (account) => formDialog({
  heading: `Revoke the account ${account.name}`,
  text: "All of its credentials and tokens are rejected permanently. This cannot be undone.",
  label: "Revoke the account",
  danger: true,
  action: () => send("POST", `/v1/accounts/${account.id}/revoke`),
});

async function showEnvironments(element, accounts) {
  const { environments, next } = await get(`/v1/environments${query({ limit: 1000 })}`);
  const columns = [
    { label: "Name", cell: (item) => [item.name, id(item.id)] },
    { label: "Kind", cell: (item) => item.kind },
    { label: "Account", cell: (item) => accounts.find((account) => account.id === item.account_id)?.name ?? id(item.account_id) },
    { label: "Created", cell: (item) => time(item.created_at) },
  ];
  show(element, h("h2", {}, "Environments"),
    h("div", { class: "panel" }, environments.length ? table("Environments", columns, environments) : h("div", { class: "empty" }, "There is no environment. Without one, a credential reaches its whole account.")),
    next ? h("p", { class: "muted" }, "Only the first 1000 are shown.") : null);
}

export async function start(main, session) {
  const list = h("section", { "aria-label": "Accounts" });
  const environments = h("section", { "aria-label": "Environments" });
  const accounts = [];
  const create = (dialog, done) => async () => {
    if (await dialog() === undefined) return;
    announce(done);
    await start(main, session);
  };
  show(main,
    title("Accounts", "Tenants of this server, each with its own credentials.",
      session.is_operator ? button("Create an account", create(() => createAccount(session), "The account was created."), { class: "primary" }) : null,
      button("Create an environment", create(() => createEnvironment(session, accounts), "The environment was created."))),
    list, environments);
  const columns = [
    { label: "Name", cell: (item) => [item.name, id(item.id)] },
    { label: "State", cell: (item) => state(item.status) },
    { label: "Created", cell: (item) => time(item.created_at) },
    { label: "Action", cell: (item) => (session.is_operator && item.status === "active" && item.id !== session.account_id
      ? button("Revoke", async () => {
        const revoked = await revokeAccount(item);
        if (revoked === undefined) return;
        announce(["The account was revoked.", receiptText(revoked)].filter(Boolean).join(" "));
        await start(main, session);
      }, { class: "small danger", "aria-label": `Revoke account ${item.name}` })
      : null) },
  ];
  await showList(list, {
    name: "Accounts",
    columns,
    load: async (after) => {
      const page = await get(`/v1/accounts${query({ limit: 200, after })}`);
      accounts.push(...page.accounts);
      return { items: page.accounts, next: page.next };
    },
    words: (item) => [item.name, item.id],
    empty: ["There is no account."],
  });
  await showEnvironments(environments, accounts);
}
